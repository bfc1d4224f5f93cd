/*
 * Where a Docker is, as a variable or a context's file says it: what is taken
 * leads to a socket or to a URL of an origin, and nowhere else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/text.h"
#include "engine/endpoint.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *text, bool tls)
{
	AUTO(engine_endpoint_release) struct engine_endpoint endpoint = { 0 };
	struct url_origin origin;
	struct ferry_error err;

	if (engine_endpoint_parse(&endpoint, text, tls, &err))
		return;
	if (endpoint.socket) {
		if (strlen(endpoint.socket) >=
		    sizeof(((struct sockaddr_un *)0)->sun_path))
			abort();
		return;
	}
	if (url_origin(&origin, endpoint.url, &err) ||
	    strpbrk(endpoint.url, "?#@% \r\n") ||
	    text_starts(endpoint.url, "https://") != endpoint.tls ||
	    (tls && !endpoint.tls))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	check(text, false);
	check(text, true);
	return 0;
}
