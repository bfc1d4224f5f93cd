#include <limits.h>
#include <stddef.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/diff_report.h"
#include "cli/image_hints.h"
#include "cli/list_flags.h"
#include "cli/output.h"
#include "cli/pack_report.h"
#include "cli/quota_report.h"
#include "cli/registry_flags.h"

struct values {
	struct list_values list;
	const char *output;
	const char *since;
	const char *lock;
	struct text_list platforms;
	unsigned jobs;
	bool force;
	bool fresh;
	bool dry_run;
	struct registry_values registry;
};

static const struct flag flags[] = {
	LIST_FLAGS(struct values,
		   "take images from this file: one a line, Compose, "
		   "Kubernetes or ferry's own"),
	{ .name = "platform",
	  .argument = "P",
	  .help = "pack the images for OS/ARCH[/VARIANT] (default "
		  "linux/amd64; may be repeated), or all that there are with "
		  "\"all\"",
	  .kind = FLAG_LIST,
	  .offset = offsetof(struct values, platforms) },
	{ .heading = "The bundle",
	  .name = "output",
	  .letter = 'o',
	  .argument = "BUNDLE",
	  .help = "write this file",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, output) },
	{ .name = "force",
	  .help = "replace BUNDLE, and the file of --lock, if they exist",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct values, force) },
	{ .name = "fresh",
	  .help = "do not go on with what an unfinished run left; remove it",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct values, fresh) },
	{ .name = "dry-run",
	  .help = "print the plan; pull nothing and write no bundle",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct values, dry_run) },
	{ .name = "lock",
	  .argument = "FILE",
	  .help = "write a list of what was packed, every digest pinned; "
		  "packing that again gives the same bundle",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, lock) },
	{ .name = "since",
	  .argument = "OLD",
	  .help = "say in the plan what changes since the bundle OLD",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, since) },
	REGISTRY_FLAGS(struct values),
	MIRROR_FLAG(struct values),
};

static void
free_pack(struct ferry_pack **pack)
{
	ferry_pack_free(*pack);
}

static void
free_diff(struct ferry_diff **diff)
{
	ferry_diff_free(*diff);
}

static int
plan_pack(struct session *session, const struct values *values,
	  const struct ferry_registry_options *registry,
	  const struct ferry_docker_options *docker, struct ferry_pack **out,
	  struct ferry_error *err)
{
	struct text_list *images = &session->operands;
	struct ferry_pack_options options = {
		.references = images->items,
		.reference_count = images->count,
		.lists = values->list.files.items,
		.list_count = values->list.files.count,
		.output = values->output,
		.platforms = values->platforms.items,
		.platform_count = values->platforms.count,
		.jobs = values->jobs,
		.force = values->force,
		.lock = values->lock,
		.fresh = values->fresh,
		.registry = *registry,
		.docker = *docker,
	};

	if (!values->output && !values->dry_run)
		return error_set(err, FERRY_E_USAGE,
				 "no '--output BUNDLE' given");
	if (images->count + values->list.files.count == 0)
		return error_set(err, FERRY_E_USAGE,
				 "no IMAGE and no '--file LIST' given");
	if (list_flags_platforms(&values->platforms, err) ||
	    list_flags_options(&options.list, &values->list, err))
		return err->code;
	return ferry_pack_plan(session->context, &options, out, err);
}

/* Tells that the lock is written. */
static int
report_lock(struct session *session, const struct values *values,
	    struct ferry_error *err)
{
	if (!values->lock)
		return 0;
	if (session->common.json)
		return json_object_set_new(session->document, "lock",
					   output_text(values->lock))
			       ? error_nomem(err)
			       : 0;
	if (!session->common.quiet)
		output_line(stdout, "%s: every digest pinned", values->lock);
	return 0;
}

static int
report_written(struct session *session, const struct values *values,
	       const struct ferry_pack *pack, struct ferry_error *err)
{
	const struct ferry_pack_plan *plan = ferry_pack_get_plan(pack);
	uint64_t written = ferry_pack_written(pack);
	char totals[OUTPUT_TOTALS_MAX];

	if (session->common.json)
		return json_object_set_new(session->document, "written",
					   output_number(written)) ||
				       json_object_set_new(
					       session->document, "quotas",
					       quota_report_json(plan))
			       ? error_nomem(err)
			       : report_lock(session, values, err);
	if (session->common.quiet)
		return 0;
	if (pack_report_table(plan, "packed", err))
		return err->code;
	output_line(stdout, "%s: %s", values->output,
		    output_totals(totals, sizeof(totals), plan->image_count,
				  plan->blob_count, written));
	quota_report_print(plan, stdout);
	return report_lock(session, values, err);
}

static int
document_plan(struct session *session, const struct values *values,
	      const struct ferry_pack_plan *plan, const struct ferry_diff *diff,
	      struct ferry_error *err)
{
	int rc = output_document(&session->document,
				 pack_report_json(plan, values->output), err);

	if (rc)
		return rc;
	return json_object_set_new(session->document, "lock", json_null()) ||
			       json_object_set_new(
				       session->document, "since",
				       diff ? diff_report_json(
						      ferry_diff_get_info(diff))
					    : json_null())
		       ? error_nomem(err)
		       : 0;
}

/* `diff` is NULL where nothing is to be compared. */
static int
report_plan(struct session *session, const struct values *values,
	    const struct ferry_pack_plan *plan, const struct ferry_diff *diff,
	    struct ferry_error *err)
{
	const struct common *common = &session->common;
	FILE *file = values->dry_run ? stdout : stderr;

	if (common->json)
		return document_plan(session, values, plan, diff, err);
	if (common->quiet)
		return 0;
	/* A plan that was asked for is a result. */
	if (values->dry_run && pack_report_table(plan, "planned", err))
		return err->code;
	pack_report_plan(plan, values->output, file);
	if (!diff)
		return 0;
	output_line(file, "since %s:", values->since);
	return diff_report_print(ferry_diff_get_info(diff), file, err);
}

/* What is refused would look as if it was removed: then nothing is said. */
static int
compare(const struct values *values, const struct ferry_pack *pack,
	struct ferry_diff **out, struct ferry_error *err)
{
	if (!values->since || ferry_pack_get_plan(pack)->refused)
		return 0;
	return ferry_diff_plan(values->since, pack, out, err);
}

static void
report_refusals(const struct session *session,
		const struct ferry_pack_plan *plan)
{
	pack_report_refusals(plan);
	for (size_t i = 0; i < plan->image_count; i++)
		if (plan->images[i].refusal)
			image_hints_print(&session->operands,
					  plan->images[i].name);
}

static int
write_lock(struct session *session, const struct values *values,
	   struct ferry_pack *pack, struct ferry_error *err)
{
	int rc = ferry_pack_write_lock(pack, err);

	return rc ? rc : report_lock(session, values, err);
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	const struct values *values = data;
	struct ferry_registry_options registry;
	AUTO(environment_files_release) struct environment_files found = { 0 };
	AUTO(docker_place_release) struct docker_place docker = { 0 };
	AUTO(free_pack) struct ferry_pack *pack = NULL;
	AUTO(free_diff) struct ferry_diff *diff = NULL;
	const struct ferry_pack_plan *plan;
	int rc;

	if (registry_flags_options(&registry, &values->registry, &found, err) ||
	    environment_docker(&docker, err))
		return err->code;
	rc = plan_pack(session, values, &registry, &docker.options, &pack, err);
	progress_clear(&session->progress);
	if (rc == FERRY_E_USAGE)
		image_hints_print(&session->operands, err->message);
	if (rc)
		return rc;
	plan = ferry_pack_get_plan(pack);
	if (compare(values, pack, &diff, err) ||
	    report_plan(session, values, plan, diff, err))
		return err->code;
	report_refusals(session, plan);
	rc = ferry_pack_check(pack, err);
	if (!rc && values->dry_run && values->lock)
		rc = write_lock(session, values, pack, err);
	if (rc || values->dry_run)
		return rc;
	progress_expect(&session->progress, plan->image_count,
			plan->pull_bytes + plan->here_bytes, false);
	rc = ferry_pack_run(pack, err);
	progress_clear(&session->progress);
	return rc ? rc : report_written(session, values, pack, err);
}

const struct command command_pack = {
	.name = "pack",
	.summary = "put the images of a release into a bundle",
	.synopsis = "[IMAGE...] [-f LIST]... -o BUNDLE [OPTION...]",
	.about = "Put the images of a release into one file.  IMAGE is as "
		 "Docker would name it (redis:7, quay.io/a/b@sha256:...), or "
		 "where it is (docker-daemon:NAME, oci:FOLDER, "
		 "oci-archive:FILE, docker-archive:FILE, bundle:FILE); "
		 "'IMAGE PLATFORM => NAME' carries it for that platform, under "
		 "that name.  What lacks the platform is refused before "
		 "anything is pulled.",
	.flags = flags,
	.flag_count = ARRAY_SIZE(flags),
	.values_size = sizeof(struct values),
	.operand = "IMAGE",
	.operands_most = UINT_MAX,
	.run = run,
};
