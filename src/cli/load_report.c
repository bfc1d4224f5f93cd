#include "cli/load_report.h"

#include <string.h>

#include "base/text.h"
#include "cli/image_table.h"
#include "cli/output.h"

/* As --json calls the states, and as the table does. */
static const struct {
	const char *name, *words;
} states[] = {
	[FERRY_LOAD_PENDING] = { "pending", "not loaded" },
	[FERRY_LOAD_DONE] = { "done", "loaded" },
	[FERRY_LOAD_PRESENT] = { "present", "was there" },
	[FERRY_LOAD_FAILED] = { "failed", "failed" },
	[FERRY_LOAD_SKIPPED] = { "skipped", "left as it was" },
};

static bool
in_place(const struct ferry_load_image *image)
{
	return image->state == FERRY_LOAD_DONE ||
	       image->state == FERRY_LOAD_PRESENT;
}

/* Each name once, however many platforms it has. */
static void
print_names(const struct ferry_load_plan *plan, FILE *file)
{
	const char *label = "names";

	for (size_t i = 0; i < plan->image_count; i++) {
		const struct ferry_load_image *image = &plan->images[i];

		if (strcmp(image->name, image->target_name) == 0 ||
		    (i && strcmp(image->name, image[-1].name) == 0))
			continue;
		output_line(file, "  %-10s %s -> %s", label, image->name,
			    image->target_name);
		label = "";
	}
}

void
load_report_plan(const struct ferry_load_plan *plan, FILE *file)
{
	char totals[OUTPUT_TOTALS_MAX];

	output_line(file, "plan: %s",
		    output_totals(totals, sizeof(totals), plan->image_count,
				  plan->blob_count, plan->blob_bytes));
	output_line(file, "  %-10s %s (platform: %s)", "into", plan->target,
		    plan->platform);
	/* Of a bundle it goes without saying. */
	if (plan->kind != FERRY_LOAD_BUNDLE)
		output_line(file, "  %-10s %s", "proved", plan->proof);
	if (plan->send_bytes == UINT64_MAX)
		output_size(file, "to send", plan->blob_bytes, " at most");
	else
		output_size(file, "to send", plan->send_bytes, "");
	if (plan->needed_bytes)
		output_size(file, "needs", plan->needed_bytes, " there, about");
	if (plan->free_bytes)
		output_size(file, "free", plan->free_bytes, " there");
	if (plan->digests)
		output_line(file, "  %-10s %s", "digests", plan->digests);
	print_names(plan, file);
	output_warnings(file, plan->warnings, plan->warning_count);
}

/* An error's story stands on standard error; the table has one word for it. */
static const char *
state_words(const struct ferry_load_image *image)
{
	if (in_place(image) && *image->detail)
		return image->detail;
	return states[image->state].words;
}

/* What would become of an image. */
static const char *
planned_words(char *out, size_t size, const struct ferry_load_image *image)
{
	char bytes[TEXT_SIZE_MAX];

	if (in_place(image))
		return state_words(image);
	if (image->state == FERRY_LOAD_FAILED)
		return "refused";
	if (image->state == FERRY_LOAD_SKIPPED)
		return states[FERRY_LOAD_SKIPPED].words;
	if (image->to_send == UINT64_MAX)
		return "planned";
	if (image->to_send == 0)
		return "planned, nothing to send";
	snprintf(out, size, "planned, %s to send",
		 text_size(bytes, sizeof(bytes), image->to_send));
	return out;
}

static int
result(char **out, const struct ferry_load_image *image, bool dry_run,
       struct ferry_error *err)
{
	char room[TEXT_SIZE_MAX + 32];

	return text_format(out, err, "%s%s%s",
			   dry_run ? planned_words(room, sizeof(room), image)
				   : state_words(image),
			   *image->note ? "; " : "", image->note);
}

int
load_report_table(const struct ferry_load_plan *plan, bool dry_run,
		  struct ferry_error *err)
{
	AUTO(table_release) struct table table = { 0 };

	image_table_init(&table);
	for (size_t i = 0; i < plan->image_count; i++) {
		const struct ferry_load_image *image = &plan->images[i];
		AUTO_FREE char *words = NULL;

		/* By the name it has there: people will ask for that one. */
		if (result(&words, image, dry_run, err) ||
		    image_table_add(&table, image->target_name, image->platform,
				    image->digest, image->size, words, err))
			return err->code;
	}
	table_print(&table, stdout);
	return 0;
}

void
load_report_totals(const struct ferry_load_plan *plan, uint64_t sent)
{
	char count[OUTPUT_COUNT_MAX];
	char size[TEXT_SIZE_MAX];
	size_t there = 0;

	for (size_t i = 0; i < plan->image_count; i++)
		there += in_place(&plan->images[i]);
	output_line(
		stdout, "%s: %zu of %s in place, %s sent", plan->target, there,
		output_count(count, sizeof(count), plan->image_count, "image"),
		text_size(size, sizeof(size), sent));
	if (plan->digests)
		output_line(stdout, "digests: %s", plan->digests);
}

static bool
same_name(const struct ferry_load_plan *plan, size_t a, size_t b)
{
	return b < plan->image_count &&
	       strcmp(plan->images[a].name, plan->images[b].name) == 0;
}

/* "NAME: WORDS", with the platform where the name has several. */
static void
print_image(const struct ferry_load_plan *plan, size_t number,
	    const char *words)
{
	const struct ferry_load_image *image = &plan->images[number];

	if (same_name(plan, number, number + 1) ||
	    same_name(plan, number, number - 1))
		output_line(stderr, "%s (%s): %s", image->name, image->platform,
			    words);
	else
		output_line(stderr, "%s: %s", image->name, words);
}

void
load_report_missing(const struct ferry_load_plan *plan, bool failed_too)
{
	for (size_t i = 0; i < plan->image_count; i++) {
		const struct ferry_load_image *image = &plan->images[i];

		if (in_place(image) ||
		    (image->state == FERRY_LOAD_FAILED && !failed_too))
			continue;
		print_image(plan, i,
			    *image->detail ? image->detail
					   : states[image->state].words);
	}
}

void
load_report_refused(const struct ferry_load_plan *plan)
{
	for (size_t i = 0; i < plan->image_count; i++)
		if (plan->images[i].state == FERRY_LOAD_FAILED)
			print_image(plan, i, plan->images[i].detail);
}

static json_t *
image_json(const struct ferry_load_image *image)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}",
			 "name", output_text(image->name), "target_name",
			 output_text(image->target_name), "platform",
			 output_text(image->platform), "digest",
			 output_text(image->digest), "index_digest",
			 output_text(image->index_digest), "size",
			 output_number(image->size), "to_send",
			 output_number(image->to_send), "state",
			 states[image->state].name, "detail",
			 output_text(image->detail), "note",
			 output_text(image->note));
}

static json_t *
images_json(const struct ferry_load_plan *plan)
{
	AUTO_JSON *images = json_array();

	for (size_t i = 0; i < plan->image_count; i++)
		if (json_array_append_new(images, image_json(&plan->images[i])))
			return NULL;
	return STEAL(&images);
}

static const char *const kinds[] = {
	[FERRY_LOAD_BUNDLE] = "bundle",
	[FERRY_LOAD_OCI_ARCHIVE] = "oci-archive",
	[FERRY_LOAD_DOCKER_ARCHIVE] = "docker-archive",
};

json_t *
load_report_json(const struct ferry_load_plan *plan, const char *bundle,
		 uint64_t sent)
{
	return json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, "
		"s:o, s:o}, s:o}",
		"bundle", output_text(bundle), "kind", kinds[plan->kind],
		"proof", output_text(plan->proof), "target",
		output_text(plan->target), "platform",
		output_text(plan->platform), "digests",
		output_text(plan->digests), "warnings",
		output_texts(plan->warnings, plan->warning_count), "images",
		images_json(plan), "plan", "blobs",
		output_number(plan->blob_count), "blob_bytes",
		output_number(plan->blob_bytes), "send_bytes",
		output_number(plan->send_bytes), "needed_bytes",
		output_number(plan->needed_bytes ? plan->needed_bytes
						 : UINT64_MAX),
		"free_bytes",
		output_number(plan->free_bytes ? plan->free_bytes : UINT64_MAX),
		"sent", output_number(sent));
}
