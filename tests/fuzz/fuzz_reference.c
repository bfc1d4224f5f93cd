/*
 * A reference from outside: both of its spellings must mean the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_name(const char *text, const char *name)
{
	struct reference reference;
	char again[REFERENCE_TEXT];
	struct ferry_error err;

	if (reference_parse(&reference, text, &err) ||
	    strcmp(reference_name(again, &reference), name) != 0 ||
	    !reference_is_host(reference.host) ||
	    !reference_is_repository(reference.repository))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);
	struct reference reference;
	char name[REFERENCE_TEXT];
	char familiar[REFERENCE_TEXT];
	struct ferry_error err;

	if (!text || reference_parse(&reference, text, &err))
		return 0;
	reference_name(name, &reference);
	expect_name(name, name);
	expect_name(reference_familiar(familiar, &reference), name);
	return 0;
}
