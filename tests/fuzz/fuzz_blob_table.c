/*
 * bundle.blobs from outside: what is taken must be in order, and found again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "bundle/blob_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_places(const struct blob_table *table)
{
	uint64_t offset = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct placed_blob *blob = &table->blobs[i];
		uint64_t packed = blob_table_packed(table, i);

		if (blob->size > DESCRIPTOR_SIZE_MAX ||
		    blob->offset != offset || !packed)
			abort();
		if (__builtin_add_overflow(offset, packed, &offset))
			abort();
	}
	if (offset != table->end)
		abort();
}

static void
expect_all_found(const struct blob_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (blob_table_find(table, &table->blobs[i].digest) !=
		    (ssize_t)i)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(blob_table_release) struct blob_table table = { 0 };
	struct ferry_error err;

	if (blob_table_parse(&table, data, size, &err)) {
		if (err.code != FERRY_E_DAMAGED && err.code != FERRY_E_NOMEM)
			abort();
		return 0;
	}
	if (!table.count)
		abort();
	expect_places(&table);
	expect_all_found(&table);
	return 0;
}
