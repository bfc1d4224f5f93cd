#include "cli/index_report.h"

#include "cli/output.h"

/* Whoever compares digests has to know that a new one is no mistake. */
static void
print_index(const struct ferry_index *index, FILE *file)
{
	char others[64] = "";

	if (index->artifact_count)
		snprintf(others, sizeof(others), ", and %zu other%s",
			 index->artifact_count,
			 index->artifact_count == 1 ? "" : "s");
	output_line(file, "  %-10s %s: %s, %s, for %s%s", "index", index->name,
		    index->made ? "a new index" : "the source's index",
		    index->digest, index->platforms, others);
}

void
index_report_print(const struct ferry_index *indexes, size_t count, FILE *file)
{
	for (size_t i = 0; i < count; i++)
		print_index(&indexes[i], file);
}

static json_t *
index_json(const struct ferry_index *index)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:b}", "name",
		output_text(index->name), "digest", output_text(index->digest),
		"platforms", output_text(index->platforms), "images",
		output_number(index->image_count), "artifacts",
		output_number(index->artifact_count), "new", index->made);
}

json_t *
index_report_json(const struct ferry_index *indexes, size_t count)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, index_json(&indexes[i])))
			return NULL;
	return STEAL(&list);
}
