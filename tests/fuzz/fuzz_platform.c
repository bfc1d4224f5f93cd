/*
 * A platform from outside: it serves itself, and is the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);
	struct platform platform;
	struct platform again;
	char name[PLATFORM_TEXT];
	struct ferry_error err;

	if (!text || platform_parse(&platform, text, &err))
		return 0;
	if (platform_parse(&again, platform_text(name, &platform), &err) ||
	    memcmp(&platform, &again, sizeof(platform)) != 0 ||
	    !platform_match(&platform, &again))
		abort();
	return 0;
}
