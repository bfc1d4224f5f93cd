#include "oci/reference.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define ALNUM LOWER UPPER DIGITS

#define HUB_HOST_OLD "index.docker.io"

#define PORT_DIGITS 5
#define PORT_MAX 65535

/* Whether the first component of a reference is its host, by Docker's rule. */
static bool
names_host(const char *component)
{
	return strpbrk(component, ".:" UPPER) ||
	       strcmp(component, "localhost") == 0;
}

static bool
is_port(const char *text)
{
	uint64_t port;

	return strlen(text) <= PORT_DIGITS && text_to_u64(text, &port) &&
	       port > 0 && port <= PORT_MAX;
}

/* Length of "[::1]" at the start of `text`, or 0. */
static size_t
ipv6_length(const char *text)
{
	size_t inside = strspn(text + 1, DIGITS "abcdefABCDEF:");

	return inside && text[inside + 1] == ']' ? inside + 2 : 0;
}

/* Length of the labels at the start of `text`: "registry.example". */
static size_t
domain_length(const char *text)
{
	size_t length = 0;

	for (;;) {
		size_t label = strspn(text + length, ALNUM "-");

		if (!label || text[length] == '-' ||
		    text[length + label - 1] == '-')
			return 0;
		length += label;
		if (text[length] != '.')
			return length;
		length++;
	}
}

bool
reference_is_host(const char *text)
{
	size_t length;

	if (strlen(text) >= REFERENCE_HOST_MAX || !names_host(text))
		return false;
	length = *text == '[' ? ipv6_length(text) : domain_length(text);
	if (!length)
		return false;
	return !text[length] ||
	       (text[length] == ':' && is_port(text + length + 1));
}

/* Length of what may stand between two words of a component, or 0. */
static size_t
separator_length(const char *text)
{
	if (*text == '_')
		return text[1] == '_' ? 2 : 1;
	if (*text == '-')
		return strspn(text, "-");
	return *text == '.';
}

static size_t
component_length(const char *text)
{
	size_t length = strspn(text, LOWER DIGITS);

	while (length) {
		size_t gap = separator_length(text + length);
		size_t word = strspn(text + length + gap, LOWER DIGITS);

		if (!gap || !word)
			break;
		length += gap + word;
	}
	return length;
}

bool
reference_is_repository(const char *text)
{
	if (strlen(text) >= REFERENCE_REPOSITORY_MAX)
		return false;
	for (;;) {
		size_t length = component_length(text);

		if (!length)
			return false;
		if (!text[length])
			return true;
		if (text[length] != '/')
			return false;
		text += length + 1;
	}
}

bool
reference_is_tag(const char *text)
{
	size_t length = strspn(text, ALNUM "_.-");

	return length && length < REFERENCE_TAG_MAX && !text[length] &&
	       *text != '.' && *text != '-';
}

/* Cuts the host off *text, if it has one; what is left stays in *text. */
static int
take_host(struct reference *reference, char **text, struct ferry_error *err)
{
	char *slash = strchr(*text, '/');
	const char *host = REFERENCE_HUB;

	if (slash) {
		*slash = '\0';
		if (names_host(*text)) {
			host = *text;
			*text = slash + 1;
		} else {
			*slash = '/';
		}
	}
	if (!reference_is_host(host))
		return error_set(err, FERRY_E_USAGE, "'%s' is no host", host);
	if (strcmp(host, HUB_HOST_OLD) == 0)
		host = REFERENCE_HUB;
	memcpy(reference->host, host, strlen(host) + 1);
	return 0;
}

static int
set_repository(struct reference *reference, const char *path,
	       struct ferry_error *err)
{
	bool official = strcmp(reference->host, REFERENCE_HUB) == 0 &&
			!strchr(path, '/');
	const char *prefix = official ? REFERENCE_HUB_OFFICIAL : "";

	if (!*path)
		return error_set(err, FERRY_E_USAGE, "it names no repository");
	if (strpbrk(path, UPPER))
		return error_set(err, FERRY_E_USAGE,
				 "repository names are lower case");
	if (strlen(prefix) + strlen(path) >= REFERENCE_REPOSITORY_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "its repository has more than %d characters",
				 REFERENCE_REPOSITORY_MAX - 1);
	if (!reference_is_repository(path))
		return error_set(err, FERRY_E_USAGE,
				 "'%s' is no repository name", path);
	snprintf(reference->repository, sizeof(reference->repository), "%s%s",
		 prefix, path);
	return 0;
}

static int
set_tag(struct reference *reference, const char *tag, struct ferry_error *err)
{
	if (!reference_is_tag(tag))
		return error_set(err, FERRY_E_USAGE, "'%s' is no tag", tag);
	memcpy(reference->tag, tag, strlen(tag) + 1);
	return 0;
}

/* Takes `text` apart in place. */
static int
parse(struct reference *out, char *text, struct ferry_error *err)
{
	char *digest = strchr(text, '@');
	char *tag;
	int rc = 0;

	if (digest) {
		*digest = '\0';
		rc = digest_parse(&out->digest, digest + 1, err);
	}
	if (!rc)
		rc = take_host(out, &text, err);
	if (rc)
		return rc;
	tag = strchr(text, ':');
	if (tag)
		*tag = '\0';
	rc = set_repository(out, text, err);
	if (!rc && tag)
		rc = set_tag(out, tag + 1, err);
	else if (!rc && !digest)
		rc = set_tag(out, "latest", err);
	return rc;
}

int
reference_parse(struct reference *out, const char *text,
		struct ferry_error *err)
{
	struct reference reference = { 0 };
	char copy[REFERENCE_TEXT];
	size_t length = strlen(text);
	int rc;

	if (length >= sizeof(copy)) {
		rc = error_set(err, FERRY_E_USAGE,
			       "it has more than %zu characters",
			       sizeof(copy) - 1);
	} else if (length == DIGEST_HEX && digest_is_hex(text)) {
		rc = error_set(err, FERRY_E_USAGE,
			       "64 hex digits are an image's ID, not its name");
	} else {
		memcpy(copy, text, length + 1);
		rc = parse(&reference, copy, err);
	}
	if (rc) /* shortened so that the reason always fits behind it */
		return error_set(err, FERRY_E_USAGE,
				 "'%.300s' is no image reference: %s", text,
				 err->message);
	*out = reference;
	return 0;
}

void
reference_unpin(struct reference *reference)
{
	if (reference->tag[0])
		reference->digest = (struct digest){ 0 };
}

static const char *
spell(char out[REFERENCE_TEXT], const char *host, const char *repository,
      const struct reference *reference)
{
	const char *slash = *host ? "/" : "";
	const char *mark = reference->tag[0] ? ":" : "@";
	const char *version =
		reference->tag[0] ? reference->tag : reference->digest.text;

	snprintf(out, REFERENCE_TEXT, "%s%s%s%s%s", host, slash, repository,
		 mark, version);
	return out;
}

const char *
reference_name(char out[REFERENCE_TEXT], const struct reference *reference)
{
	return spell(out, reference->host, reference->repository, reference);
}

/* Whether the host can go without the first component being taken for one. */
static bool
host_is_implied(const struct reference *reference)
{
	char first[REFERENCE_REPOSITORY_MAX];
	size_t length = strcspn(reference->repository, "/");

	memcpy(first, reference->repository, length);
	first[length] = '\0';
	return strcmp(reference->host, REFERENCE_HUB) == 0 &&
	       !names_host(first);
}

const char *
reference_familiar(char out[REFERENCE_TEXT], const struct reference *reference)
{
	const char *repository = reference->repository;

	if (!host_is_implied(reference))
		return reference_name(out, reference);
	if (text_starts(repository, REFERENCE_HUB_OFFICIAL) &&
	    !strchr(repository + strlen(REFERENCE_HUB_OFFICIAL), '/'))
		repository += strlen(REFERENCE_HUB_OFFICIAL);
	return spell(out, "", repository, reference);
}

const char *
reference_short_path(const struct reference *reference)
{
	const char *path = reference->repository;

	if (strcmp(reference->host, REFERENCE_HUB) == 0 &&
	    text_starts(path, REFERENCE_HUB_OFFICIAL))
		path += strlen(REFERENCE_HUB_OFFICIAL);
	return path;
}
