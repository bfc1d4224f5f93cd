#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/list_flags.h"
#include "cli/output.h"
#include "ferry/map.h"

struct values {
	const char *to;
	struct text_list rewrite;
	struct list_values list;
};

static const struct flag flags[] = {
	{ .name = "to",
	  .argument = "TARGET",
	  .help = "where the images are, as load takes it: "
		  "HOST[:PORT][/PREFIX] of a registry, docker, ...; nobody is "
		  "asked there",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, to),
	  .required = true },
	REWRITE_FLAG(struct values),
	LIST_KIND_FLAGS(struct values, "FILE", "it"),
};

static void
free_map(struct ferry_map **map)
{
	ferry_map_free(*map);
}

static const char *
shown(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

/* What somebody should know; of most images that is nothing. */
static void
print_notes(const struct session *session, const struct ferry_map_info *info)
{
	const char *file = shown(session->operands.items[1]);

	for (size_t i = 0; i < info->warning_count; i++)
		output_line(stderr, "%s", info->warnings[i]);
	for (size_t i = 0; i < info->image_count; i++) {
		const struct ferry_map_image *image = &info->images[i];
		bool missing = image->state == FERRY_MAP_MISSING;

		if (!missing && !*image->note)
			continue;
		output_line(stderr, "%s: line %zu: %s: %s%s%s", file,
			    image->line,
			    image->source ? image->source : "an image",
			    missing ? "not in the bundle, left as before" : "",
			    missing && *image->note ? "; " : "", image->note);
	}
}

static void
print_totals(const struct session *session, const struct ferry_map_info *info)
{
	size_t mapped = 0;

	for (size_t i = 0; i < info->image_count; i++)
		mapped += info->images[i].state == FERRY_MAP_MAPPED;
	output_line(stderr, "%s: %zu of %zu names written anew",
		    shown(session->operands.items[1]), mapped,
		    info->image_count);
}

static json_t *
image_json(const struct ferry_map_image *image)
{
	static const char *const states[] = {
		[FERRY_MAP_MAPPED] = "mapped",
		[FERRY_MAP_SAME] = "same",
		[FERRY_MAP_MISSING] = "missing",
	};

	return json_pack(
		"{s:o, s:o, s:o, s:s, s:o}", "line", output_number(image->line),
		"source", output_text(image->source), "target",
		output_text(image->target), "state", states[image->state],
		"note", output_text(image->note));
}

static json_t *
map_json(const struct session *session, const struct ferry_map_info *info)
{
	AUTO_JSON *images = json_array();
	AUTO_FREE char *content = strndup(info->text, info->size);

	if (!content)
		return NULL;
	for (size_t i = 0; i < info->image_count; i++)
		if (json_array_append_new(images, image_json(&info->images[i])))
			return NULL;
	return json_pack("{s:o, s:s, s:o, s:o, s:o}", "file",
			 output_text(session->operands.items[1]), "format",
			 list_flags_kind(info->format), "images",
			 STEAL(&images), "warnings",
			 output_texts(info->warnings, info->warning_count),
			 "content", output_text(content));
}

static int
make(struct session *session, const struct values *values,
     struct ferry_map **out, struct ferry_error *err)
{
	struct ferry_map_options options = {
		.bundle = session->operands.items[0],
		.to = values->to,
		.rewrite = values->rewrite.items,
		.rewrite_count = values->rewrite.count,
		.file = session->operands.items[1],
	};
	int rc = list_flags_options(&options.list, &values->list, err);

	return rc ? rc : ferry_map_make(&options, out, err);
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	AUTO(free_map) struct ferry_map *map = NULL;
	const struct ferry_map_info *info;

	if (session->operands.count < 2)
		return error_set(err, FERRY_E_USAGE,
				 "no FILE given ('-': standard input)");
	if (make(session, data, &map, err))
		return err->code;
	info = ferry_map_get_info(map);
	if (session->common.json) {
		if (output_document(&session->document, map_json(session, info),
				    err))
			return err->code;
		return ferry_map_check(map, err);
	}
	output_bytes(info->text, info->size);
	if (!session->common.quiet) {
		print_notes(session, info);
		print_totals(session, info);
	}
	return ferry_map_check(map, err);
}

const struct command command_map = {
	.name = "map",
	.summary = "print a Compose file or manifests with the new names",
	.synopsis = "BUNDLE --to TARGET [--rewrite FROM=TO]... FILE",
	.about = "Print FILE, a Compose file, Kubernetes manifests or a text "
		 "list ('-': standard input), with the names that the images "
		 "of BUNDLE have in TARGET; all else of it stays byte for "
		 "byte.  What is pinned to the digest of an index that is not "
		 "carried becomes pinned to the platform's.  No network is "
		 "used.",
	.flags = flags,
	.flag_count = ARRAY_SIZE(flags),
	.values_size = sizeof(struct values),
	.operand = "BUNDLE",
	.operands_least = 1,
	.operands_most = 2,
	.run = run,
};
