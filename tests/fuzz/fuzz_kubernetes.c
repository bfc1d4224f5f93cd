/*
 * Manifests, and whatever else a list may be taken for.  What is found are
 * references of registries in their normal form.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "list/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct wanted *wanted)
{
	char name[REFERENCE_TEXT];
	char again[REFERENCE_TEXT];
	struct reference reference;
	struct ferry_error err;

	if (wanted->origin.transport != TRANSPORT_REGISTRY)
		abort();
	reference_name(name, &wanted->origin.reference);
	if (reference_parse(&reference, name, &err) ||
	    strcmp(reference_name(again, &reference), name) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(list_release) struct list list = { 0 };
	enum ferry_list_format format = FERRY_LIST_ANY;
	struct ferry_error err;

	if (!list_recognise(&format, data, size, &err) &&
	    format == FERRY_LIST_ANY)
		abort();
	if (list_add_kubernetes(&list, data, size, &err))
		return 0;
	for (size_t i = 0; i < list.count; i++)
		check(&list.items[i]);
	if (!list_settle(&list, &err) && list.count > LIST_IMAGES_MAX)
		abort();
	return 0;
}
