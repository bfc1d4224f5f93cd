/*
 * ferry's own list of images.  What is read can be written, and then reads as
 * the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "list/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_list(struct buffer *out, const struct list *list)
{
	struct ferry_error err;

	if (definition_write(out, list, &err))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(list_release) struct list list = { 0 };
	AUTO(list_release) struct list again = { 0 };
	AUTO_BUFFER text = BUFFER(LIST_BYTES_MAX);
	AUTO_BUFFER same = BUFFER(LIST_BYTES_MAX);
	struct ferry_error err;

	if (list_add_definition(&list, data, size, &err))
		return 0;
	write_list(&text, &list);
	if (list_add_definition(&again, text.data, text.size, &err))
		abort();
	write_list(&same, &again);
	if (text.size != same.size ||
	    memcmp(text.data, same.data, text.size) != 0)
		abort();
	return 0;
}
