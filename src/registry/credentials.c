#include "registry/credentials.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "codec/base64.h"
#include "oci/reference.h"

void
credentials_forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

bool
credentials_are_set(const struct credentials *credentials)
{
	return credentials->password || credentials->identity_token ||
	       credentials->registry_token;
}

void
credentials_release(struct credentials *credentials)
{
	credentials_forget(credentials->username);
	credentials_forget(credentials->password);
	credentials_forget(credentials->identity_token);
	credentials_forget(credentials->registry_token);
	*credentials = (struct credentials){ 0 };
}

void
credentials_wipe(struct buffer *buffer)
{
	if (buffer->data)
		explicit_bzero(buffer->data, buffer->size);
	buffer_release(buffer);
}

int
credentials_basic(struct buffer *out, const struct credentials *credentials,
		  struct ferry_error *err)
{
	AUTO(credentials_wipe) struct buffer pair = BUFFER(BASE64_MAX);
	const char *secret = credentials->password
				     ? credentials->password
				     : credentials->identity_token;
	int rc = buffer_format(&pair, err, "%s:%s",
			       credentials->username ? credentials->username
						     : "",
			       secret ? secret : "");

	if (!rc)
		rc = buffer_format(out, err, "Basic ");
	return rc ? rc : base64_encode(out, pair.data, pair.size, err);
}

const char *
credentials_host(const char *host)
{
	static const char *const aliases[] = { REFERENCE_HUB, "index.docker.io",
					       "registry-1.docker.io" };

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcasecmp(aliases[i], host) == 0)
			return aliases[0];
	return host;
}

static int
load(json_t **out, const char *path, struct ferry_error *err)
{
	AUTO(credentials_wipe)
	struct buffer text = BUFFER(CREDENTIALS_FILE_MAX);
	int rc = file_load(path, &text, err);

	if (rc)
		return rc;
	if (!text.size) {
		*out = json_object();
		return *out ? 0 : error_nomem(err);
	}
	if (json_parse(out, text.data, text.size, err))
		/* jansson's message quotes what it stumbled on: a secret. */
		return error_set(err, FERRY_E_FAILED,
				 "%s: no valid JSON object", path);
	return 0;
}

int
credentials_load(json_t **out, const char *path, struct ferry_error *err)
{
	return load(out, path, err) ? error_wrap(err, "credentials") : 0;
}

/* What a key of "auths" stands for. */
struct key {
	char host[256];
	const char *path;
	size_t path_length;
	bool is_url;
};

static bool
is_version(const char *path, size_t length)
{
	return length == 2 && path[0] == 'v' &&
	       (path[1] == '1' || path[1] == '2');
}

/*
 * Docker's keys are URLs whose path is the API's version or nothing; other
 * paths in there (".../v1/refresh-token") are not for registries.
 * containers' keys are HOST[/PATH].
 */
static bool
parse_key(struct key *out, const char *text)
{
	const char *scheme_end = strstr(text, "://");
	const char *host = scheme_end ? scheme_end + 3 : text;
	size_t length = strcspn(host, "/");

	if (length >= sizeof(out->host))
		return false;
	memcpy(out->host, host, length);
	out->host[length] = '\0';
	out->is_url = scheme_end;
	out->path = host + length + strspn(host + length, "/");
	out->path_length = strlen(out->path);
	while (out->path_length && out->path[out->path_length - 1] == '/')
		out->path_length--;
	if (is_version(out->path, out->path_length))
		out->path_length = 0;
	return !out->is_url || !out->path_length;
}

static bool
covers(const struct key *key, const char *host, const char *repository)
{
	size_t length = key->path_length;

	if (strcasecmp(credentials_host(key->host), credentials_host(host)))
		return false;
	if (!length)
		return true;
	return strncmp(key->path, repository, length) == 0 &&
	       (repository[length] == '/' || !repository[length]);
}

/* How well `text` fits; 0: not at all.  A longer path beats the exact name. */
static size_t
rate_key(const char *text, const char *host, const char *repository)
{
	struct key key;

	if (!parse_key(&key, text) || !covers(&key, host, repository))
		return 0;
	return 1 + 2 * key.path_length + (strcmp(text, host) == 0);
}

static int
copy_some(char **out, const json_t *entry, const char *key,
	  struct ferry_error *err)
{
	const char *text = NULL;
	int rc = json_find_text(entry, key, &text, err);

	if (rc || !text || !*text)
		return rc;
	return text_copy(out, text, err);
}

/* base64(1) breaks lines, and Docker reads over that. */
static int
join_lines(struct buffer *out, const char *text, struct ferry_error *err)
{
	int rc = 0;

	while (*text && !rc) {
		size_t length = strcspn(text, "\r\n");

		rc = buffer_append(out, text, length, err);
		text += length;
		text += strspn(text, "\r\n");
	}
	return rc ? rc : buffer_append(out, "", 1, err);
}

/* "user:password" in base64; some tools leave NULs behind it. */
static int
split_auth(struct credentials *into, const char *auth, struct ferry_error *err)
{
	AUTO(credentials_wipe) struct buffer line = BUFFER(BASE64_MAX * 2);
	AUTO(credentials_wipe) struct buffer pair = BUFFER(BASE64_MAX);
	const char *text = NULL;
	const char *colon;
	int rc = join_lines(&line, auth, err);

	if (!rc)
		rc = base64_decode(&pair, (const char *)line.data, err);
	if (!rc)
		rc = buffer_text(&pair, &text, err);
	if (rc)
		return error_wrap(err, "\"auth\"");
	colon = strchr(text, ':');
	if (!colon)
		rc = error_set(err, FERRY_E_FAILED,
			       "\"auth\": no colon between user and password");
	else
		rc = text_format(&into->username, err, "%.*s",
				 (int)(colon - text), text);
	if (!rc && colon[1])
		rc = text_copy(&into->password, colon + 1, err);
	return rc;
}

static int
read_entry(struct credentials *into, const json_t *entry,
	   struct ferry_error *err)
{
	const char *auth = NULL;
	int rc = json_find_text(entry, "auth", &auth, err);

	if (!rc && auth && *auth)
		rc = split_auth(into, auth, err);
	if (!rc && !into->username)
		rc = copy_some(&into->username, entry, "username", err);
	if (!rc && !into->password)
		rc = copy_some(&into->password, entry, "password", err);
	if (!rc)
		rc = copy_some(&into->identity_token, entry, "identitytoken",
			       err);
	if (!rc)
		rc = copy_some(&into->registry_token, entry, "registrytoken",
			       err);
	return rc;
}

int
credentials_find(struct credentials *out, const json_t *config,
		 const char *host, const char *repository,
		 struct ferry_error *err)
{
	json_t *auths = NULL;
	json_t *entry;
	const char *key;
	size_t best = 0;
	int rc = json_find_object(config, "auths", &auths, err);

	if (rc || !auths)
		return rc;
	json_object_foreach (auths, key, entry) {
		AUTO(credentials_release) struct credentials found = { 0 };
		size_t rating = rate_key(key, host, repository);

		if (rating <= best)
			continue;
		rc = read_entry(&found, entry, err);
		if (rc) {
			credentials_release(out);
			return error_wrap(err, "credentials of %s", key);
		}
		if (!credentials_are_set(&found))
			continue;
		best = rating;
		credentials_release(out);
		*out = found;
		found = (struct credentials){ 0 };
	}
	return 0;
}

int
credentials_helper(const char **out, const json_t *config, const char *host,
		   struct ferry_error *err)
{
	json_t *helpers = NULL;
	json_t *value;
	const char *store = NULL;
	const char *key;
	int rc = json_find_object(config, "credHelpers", &helpers, err);

	if (!rc)
		rc = json_find_text(config, "credsStore", &store, err);
	if (rc)
		return rc;
	*out = store && *store ? store : NULL;
	json_object_foreach (helpers, key, value) {
		if (!rate_key(key, host, ""))
			continue;
		if (!json_is_string(value))
			return error_set(err, FERRY_E_FAILED,
					 "credHelpers: \"%s\" is no string",
					 key);
		*out = *json_string_value(value) ? json_string_value(value)
						 : NULL;
		return 0;
	}
	return 0;
}

bool
credentials_mention(const json_t *config, const char *host)
{
	static const char *const maps[] = { "auths", "credHelpers" };
	const char *key;
	json_t *value;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		json_object_foreach (json_object_get(config, maps[i]), key,
				     value)
			if (rate_key(key, host, ""))
				return true;
	return false;
}
