/*
 * bundle.json from outside: what is taken must be in order.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One name twice: both below one index. */
static void
expect_run(const struct statement *statement, size_t number)
{
	const struct statement_image *image = &statement->images[number];

	if (strcmp(image[-1].name, image->name) != 0 ||
	    !digest_is_set(&image->within) ||
	    !digest_equal(&image->within, &image[-1].within) ||
	    statement_run(statement, number - 1) < 2)
		abort();
}

static void
expect_images(const struct statement *statement)
{
	for (size_t i = 0; i < statement->image_count; i++) {
		const struct statement_image *image = &statement->images[i];
		struct reference reference;
		char name[REFERENCE_TEXT];
		struct ferry_error err;

		if (reference_parse(&reference, image->name, &err) ||
		    strcmp(reference_name(name, &reference), image->name) != 0)
			abort();
		if (image->artifact && !digest_is_set(&image->within))
			abort();
		if (i && strcmp(image[-1].name, image->name) >= 0)
			expect_run(statement, i);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(statement_release) struct statement statement = { 0 };
	struct ferry_error err;

	if (statement_parse(&statement, data, size, &err)) {
		if (err.code != FERRY_E_DAMAGED && err.code != FERRY_E_NOMEM)
			abort();
		return 0;
	}
	if (!statement.image_count)
		abort();
	expect_images(&statement);
	return 0;
}
