#include "serve/route.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Longer is no name of anything here. */
#define PATH_MAX_BYTES 1024

static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Decodes `size` bytes; false where they are no text, or too long a one. */
static bool
decode(char *out, size_t room, const char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < size ? hex_value(text[i + 1]) : -1;
			int low = i + 2 < size ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (!c || length + 1 >= room)
			return false;
		out[length++] = c;
	}
	out[length] = '\0';
	return true;
}

static bool
is_digest(const char *text)
{
	struct digest digest;
	struct ferry_error ignored;

	return digest_parse(&digest, text, &ignored) == 0;
}

/* What stands behind the name, longest words first where one ends another. */
static const struct {
	const char *word;
	enum route_kind kind;
} endpoints[] = {
	{ "/blobs/uploads/", ROUTE_UPLOAD }, { "/blobs/uploads", ROUTE_UPLOAD },
	{ "/tags/list", ROUTE_TAGS },	     { "/manifests/", ROUTE_MANIFEST },
	{ "/blobs/", ROUTE_BLOB },	     { "/referrers/", ROUTE_REFERRERS },
};

/*
 * The endpoint that `path` ends with, whose last component is the rest: a name
 * may hold the same words.
 */
static const char *
find_endpoint(const char *path, enum route_kind *kind)
{
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		size_t length = strlen(endpoints[i].word);
		bool open = endpoints[i].word[length - 1] == '/';

		for (const char *at = strstr(path, endpoints[i].word); at;
		     at = strstr(at + 1, endpoints[i].word)) {
			bool ends =
				open ? !strchr(at + length, '/') : !at[length];

			if (ends && (!found || at > found)) {
				found = at;
				*kind = endpoints[i].kind;
			}
		}
	}
	return found;
}

static enum route_kind
check_reference(enum route_kind kind, const char *reference)
{
	bool digest = is_digest(reference);

	if (kind == ROUTE_BLOB || kind == ROUTE_REFERRERS)
		return digest ? kind : ROUTE_BAD_DIGEST;
	if (kind != ROUTE_MANIFEST || digest)
		return kind;
	if (strchr(reference, ':'))
		return ROUTE_BAD_DIGEST;
	return reference_is_tag(reference) ? kind : ROUTE_BAD_REFERENCE;
}

/* "NAME/manifests/7", without "/v2/". */
static enum route_kind
parse_named(struct route *out, const char *path)
{
	enum route_kind kind = ROUTE_NOWHERE;
	const char *endpoint = find_endpoint(path, &kind);
	const char *reference;
	size_t length;

	if (!endpoint)
		return ROUTE_NOWHERE;
	length = (size_t)(endpoint - path);
	if (length >= sizeof(out->repository))
		return ROUTE_BAD_NAME;
	memcpy(out->repository, path, length);
	out->repository[length] = '\0';
	if (!reference_is_repository(out->repository))
		return ROUTE_BAD_NAME;
	if (kind == ROUTE_TAGS || kind == ROUTE_UPLOAD)
		return kind;
	reference = strrchr(endpoint, '/') + 1;
	kind = check_reference(kind, reference);
	if (strlen(reference) < sizeof(out->reference))
		strcpy(out->reference, reference);
	return kind;
}

static enum route_kind
parse_path(struct route *out, const char *path)
{
	if (strcmp(path, "/") == 0)
		return ROUTE_PAGE;
	if (strcmp(path, "/v2") == 0 || strcmp(path, "/v2/") == 0)
		return ROUTE_BASE;
	if (!text_starts(path, "/v2/"))
		return ROUTE_NOWHERE;
	path += strlen("/v2/");
	if (strcmp(path, "_catalog") == 0)
		return ROUTE_CATALOG;
	return parse_named(out, path);
}

static bool
parse_parameter(struct route *out, const char *text, size_t size)
{
	char value[REFERENCE_REPOSITORY_MAX];
	const char *equals = memchr(text, '=', size);
	size_t name = equals ? (size_t)(equals - text) : size;
	bool is_n = name == 1 && text[0] == 'n';
	uint64_t n;

	if (!is_n && !(name == 4 && memcmp(text, "last", 4) == 0))
		return true;
	if (!equals ||
	    !decode(value, sizeof(value), equals + 1, size - name - 1))
		return false;
	if (!is_n) {
		strcpy(out->last, value);
		return true;
	}
	if (!text_to_u64(value, &n))
		return false;
	out->n = n < ROUTE_PAGE_MAX ? (size_t)n : ROUTE_PAGE_MAX;
	return true;
}

static bool
parse_query(struct route *out, const char *query)
{
	while (*query) {
		size_t size = strcspn(query, "&");

		if (!parse_parameter(out, query, size))
			return false;
		query += size + (query[size] == '&');
	}
	return true;
}

/* As a proxy is asked, which a server has to take too: RFC 9112 3.2.2. */
static const char *
without_authority(const char *uri)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t length = strlen(schemes[i]);

		if (strncasecmp(uri, schemes[i], length) == 0) {
			uri += length;
			uri += strcspn(uri, "/?#");
			return *uri == '/' ? uri : "/";
		}
	}
	return uri;
}

void
route_parse(struct route *out, const char *request_target)
{
	const char *uri = without_authority(request_target);
	size_t length = strcspn(uri, "?#");
	char path[PATH_MAX_BYTES];
	bool listed;

	*out = (struct route){ .kind = ROUTE_NOWHERE, .n = ROUTE_PAGE_MAX };
	if (!decode(path, sizeof(path), uri, length))
		return;
	out->kind = parse_path(out, path);
	listed = out->kind == ROUTE_CATALOG || out->kind == ROUTE_TAGS;
	if (listed && uri[length] == '?' && !parse_query(out, uri + length + 1))
		out->kind = ROUTE_BAD_PAGE;
}
