#include <stddef.h>
#include <stdio.h>

#include "base/output.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/load_report.h"
#include "cli/name_map.h"
#include "cli/output.h"
#include "cli/push_flags.h"
#include "cli/registry_flags.h"

struct values {
	const char *to;
	const char *spool;
	struct text_list only;
	struct text_list rewrite;
	const char *map;
	bool any_host;
	bool dry_run;
	unsigned jobs;
	struct registry_values registry;
	struct push_values push;
};

static const struct flag flags[] = {
	{ .heading = "Where to, and which images",
	  .name = "to",
	  .argument = "TARGET",
	  .help = "docker, docker-daemon:SOCKET, containerd[:NAMESPACE], podman[:SOCKET], "
		  "oci:DIR, or a registry: HOST[:PORT][/PREFIX] (default: the "
		  "one runtime found here)",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, to) },
	{ .name = "spool",
	  .argument = "DIR",
	  .help = "keep all that comes through a pipe in DIR first: for "
		  "archives, and to have it read more than once",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, spool) },
	{ .name = "only",
	  .argument = "IMAGE",
	  .help = "load this image of the bundle (may be repeated)",
	  .kind = FLAG_LIST,
	  .offset = offsetof(struct values, only) },
	REWRITE_FLAG(struct values),
	{ .name = "map",
	  .argument = "FILE",
	  .help = "write the names there, old and new, to FILE ('-': standard "
		  "output)",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, map) },
	{ .name = "any-host",
	  .help = "load images that do not fit this machine: the registry "
		  "serves others",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct values, any_host) },
	{ .name = "dry-run",
	  .help = "print the plan; send nothing",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct values, dry_run) },
	REGISTRY_FLAGS(struct values),
	PUSH_FLAGS(struct values),
};

static void
free_load(struct ferry_load **load)
{
	ferry_load_free(*load);
}

static int
plan_load(struct session *session, const struct values *values,
	  const struct ferry_registry_options *registry,
	  const struct ferry_docker_options *docker,
	  const struct ferry_podman_options *podman, const char *to,
	  char **state, struct ferry_load **out, struct ferry_error *err)
{
	struct ferry_load_options options = {
		.bundle = session->operands.items[0],
		.to = to,
		.spool = values->spool,
		.only = values->only.items,
		.only_count = values->only.count,
		.rewrite = values->rewrite.items,
		.rewrite_count = values->rewrite.count,
		.any_host = values->any_host,
		.jobs = values->jobs,
		.registry = *registry,
		.docker = *docker,
		.containerd = environment_containerd(),
		.closely = values->dry_run,
		.podman = *podman,
	};

	if (push_flags_options(&options, &values->push, state, err))
		return err->code;
	return ferry_load_plan(session->context, &options, out, err);
}

static int
report_document(struct session *session, const struct ferry_load *load,
		struct ferry_error *err)
{
	return output_document(&session->document,
			       load_report_json(ferry_load_get_plan(load),
						session->operands.items[0],
						ferry_load_sent(load)),
			       err);
}

static int
report_plan(struct session *session, const struct values *values,
	    const struct ferry_load *load, struct ferry_error *err)
{
	const struct ferry_load_plan *plan = ferry_load_get_plan(load);

	if (values->map && values->dry_run &&
	    name_map_write(values->map, plan, err))
		return err->code;
	if (session->common.json)
		return report_document(session, load, err);
	if (session->common.quiet)
		return 0;
	if (name_map_is_stdout(values->map)) {
		load_report_plan(plan, stderr);
		return 0;
	}
	/* A plan that was asked for is a result. */
	if (values->dry_run && load_report_table(plan, true, err))
		return err->code;
	load_report_plan(plan, values->dry_run ? stdout : stderr);
	return 0;
}

static int
report_images(struct session *session, const struct values *values,
	      const struct ferry_load *load, struct ferry_error *err)
{
	const struct ferry_load_plan *plan = ferry_load_get_plan(load);
	int rc;

	if (session->common.json)
		return report_document(session, load, err);
	if (session->common.quiet || name_map_is_stdout(values->map))
		return 0;
	rc = load_report_table(plan, false, err);
	load_report_totals(plan, ferry_load_sent(load));
	return rc;
}

/* Says what is where, after a failure even more than after success. */
static int
report_end(struct session *session, const struct values *values,
	   const struct ferry_load *load, int rc, struct ferry_error *err)
{
	const struct ferry_load_plan *plan = ferry_load_get_plan(load);
	struct ferry_error own = { 0 };
	int failed = report_images(session, values, load, &own);

	if (!failed && values->map && (!rc || rc == FERRY_E_PARTIAL))
		failed = name_map_write(values->map, plan, &own);
	if (rc) /* elsewhere than on a live display, failures were events */
		load_report_missing(plan,
				    session->progress.mode != PROGRESS_LINES);
	else if (failed)
		*err = own;
	return rc ? rc : failed;
}

/* Two results would get into each other's way. */
static int
check_map(const struct session *session, const struct values *values,
	  struct ferry_error *err)
{
	if (session->common.json && name_map_is_stdout(values->map))
		return error_set(err, FERRY_E_USAGE,
				 "both '--json' and '--map -' given; the "
				 "document has the names too");
	if (values->map && !name_map_is_stdout(values->map) &&
	    output_collides(values->map, session->operands.items[0]))
		return error_set(err, FERRY_E_USAGE,
				 "'--map %s' would write over the bundle",
				 values->map);
	return name_map_check(values->map, err);
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	const struct values *values = data;
	struct ferry_registry_options registry;
	AUTO(environment_files_release) struct environment_files found = { 0 };
	AUTO(docker_place_release) struct docker_place docker = { 0 };
	AUTO(podman_place_release) struct podman_place podman = { 0 };
	AUTO_FREE char *to = NULL;
	AUTO_FREE char *state = NULL;
	AUTO(free_load) struct ferry_load *load = NULL;
	int rc;

	if (registry_flags_options(&registry, &values->registry, &found, err) ||
	    environment_docker(&docker, err) ||
	    environment_podman(&podman, err) ||
	    check_map(session, values, err) ||
	    environment_target(values->to, &docker.options, &to, err))
		return err->code;
	rc = plan_load(session, values, &registry, &docker.options,
		       &podman.options, to, &state, &load, err);
	progress_clear(&session->progress);
	if (rc)
		return rc;
	if (report_plan(session, values, load, err))
		return err->code;
	if (values->dry_run) {
		load_report_refused(ferry_load_get_plan(load));
		return 0;
	}
	progress_expect(&session->progress,
			ferry_load_get_plan(load)->image_count,
			ferry_load_get_plan(load)->blob_bytes, true);
	rc = ferry_load_run(load, err);
	progress_clear(&session->progress);
	return report_end(session, values, load, rc, err);
}

const struct command command_load = {
	.name = "load",
	.summary = "load a bundle into Docker, or push it to a registry",
	.synopsis = "BUNDLE [--to TARGET] [--only IMAGE]... "
		    "[--rewrite FROM=TO]... [OPTION...]",
	.about = "Prove BUNDLE, check that its images fit the machine they are "
		 "for, send what the target lacks, and read it back.  It may "
		 "be interrupted and run again.",
	.flags = flags,
	.flag_count = ARRAY_SIZE(flags),
	.values_size = sizeof(struct values),
	.operand = "BUNDLE",
	.operands_least = 1,
	.operands_most = 1,
	.run = run,
};
