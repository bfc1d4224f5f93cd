#include "net/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Signed URLs reach some 4 KiB; the rest is room. */
#define URL_MAX 16384

#define AUTO_URL AUTO(cleanup_url) CURLU
#define AUTO_PART AUTO(cleanup_part) char

static void
cleanup_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void
cleanup_part(char **part)
{
	curl_free(*part);
}

/* What stands before the first ':', if RFC 3986 3.1 calls it a scheme. */
static size_t
scheme_length(const char *text)
{
	size_t n = 0;

	if (!isalpha((unsigned char)text[0]))
		return 0;
	while (isalnum((unsigned char)text[n]) || text[n] == '+' ||
	       text[n] == '-' || text[n] == '.')
		n++;
	return text[n] == ':' ? n : 0;
}

/*
 * libcurl forgives one or three slashes and knows a dozen schemes.  What it
 * would have to forgive, other programs read differently: refused here.
 */
static int
check_front(const char *text, struct ferry_error *err)
{
	size_t scheme = scheme_length(text);
	const char *authority = NULL;

	if (scheme) {
		if ((scheme != 4 || strncasecmp(text, "http", 4) != 0) &&
		    (scheme != 5 || strncasecmp(text, "https", 5) != 0))
			return error_set(err, FERRY_E_FAILED,
					 "a URL of scheme \"%.*s\", neither "
					 "http nor https",
					 scheme > 16 ? 16 : (int)scheme, text);
		if (strncmp(text + scheme, "://", 3) != 0)
			return error_set(err, FERRY_E_FAILED,
					 "a URL without // after its scheme");
		authority = text + scheme + 3;
	} else if (text_starts(text, "//")) {
		authority = text + 2;
	}
	if (authority && (!*authority || strchr("/?#:", *authority)))
		return error_set(err, FERRY_E_FAILED, "a URL without a host");
	/* Decoding could bring in there what is not allowed as it is. */
	if (authority && memchr(authority, '%', strcspn(authority, "/?#")))
		return error_set(err, FERRY_E_FAILED,
				 "a URL with a %% in its host");
	return 0;
}

static int
check_text(const char *text, struct ferry_error *err)
{
	size_t length = strnlen(text, URL_MAX + 1);

	if (!length)
		return error_set(err, FERRY_E_FAILED, "an empty URL");
	if (length > URL_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "a URL of more than %d bytes", URL_MAX);
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			return error_set(err, FERRY_E_FAILED,
					 "a URL with control characters in it");
		if (*text == ' ' || *text == '\\')
			return error_set(err, FERRY_E_FAILED,
					 "a URL with a %s in it",
					 *text == ' ' ? "space" : "backslash");
	}
	return 0;
}

/* Sets `text`, absolute or relative to what is there already. */
static int
set_url(CURLU *url, const char *text, struct ferry_error *err)
{
	int rc = check_text(text, err);
	CURLUcode code;

	rc = rc ? rc : check_front(text, err);
	if (rc)
		return rc;
	code = curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
	if (code == CURLUE_OK)
		return 0;
	if (code == CURLUE_OUT_OF_MEMORY)
		return error_nomem(err);
	if (code == CURLUE_USER_NOT_ALLOWED)
		return error_set(err, FERRY_E_FAILED,
				 "a URL with a user name in it");
	return error_set(err, FERRY_E_FAILED, "not a URL: %s",
			 curl_url_strerror(code));
}

static int
get_part(CURLU *url, CURLUPart part, char **out, struct ferry_error *err)
{
	CURLUcode code = curl_url_get(url, part, out, CURLU_DEFAULT_PORT);

	if (code == CURLUE_OK)
		return 0;
	*out = NULL;
	if (code == CURLUE_OUT_OF_MEMORY)
		return error_nomem(err);
	return error_set(err, FERRY_E_FAILED, "not a URL: %s",
			 curl_url_strerror(code));
}

static int
set_absolute(CURLU *url, const char *text, struct ferry_error *err)
{
	if (!scheme_length(text))
		return error_set(err, FERRY_E_FAILED,
				 "a URL without http:// or https://");
	return set_url(url, text, err);
}

int
url_resolve(char **out, const char *base, const char *reference,
	    struct ferry_error *err)
{
	AUTO_URL *url = curl_url();
	AUTO_PART *whole = NULL;
	CURLUcode code;
	int rc;

	if (!url)
		return error_nomem(err);
	rc = set_absolute(url, base, err);
	rc = rc ? rc : set_url(url, reference, err);
	if (rc)
		return rc;
	if (curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0))
		return error_nomem(err);
	/* Without CURLU_DEFAULT_PORT: the port is named only if it was. */
	code = curl_url_get(url, CURLUPART_URL, &whole, 0);
	if (code != CURLUE_OK)
		return error_set(err, FERRY_E_FAILED, "not a URL: %s",
				 curl_url_strerror(code));
	return text_copy(out, whole, err);
}

static int
set_origin(struct url_origin *out, const char *scheme, const char *host,
	   const char *port, struct ferry_error *err)
{
	struct url_origin origin = { 0 };
	uint64_t number;
	size_t n = 0;

	if (strlen(host) >= sizeof(origin.host))
		return error_set(err, FERRY_E_FAILED,
				 "a URL whose host name is too long");
	if (!text_to_u64(port, &number) || !number || number > UINT16_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "a URL whose port is not 1 to 65535");
	snprintf(origin.scheme, sizeof(origin.scheme), "%s", scheme);
	for (; host[n]; n++)
		origin.host[n] = (char)tolower((unsigned char)host[n]);
	origin.port = (unsigned)number;
	*out = origin;
	return 0;
}

int
url_origin(struct url_origin *out, const char *url, struct ferry_error *err)
{
	AUTO_URL *parsed = curl_url();
	AUTO_PART *scheme = NULL;
	AUTO_PART *host = NULL;
	AUTO_PART *port = NULL;
	int rc;

	if (!parsed)
		return error_nomem(err);
	rc = set_absolute(parsed, url, err);
	rc = rc ? rc : get_part(parsed, CURLUPART_SCHEME, &scheme, err);
	rc = rc ? rc : get_part(parsed, CURLUPART_HOST, &host, err);
	rc = rc ? rc : get_part(parsed, CURLUPART_PORT, &port, err);
	return rc ? rc : set_origin(out, scheme, host, port, err);
}

int
url_peer(char out[URL_PEER_TEXT], const char *url, struct ferry_error *err)
{
	struct url_origin origin;
	int rc = url_origin(&origin, url, err);

	if (rc)
		return rc;
	if (origin.port == (strcmp(origin.scheme, "https") ? 80 : 443))
		snprintf(out, URL_PEER_TEXT, "%s", origin.host);
	else
		snprintf(out, URL_PEER_TEXT, "%s:%u", origin.host, origin.port);
	return 0;
}

bool
url_same_origin(const char *a, const char *b)
{
	struct ferry_error ignored;
	struct url_origin one;
	struct url_origin two;

	return url_origin(&one, a, &ignored) == 0 &&
	       url_origin(&two, b, &ignored) == 0 &&
	       strcmp(one.scheme, two.scheme) == 0 &&
	       strcmp(one.host, two.host) == 0 && one.port == two.port;
}

int
url_escape(char **out, const char *text, struct ferry_error *err)
{
	size_t length = strlen(text);
	char *copy = calloc(length + 1, 3);
	char *at = copy;

	if (!copy)
		return error_nomem(err);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		/* RFC 3986 2.3; isalnum() would ask the locale. */
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-._~", c))
			*at++ = (char)c;
		else
			at += sprintf(at, "%%%02X", c);
	}
	*out = copy;
	return 0;
}
