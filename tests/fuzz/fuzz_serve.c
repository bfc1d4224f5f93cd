/*
 * What a client of `serve` sends, a line each: the URI, then headers.  What is
 * taken is well-formed, and no range leaves its content.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/conditions.h"
#include "serve/page.h"
#include "serve/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_route(const char *uri)
{
	struct route route;

	route_parse(&route, uri);
	if (route.n > ROUTE_PAGE_MAX)
		abort();
	if (route.kind >= ROUTE_TAGS && route.kind <= ROUTE_REFERRERS &&
	    !reference_is_repository(route.repository))
		abort();
	if (route.kind == ROUTE_MANIFEST && !strchr(route.reference, ':') &&
	    !reference_is_tag(route.reference))
		abort();
}

static void
check_headers(const char *text)
{
	static const uint64_t sizes[] = { 0, 1, 1000, UINT64_C(1) << 50 };
	struct digest digest = { "sha256:" };
	struct range range;

	memset(digest.text + 7, '0', DIGEST_HEX);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (range_parse(&range, text, sizes[i]) == RANGE_PART &&
		    (!range.length || range.first >= sizes[i] ||
		     range.length > sizes[i] - range.first))
			abort();
	(void)conditions_accept(text, "application/json");
	if (conditions_same(text, &digest) && !conditions_match(text, &digest))
		abort();
}

static void
check_host(const char *text)
{
	char host[REFERENCE_HOST_MAX];

	if (page_host(host, text, false) &&
	    (!reference_is_host(host) || strpbrk(host, " <>&\"'$`;\\")))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	check_route(text);
	check_headers(text);
	check_host(text);
	return 0;
}
