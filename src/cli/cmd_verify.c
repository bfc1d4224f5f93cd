#include <stddef.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"

struct values {
	unsigned jobs;
};

static const struct flag flags[] = {
	{ .name = "jobs",
	  .argument = "N",
	  .help = "read so many blobs at once (1 to 64, default 8)",
	  .kind = FLAG_NUMBER,
	  .offset = offsetof(struct values, jobs),
	  .initial = FERRY_JOBS_DEFAULT,
	  .least = 1,
	  .most = FERRY_JOBS_MAX },
};

static void
free_verification(struct ferry_verification **verification)
{
	ferry_verification_free(*verification);
}

static void
print_damage(const struct ferry_damage *damage)
{
	char more[32] = "";

	if (damage->image_count > 1)
		snprintf(more, sizeof(more), " and %zu more",
			 damage->image_count - 1);
	output_line(stderr, "%s%s%s%s%s%s", damage->image ? damage->image : "",
		    more, damage->image ? ": " : "",
		    damage->digest ? damage->digest : "",
		    damage->digest ? ": " : "", damage->what);
}

static json_t *
damages_json(const struct ferry_verification *found)
{
	AUTO_JSON *damages = json_array();

	for (size_t i = 0; found && i < found->damage_count; i++) {
		const struct ferry_damage *damage = &found->damages[i];
		json_t *value = json_pack("{s:o, s:o, s:o, s:o}", "image",
					  output_text(damage->image), "images",
					  output_number(damage->image_count),
					  "digest", output_text(damage->digest),
					  "what", output_text(damage->what));

		if (json_array_append_new(damages, value))
			return NULL;
	}
	return STEAL(&damages);
}

static json_t *
verification_json(const char *path, const struct ferry_bundle_info *info,
		  const struct ferry_verification *found, bool whole)
{
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "bundle",
			 output_text(path), "whole", whole, "images",
			 output_number(info->image_count), "blobs",
			 output_number(info->blob_count), "blob_bytes",
			 output_number(info->blob_bytes), "file_bytes",
			 output_number(info->file_bytes), "damages",
			 damages_json(found));
}

static int
report(struct session *session, const struct ferry_bundle_info *info,
       const struct ferry_verification *found, int rc, struct ferry_error *err)
{
	const char *path = session->operands.items[0];
	char totals[OUTPUT_TOTALS_MAX];

	if (session->common.json &&
	    output_document(&session->document,
			    verification_json(path, info, found, !rc), err))
		return err->code;
	for (size_t i = 0; found && i < found->damage_count; i++)
		print_damage(&found->damages[i]);
	if (rc == FERRY_E_DAMAGED && found && found->damage_count)
		return error_set(
			err, FERRY_E_DAMAGED, "%s: damaged in %s%s", path,
			output_count(totals, sizeof(totals),
				     found->damage_count, "place"),
			found->damage_count == FERRY_DAMAGES_MAX ? " or more"
								 : "");
	if (rc || session->common.json || session->common.quiet)
		return rc;
	output_line(stdout, "%s: whole: %s, every byte proved", path,
		    output_totals(totals, sizeof(totals), info->image_count,
				  info->blob_count, info->file_bytes));
	return 0;
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	const struct values *values = data;
	AUTO(command_close_bundle) struct ferry_bundle *bundle = NULL;
	AUTO(free_verification) struct ferry_verification *found = NULL;
	const struct ferry_bundle_info *info;
	int rc;

	if (ferry_bundle_open(session->operands.items[0], &bundle, err))
		return err->code;
	info = ferry_bundle_get_info(bundle);
	progress_expect(&session->progress, 0, info->blob_bytes, false);
	rc = ferry_bundle_verify(session->context, bundle, values->jobs, &found,
				 err);
	progress_clear(&session->progress);
	return report(session, info, found, rc, err);
}

const struct command command_verify = {
	.name = "verify",
	.summary = "prove every byte of a bundle without loading it",
	.synopsis = "BUNDLE [OPTION...]",
	.about = "Read all of BUNDLE and prove it: its structure, and size and "
		 "digest of every blob.  What is damaged is named, with the "
		 "images that need it.",
	.flags = flags,
	.flag_count = ARRAY_SIZE(flags),
	.values_size = sizeof(struct values),
	.operand = "BUNDLE",
	.operands_least = 1,
	.operands_most = 1,
	.run = run,
};
