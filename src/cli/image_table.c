#include "cli/image_table.h"

#include "base/text.h"
#include "cli/output.h"

void
image_table_init(struct table *table)
{
	static const struct column columns[] = {
		{ "IMAGE", false }, { "PLATFORM", false }, { "DIGEST", false },
		{ "SIZE", true },   { "RESULT", false },
	};

	*table = (struct table){ .columns = columns,
				 .column_count = ARRAY_SIZE(columns) };
}

int
image_table_add(struct table *table, const char *name, const char *platform,
		const char *digest, uint64_t size, const char *result,
		struct ferry_error *err)
{
	char digest_text[OUTPUT_DIGEST_MAX];
	char size_text[TEXT_SIZE_MAX] = "-";
	const char *cells[] = { name, platform, digest_text, size_text,
				result };

	output_digest(digest_text, sizeof(digest_text), digest);
	if (size != UINT64_MAX)
		text_size(size_text, sizeof(size_text), size);
	return table_add(table, cells, err);
}
