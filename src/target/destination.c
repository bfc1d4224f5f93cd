#include "target/destination.h"

#include <string.h>

#include "base/text.h"
#include "list/list.h"
#include "oci/reference.h"

#define DAEMON "docker-daemon:"
#define REGISTRY "docker://"

/* As Docker tells a host from a path. */
static bool
begins_with_host(const char *text)
{
	char host[REFERENCE_HOST_MAX];
	size_t length = strcspn(text, "/");

	if (length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	return reference_is_host(host);
}

int
destination_parse(struct destination *out, const char *text,
		  struct ferry_error *err)
{
	int rc = list_refuse_url(text, err);

	if (rc)
		return rc;
	if (strcmp(text, "docker") == 0)
		*out = (struct destination){ DESTINATION_DOCKER, NULL };
	else if (text_starts(text, DAEMON) && text[strlen(DAEMON)])
		*out = (struct destination){ DESTINATION_DOCKER,
					     text + strlen(DAEMON) };
	else if (text_starts(text, REGISTRY) && text[strlen(REGISTRY)])
		*out = (struct destination){ DESTINATION_REGISTRY,
					     text + strlen(REGISTRY) };
	else if (begins_with_host(text))
		*out = (struct destination){ DESTINATION_REGISTRY, text };
	else
		return error_set(err, FERRY_E_USAGE,
				 "'%s' is no target: it is docker, "
				 "docker-daemon:SOCKET or HOST[:PORT][/PREFIX] "
				 "of a registry",
				 text);
	return 0;
}
