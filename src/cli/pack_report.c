#include "cli/pack_report.h"

#include "base/text.h"
#include "cli/index_report.h"
#include "cli/output.h"
#include "cli/quota_report.h"
#include "cli/table.h"

static void
print_room(const struct ferry_pack_plan *plan, const char *output, FILE *file)
{
	output_size(file, "bundle", plan->bundle_bytes,
		    plan->compressed ? " at most" : "");
	if (!output)
		return;
	output_size(file, "free", plan->free_bytes, " where it goes");
	if (plan->largest_file != UINT64_MAX)
		output_size(file, "limit", plan->largest_file,
			    " for a single file there");
	output_line(file, "  %-10s %s", "into", output);
}

void
pack_report_plan(const struct ferry_pack_plan *plan, const char *output,
		 FILE *file)
{
	char totals[OUTPUT_TOTALS_MAX];
	char part[OUTPUT_COUNT_MAX] = "";

	/* Of nothing there are no sizes; the refusals say it all. */
	if (plan->refused == plan->image_count)
		return;
	if (plan->refused)
		snprintf(part, sizeof(part), "%zu of ",
			 plan->image_count - plan->refused);
	output_line(file, "plan: %s%s", part,
		    output_totals(totals, sizeof(totals), plan->image_count,
				  plan->blob_count, plan->blob_bytes));
	index_report_print(plan->indexes, plan->index_count, file);
	output_size(file, "to pull", plan->pull_bytes, "");
	if (plan->here_bytes)
		output_size(file, "here", plan->here_bytes,
			    " already, from an unfinished run");
	if (plan->shared_bytes)
		output_size(file, "shared", plan->shared_bytes,
			    ", pulled once only");
	quota_report_print(plan, file);
	/* With a refusal there will be no bundle to find room for. */
	if (!plan->refused)
		print_room(plan, output, file);
	output_warnings(file, plan->warnings, plan->warning_count);
}

static int
add_image(struct table *table, const struct ferry_pack_image *image,
	  const char *result, struct ferry_error *err)
{
	bool refused = image->refusal;
	char digest[OUTPUT_DIGEST_MAX];
	char size[TEXT_SIZE_MAX] = "-";
	char shared[TEXT_SIZE_MAX] = "-";
	const char *cells[] = { image->name, image->platform,
				digest,	     size,
				shared,	     refused ? "refused" : result };

	output_digest(digest, sizeof(digest), image->digest);
	if (!refused) {
		text_size(size, sizeof(size), image->size);
		text_size(shared, sizeof(shared), image->shared);
	}
	return table_add(table, cells, err);
}

int
pack_report_table(const struct ferry_pack_plan *plan, const char *result,
		  struct ferry_error *err)
{
	static const struct column columns[] = {
		{ "IMAGE", false }, { "PLATFORM", false }, { "DIGEST", false },
		{ "SIZE", true },   { "SHARED", true },	   { "RESULT", false },
	};
	AUTO(table_release)
	struct table table = { columns, ARRAY_SIZE(columns), NULL, 0 };

	for (size_t i = 0; i < plan->image_count; i++)
		if (add_image(&table, &plan->images[i], result, err))
			return err->code;
	table_print(&table, stdout);
	return 0;
}

void
pack_report_refusals(const struct ferry_pack_plan *plan)
{
	for (size_t i = 0; i < plan->image_count; i++)
		if (plan->images[i].refusal)
			output_line(stderr, "%s: %s", plan->images[i].name,
				    plan->images[i].refusal);
}

static json_t *
image_json(const struct ferry_pack_image *image)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "name",
			 output_text(image->name), "platform",
			 output_text(image->platform), "digest",
			 output_text(image->digest), "within",
			 output_text(image->within), "size",
			 output_number(image->size), "shared",
			 output_number(image->shared), "refusal",
			 output_text(image->refusal), "wrong_platform",
			 image->wrong_platform);
}

static json_t *
images_json(const struct ferry_pack_plan *plan)
{
	AUTO_JSON *images = json_array();

	for (size_t i = 0; i < plan->image_count; i++)
		if (json_array_append_new(images, image_json(&plan->images[i])))
			return NULL;
	return STEAL(&images);
}

/* With a refusal nobody has looked for room: null, not zero. */
static json_t *
room_number(const struct ferry_pack_plan *plan, uint64_t number)
{
	return plan->refused ? json_null() : output_number(number);
}

json_t *
pack_report_json(const struct ferry_pack_plan *plan, const char *output)
{
	return json_pack("{s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
			 " s:b, s:o, s:o, s:o}, s:o, s:o, s:n}",
			 "bundle", output_text(output), "images",
			 images_json(plan), "indexes",
			 index_report_json(plan->indexes, plan->index_count),
			 "plan", "refused", output_number(plan->refused),
			 "blobs", output_number(plan->blob_count), "blob_bytes",
			 output_number(plan->blob_bytes), "pull_bytes",
			 output_number(plan->pull_bytes), "here_bytes",
			 output_number(plan->here_bytes), "shared_bytes",
			 output_number(plan->shared_bytes), "bundle_bytes",
			 room_number(plan, plan->bundle_bytes), "compressed",
			 plan->compressed, "free_bytes",
			 room_number(plan, plan->free_bytes), "largest_file",
			 room_number(plan, plan->largest_file), "no_room",
			 output_text(plan->no_room), "warnings",
			 output_texts(plan->warnings, plan->warning_count),
			 "quotas", quota_report_json(plan), "written");
}
