/*
 * map: a file that asks for images, with their names on the other side.
 */
#include "ferry/map.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "bundle/reader.h"
#include "list/mentions.h"
#include "op/renamings.h"

/* Names grow by no more than this, each. */
#define MAP_BYTES_MAX ((size_t)256 << 20)

/* A variable's name may be as long as a text of Compose. */
#define NOTE_MAX ((size_t)128 << 10)

struct row {
	char *source;
	char *target;
	char *note;
};

struct ferry_map {
	const char *shown; /* what messages call the file */
	const char *bundle_path;
	struct buffer content;
	size_t mark; /* bytes of a byte order mark in front of it */
	struct mentions mentions;
	struct rewrite rewrite;
	struct bundle *bundle;
	struct renamings renamings;
	struct warnings warnings;
	struct ferry_map_image *images;
	struct row *rows; /* what these point to */
	struct buffer text;
	struct ferry_map_info info;
};

static int
load_file(struct ferry_map *map, const struct ferry_map_options *options,
	  struct ferry_error *err)
{
	int rc;

	map->shown =
		strcmp(options->file, "-") ? options->file : "standard input";
	rc = file_load(options->file, &map->content, err);
	if (rc)
		return rc;
	rc = list_text_begin(&map->mark, map->content.data, map->content.size,
			     err);
	if (!rc && map->content.size == map->mark)
		rc = error_set(err, FERRY_E_USAGE, "it names no image");
	if (!rc)
		rc = mentions_find(&map->mentions, options->file,
				   (const char *)map->content.data + map->mark,
				   map->content.size - map->mark,
				   &options->list, err);
	return rc ? error_wrap(err, "%s", map->shown) : 0;
}

static int
open_names(struct ferry_map *map, const struct ferry_map_options *options,
	   struct ferry_error *err)
{
	int rc = rewrite_init(&map->rewrite, options->rewrite,
			      options->rewrite_count, err);

	if (!rc)
		rc = bundle_open(&map->bundle, options->bundle, err);
	return rc ? rc
		  : renamings_init(&map->renamings, options->to, &map->rewrite,
				   &map->bundle->statement, &map->warnings,
				   err);
}

/* By line, as the file has them, and not as the walk came by. */
static int
by_line(const void *a, const void *b)
{
	const struct ferry_map_image *one = a;
	const struct ferry_map_image *other = b;

	return (one->line > other->line) - (one->line < other->line);
}

/* "redis:7" or "redis:7@sha256:...": a reference with all that it has. */
static int
spell(char **out, const struct reference *name, struct ferry_error *err)
{
	char text[REFERENCE_TEXT];
	bool both = name->tag[0] && digest_is_set(&name->digest);

	reference_familiar(text, name);
	return text_format(out, err, "%s%s%s", text, both ? "@" : "",
			   both ? name->digest.text : "");
}

static int
write_note(char **out, const struct mention *mention,
	   const struct renaming *renaming, struct ferry_error *err)
{
	bool written = mention->variables && renaming->state == RENAMING_FOUND;
	const char *notes[] = { renaming->note,
				written ? "its variables are put in" : "",
				mention->unset ? "not set: " : "" };
	AUTO_BUFFER note = BUFFER(NOTE_MAX);
	const char *text;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(notes) && !rc; i++)
		if (*notes[i])
			rc = buffer_format(&note, err, "%s%s",
					   note.size ? "; " : "", notes[i]);
	if (!rc && mention->unset)
		rc = buffer_format(&note, err, "%s", mention->unset);
	if (!rc)
		rc = buffer_text(&note, &text, err);
	return rc ? rc : text_copy(out, text, err);
}

static int
map_one(struct ferry_map *map, size_t number, struct ferry_error *err)
{
	static const enum ferry_map_state states[] = {
		[RENAMING_FOUND] = FERRY_MAP_MAPPED,
		[RENAMING_SAME] = FERRY_MAP_SAME,
		[RENAMING_MISSING] = FERRY_MAP_MISSING,
	};
	const struct mention *mention = &map->mentions.items[number];
	struct row *row = &map->rows[number];
	struct renaming renaming = { .state = RENAMING_MISSING };
	bool known = mention->name.repository[0];
	int rc = 0;

	if (known)
		renamings_find(&map->renamings, &mention->name, &renaming);
	else
		strcpy(renaming.note, "nobody can tell its name");
	if (known)
		rc = spell(&row->source, &mention->name, err);
	if (!rc && renaming.state == RENAMING_FOUND)
		rc = text_copy(&row->target, renaming.text, err);
	if (!rc)
		rc = write_note(&row->note, mention, &renaming, err);
	map->info.missing += renaming.state == RENAMING_MISSING;
	map->images[number] = (struct ferry_map_image){
		.line = mention->line,
		.source = row->source,
		.target = row->target,
		.state = states[renaming.state],
		.note = row->note,
	};
	return rc;
}

static int
write_text(struct ferry_map *map, struct ferry_error *err)
{
	size_t count = map->mentions.count;
	AUTO_FREE const char **texts = calloc(count + 1, sizeof(*texts));
	int rc = texts ? 0 : error_nomem(err);

	for (size_t i = 0; i < count && !rc; i++)
		texts[i] = map->rows[i].target;
	if (!rc)
		rc = buffer_append(&map->text, map->content.data, map->mark,
				   err);
	if (!rc && mentions_rewrite(&map->text, &map->mentions, texts, err))
		rc = error_wrap(err, "%s", map->shown);
	return rc;
}

static int
warn_elsewhere(struct ferry_map *map, struct ferry_error *err)
{
	return map->mentions.elsewhere
		       ? warnings_add(&map->warnings, err,
				      "%s includes or extends other files: map "
				      "these too",
				      map->shown)
		       : 0;
}

static void
fill_info(struct ferry_map *map)
{
	struct ferry_map_info *info = &map->info;

	info->format = map->mentions.format;
	info->text = (const char *)map->text.data;
	info->size = map->text.size;
	info->images = map->images;
	info->image_count = map->mentions.count;
	info->warnings = (const char *const *)map->warnings.items;
	info->warning_count = map->warnings.count;
}

static int
make(struct ferry_map *map, const struct ferry_map_options *options,
     struct ferry_error *err)
{
	size_t count;
	int rc = open_names(map, options, err);

	if (!rc)
		rc = load_file(map, options, err);
	if (rc)
		return rc;
	count = map->mentions.count;
	map->images = calloc(count, sizeof(*map->images));
	map->rows = calloc(count, sizeof(*map->rows));
	if (!map->images || !map->rows)
		return error_nomem(err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = map_one(map, i, err);
	if (!rc)
		rc = write_text(map, err);
	if (!rc)
		rc = warn_elsewhere(map, err);
	if (rc)
		return rc;
	qsort(map->images, count, sizeof(*map->images), by_line);
	fill_info(map);
	return 0;
}

int
ferry_map_make(const struct ferry_map_options *options, struct ferry_map **out,
	       struct ferry_error *err)
{
	struct ferry_map *map = calloc(1, sizeof(*map));
	int rc;

	if (!map)
		return error_nomem(err);
	map->bundle_path = options->bundle;
	map->content.limit = LIST_BYTES_MAX;
	map->text.limit = MAP_BYTES_MAX;
	rc = make(map, options, err);
	if (rc)
		ferry_map_free(map);
	else
		*out = map;
	return rc;
}

const struct ferry_map_info *
ferry_map_get_info(const struct ferry_map *map)
{
	return &map->info;
}

int
ferry_map_check(const struct ferry_map *map, struct ferry_error *err)
{
	const struct ferry_map_info *info = &map->info;

	if (!info->missing)
		return 0;
	return error_set(err, FERRY_E_PARTIAL,
			 "%zu of %zu image%s in %s: not in %s, left as "
			 "before",
			 info->missing, info->image_count,
			 info->image_count == 1 ? "" : "s", map->shown,
			 map->bundle_path);
}

void
ferry_map_free(struct ferry_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; map->rows && i < map->mentions.count; i++) {
		free(map->rows[i].source);
		free(map->rows[i].target);
		free(map->rows[i].note);
	}
	free(map->rows);
	free(map->images);
	mentions_release(&map->mentions);
	renamings_release(&map->renamings);
	rewrite_release(&map->rewrite);
	warnings_release(&map->warnings);
	bundle_close(map->bundle);
	buffer_release(&map->content);
	buffer_release(&map->text);
	free(map);
}
