#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/diff_report.h"
#include "cli/list_flags.h"
#include "cli/output.h"
#include "cli/pack_report.h"
#include "cli/registry_flags.h"

struct values {
	struct list_values list;
	struct text_list platforms;
	unsigned jobs;
	struct registry_values registry;
};

static const struct flag flags[] = {
	LIST_FLAGS(struct values,
		   "compare with what pack would make of this list"),
	{ .name = "platform",
	  .argument = "P",
	  .help = "of a list, take the images for OS/ARCH[/VARIANT] (default "
		  "linux/amd64)",
	  .kind = FLAG_LIST,
	  .offset = offsetof(struct values, platforms) },
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
plan_lists(struct session *session, const struct values *values,
	   const struct text_list *files, struct ferry_pack **out,
	   struct ferry_error *err)
{
	AUTO(environment_files_release) struct environment_files found = { 0 };
	AUTO(docker_place_release) struct docker_place docker = { 0 };
	struct ferry_pack_options options = {
		.lists = files->items,
		.list_count = files->count,
		.platforms = values->platforms.items,
		.platform_count = values->platforms.count,
		.jobs = values->jobs,
	};
	int rc = registry_flags_options(&options.registry, &values->registry,
					&found, err);

	if (!rc)
		rc = list_flags_platforms(&values->platforms, err);
	if (!rc)
		rc = list_flags_options(&options.list, &values->list, err);
	if (!rc)
		rc = environment_docker(&docker, err);
	options.docker = docker.options;
	if (!rc)
		rc = ferry_pack_plan(session->context, &options, out, err);
	progress_clear(&session->progress);
	return rc;
}

/* What is refused would look as if it was removed. */
static int
compare_lists(struct session *session, const struct values *values,
	      const struct text_list *files, struct ferry_diff **out,
	      struct ferry_error *err)
{
	AUTO(free_pack) struct ferry_pack *pack = NULL;
	int rc = plan_lists(session, values, files, &pack, err);

	if (rc)
		return rc;
	pack_report_refusals(ferry_pack_get_plan(pack));
	rc = ferry_pack_check(pack, err);
	return rc ? rc
		  : ferry_diff_plan(session->operands.items[0], pack, out, err);
}

static int
compare(struct session *session, const struct values *values,
	struct ferry_diff **out, struct ferry_error *err)
{
	const struct text_list *operands = &session->operands;
	const char *other = operands->count > 1 ? operands->items[1] : NULL;
	const struct text_list one = { &other, 1 };

	if (!other && !values->list.files.count)
		return error_set(err, FERRY_E_USAGE,
				 "no NEW and no '--file LIST' given");
	if (other && values->list.files.count)
		return error_set(err, FERRY_E_USAGE,
				 "both NEW and '--file LIST' given; leave one "
				 "out");
	if (!other)
		return compare_lists(session, values, &values->list.files, out,
				     err);
	if (ferry_diff_is_bundle(other))
		return ferry_diff_bundles(operands->items[0], other, out, err);
	return compare_lists(session, values, &one, out, err);
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	AUTO(free_diff) struct ferry_diff *diff = NULL;
	const struct ferry_diff_info *info;
	int rc = compare(session, data, &diff, err);

	if (rc)
		return rc;
	info = ferry_diff_get_info(diff);
	if (session->common.json)
		return output_document(&session->document,
				       diff_report_json(info), err);
	if (session->common.quiet)
		return 0;
	return diff_report_print(info, stdout, err);
}

const struct command command_diff = {
	.name = "diff",
	.summary = "what changes from one release to the next",
	.synopsis = "OLD {NEW | -f LIST...} [OPTION...]",
	.about = "Compare the bundle OLD with the bundle NEW, or with what "
		 "pack would make of a LIST: images changed, added and "
		 "removed, and the bytes that OLD lacks.  No layer is pulled.",
	.flags = flags,
	.flag_count = ARRAY_SIZE(flags),
	.values_size = sizeof(struct values),
	.operand = "OLD",
	.operands_least = 1,
	.operands_most = 2,
	.run = run,
};
