/*
 * A journal from outside: what is taken of it can be, and is taken again from
 * that part of it alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_possible(const struct journal *journal)
{
	for (size_t i = 0; i < journal->table.count; i++) {
		uint64_t size = journal->table.blobs[i].size;
		uint64_t content = journal_content(journal, i);

		if (content > size ||
		    (journal_has_all(journal, i) && content != size))
			abort();
	}
}

static void
expect_same(const struct journal *journal, const uint8_t *data)
{
	AUTO(journal_release) struct journal again = { 0 };
	struct ferry_error err;
	size_t count = journal->table.count;

	if (journal_parse(&again, data, journal->length, &err)) {
		if (err.code != FERRY_E_NOMEM)
			abort();
		return;
	}
	if (again.length != journal->length || again.head != journal->head ||
	    again.table.count != count ||
	    memcmp(again.bytes, journal->bytes, count * sizeof(uint64_t)) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(journal_release) struct journal journal = { 0 };
	struct ferry_error err;

	if (journal_parse(&journal, data, size, &err)) {
		if (err.code != FERRY_E_DAMAGED && err.code != FERRY_E_NOMEM)
			abort();
		return 0;
	}
	if (journal.length > size || journal.head > journal.length)
		abort();
	expect_possible(&journal);
	expect_same(&journal, data);
	return 0;
}
