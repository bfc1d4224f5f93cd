/*
 * A base and a reference from outside, a line each: what is taken must be a
 * clean http(s) URL, and resolve to itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

/* Nothing that would end the request line or carry credentials. */
static void
check_text(const char *url)
{
	check(strncmp(url, "http://", 7) == 0 ||
	      strncmp(url, "https://", 8) == 0);
	for (const char *c = url; *c; c++)
		check((unsigned char)*c > ' ' && *c != 0x7f && *c != '#');
}

static void
check_result(const char *url)
{
	AUTO_FREE char *again = NULL;
	struct ferry_error err;
	struct url_origin origin;

	check_text(url);
	/* Resolving may have made it too long to be taken once more. */
	if (url_resolve(&again, url, url, &err))
		return;
	check(strcmp(url, again) == 0);
	if (url_origin(&origin, url, &err))
		return;
	check(origin.host[0] && !strpbrk(origin.host, "@/?#"));
	check(origin.port > 0 && origin.port < 65536);
	check(url_same_origin(url, again));
	url_host_is_loopback(origin.host);
	url_host_is_private(origin.host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *base = strndup((const char *)data, size);
	AUTO_FREE char *result = NULL;
	AUTO_FREE char *escaped = NULL;
	struct ferry_error err;
	const char *reference;
	char *end;

	if (!base)
		return 0;
	end = strchr(base, '\n');
	if (end)
		*end = '\0';
	reference = end ? end + 1 : base;
	if (url_escape(&escaped, reference, &err))
		abort();
	check(strspn(escaped, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz"
			      "0123456789-._~%") == strlen(escaped));
	url_host_is_loopback(reference);
	url_host_is_private(reference);
	if (url_resolve(&result, base, reference, &err) == 0)
		check_result(result);
	return 0;
}
