#include "registry/refusal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json/json.h"

/* Of what a registry says, as much as helps. */
#define SAID_MAX 512

static bool
is_html(const struct http_response *response)
{
	const char *type = http_response_header(response, "Content-Type", 0);

	return type && (strncasecmp(type, "text/html", 9) == 0 ||
			strncasecmp(type, "application/xhtml", 17) == 0);
}

int
refusal_check_type(const struct http_response *response, const char *host,
		   struct ferry_error *err)
{
	if (!is_html(response))
		return 0;
	return error_set(err, FERRY_E_FAILED,
			 "%s is not a registry (it answered text/html)", host);
}

static size_t
add_error(char *out, size_t used, const json_t *entry)
{
	const char *code = json_string_value(json_object_get(entry, "code"));
	const char *text = json_string_value(json_object_get(entry, "message"));
	int length;

	if (!code && !text)
		return used;
	length = snprintf(out + used, SAID_MAX - used, "%s%s%s%s",
			  used ? "; " : ": ", code ? code : "",
			  code && text ? ": " : "", text ? text : "");
	used += length < 0 ? 0 : (size_t)length;
	return used < SAID_MAX ? used : SAID_MAX - 1;
}

/* Token servers of some clouds say {"error": ...} or {"details": ...}. */
static void
add_other(char *out, const json_t *json)
{
	static const char *const keys[] = { "error_description", "details",
					    "message", "error" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *text =
			json_string_value(json_object_get(json, keys[i]));

		if (!text)
			continue;
		snprintf(out, SAID_MAX, ": %s", text);
		return;
	}
}

/* The first line of plain text, as proxies and Go's server answer. */
static void
add_line(char *out, const struct http_response *response)
{
	const char *text = (const char *)response->body.data;
	size_t size = response->body.size;
	size_t length = 0;

	while (length < size && length < SAID_MAX / 2 && text[length] &&
	       !strchr("\r\n", text[length]))
		length++;
	if (length && text[0] != '<' && text[0] != '{')
		snprintf(out, SAID_MAX, ": %.*s", (int)length, text);
}

/* ": CODE: message; ...", or "" if it says nothing that can be understood. */
static void
read_errors(char out[SAID_MAX], const struct http_response *response)
{
	struct ferry_error ignored;
	AUTO_JSON *json = NULL;
	json_t *entry;
	size_t index;
	size_t used = 0;

	out[0] = '\0';
	if (!response->body.size || is_html(response))
		return;
	if (json_parse(&json, response->body.data, response->body.size,
		       &ignored)) {
		add_line(out, response);
		return;
	}
	json_array_foreach (json_object_get(json, "errors"), index, entry)
		used = add_error(out, used, entry);
	if (!used)
		add_other(out, json);
}

static int
refused(int status, const char *host, enum refusal_role role, const char *said,
	struct ferry_error *err)
{
	enum ferry_code code =
		status == 404 ? FERRY_E_NOT_FOUND : FERRY_E_DENIED;

	if (role == REFUSAL_KNOWN)
		return error_set(err, code,
				 status == 401 ? "%s refuses the credentials%s"
				 : status == 403
					 ? "%s denies it to these credentials%s"
					 : "%s does not have it, or hides it "
					   "from these credentials%s",
				 host, said);
	if (role == REFUSAL_OPEN && status == 404)
		return error_set(err, code, "%s does not have it%s", host,
				 said);
	if (role == REFUSAL_STRANGER && status != 404)
		return error_set(err, code,
				 "%s denies it to those without credentials "
				 "(docker login, or --authfile)%s",
				 host, said);
	return error_set(err, code,
			 "not found, or private and no credentials for %s "
			 "(docker login, or --authfile)%s",
			 host, said);
}

bool
refusal_is_of_tag(int status)
{
	return status == 400 || status == 409 || status == 412;
}

int
refusal_error(const struct http_response *response, const char *host,
	      enum refusal_role role, struct ferry_error *err)
{
	char said[SAID_MAX];

	read_errors(said, response);
	if (role == REFUSAL_AWAY)
		return error_set(err,
				 response->status == 404 ? FERRY_E_NOT_FOUND
							 : FERRY_E_FAILED,
				 "%s, where the registry sent us, answered "
				 "%d%s",
				 host, response->status, said);
	if (role == REFUSAL_TOKENS)
		return error_set(err, FERRY_E_FAILED, "%s answered %d%s", host,
				 response->status, said);
	if (role == REFUSAL_UPLOAD && response->status == 404)
		return error_set(err, FERRY_E_FAILED,
				 "%s has lost the upload twice (404); if it is "
				 "several machines, they do not share "
				 "uploads%s",
				 host, said);
	if (role == REFUSAL_TAG && refusal_is_of_tag(response->status))
		return error_set(err, FERRY_E_FAILED,
				 "%s will not have it replaced (%d); is the "
				 "tag immutable?%s",
				 host, response->status, said);
	switch (response->status) {
	case 401:
	case 403:
	case 404:
		return refused(response->status, host, role, said, err);
	case 405:
		return error_set(
			err, FERRY_E_FAILED,
			"%s does not allow it (405); is it read-only?%s", host,
			said);
	case 413:
		return error_set(err, FERRY_E_FAILED,
				 "%s finds it too large (413)%s", host, said);
	case 429:
		return error_set(err, FERRY_E_FAILED,
				 "%s limits how much it may be asked (429)%s",
				 host, said);
	default:
		return error_set(err, FERRY_E_FAILED, "%s answered %d%s", host,
				 response->status, said);
	}
}
