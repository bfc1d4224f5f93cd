/*
 * A file with other names in the place of those it has.
 */
#include <string.h>

#include "base/text.h"
#include "list/mentions.h"
#include "list/yaml.h"

struct edits {
	struct edit *items;
	size_t count;
};

static void
edits_release(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		free(edits->items[i].text);
	free(edits->items);
}

static int
add_edits(struct edits *edits, const struct mentions *mentions,
	  const struct mention *mention, const char *text,
	  struct ferry_error *err)
{
	struct edit *edit = &edits->items[edits->count];
	int rc;

	if (mention->mark) {
		rc = yaml_mark_edit(edit, mention->mark, mentions->data, text,
				    err);
		edits->count += !rc;
		return rc;
	}
	edit[0] = (struct edit){ mention->start, mention->end, NULL };
	edit[1] = (struct edit){ mention->cut_start, mention->cut_end, NULL };
	rc = text_copy(&edit->text, text, err);
	edits->count += 1 + (mention->cut_end > 0);
	return rc;
}

static int
by_place(const void *a, const void *b)
{
	const struct edit *one = a;
	const struct edit *other = b;

	return (one->start > other->start) - (one->start < other->start);
}

/* An anchor's text is one, however many aliases lead there. */
static int
write_edits(struct buffer *out, const struct mentions *mentions,
	    const struct edits *edits, struct ferry_error *err)
{
	size_t done = 0;
	int rc = 0;

	for (size_t i = 0; i < edits->count && !rc; i++) {
		const struct edit *edit = &edits->items[i];

		if (edit->start < done)
			continue;
		rc = buffer_append(out, mentions->data + done,
				   edit->start - done, err);
		if (!rc && edit->text)
			rc = buffer_append(out, edit->text, strlen(edit->text),
					   err);
		done = edit->end;
	}
	return rc ? rc
		  : buffer_append(out, mentions->data + done,
				  mentions->size - done, err);
}

/* What the file has to say afterwards, made of what it said. */
static int
set_texts(const struct mentions *mentions, const char *const *texts,
	  struct ferry_error *err)
{
	for (size_t i = 0; i < mentions->count; i++) {
		const struct yaml_mark *mark = mentions->items[i].mark;
		const char *old;
		size_t length;
		AUTO_FREE char *text = NULL;

		if (!texts[i] || !mark)
			continue;
		old = json_string_value(mark->value);
		length = mark->style == YAML_BLOCK ? strcspn(old, "\n")
						   : strlen(old);
		if (text_format(&text, err, "%s%s", texts[i], old + length))
			return err->code;
		if (json_string_set(mark->value, text))
			return error_nomem(err);
	}
	return 0;
}

static int
check(const struct mentions *mentions, const uint8_t *made, size_t size,
      struct ferry_error *err)
{
	AUTO_JSON *documents = NULL;
	AUTO(yaml_marks_release) struct yaml_marks marks = { 0 };
	int rc;

	if (!mentions->documents)
		return 0;
	rc = yaml_parse_marked(&documents, &marks, made, size, err);
	if (!rc && !json_equal(documents, mentions->documents))
		rc = error_set(err, FERRY_E_USAGE,
			       "the file would say something else as well");
	return rc ? error_wrap(err, "with other names") : 0;
}

int
mentions_rewrite(struct buffer *out, const struct mentions *mentions,
		 const char *const *texts, struct ferry_error *err)
{
	AUTO(edits_release) struct edits edits = { 0 };
	size_t before = out->size;
	int rc = 0;

	edits.items = calloc(2 * mentions->count + 1, sizeof(*edits.items));
	if (!edits.items)
		return error_nomem(err);
	for (size_t i = 0; i < mentions->count && !rc; i++)
		if (texts[i])
			rc = add_edits(&edits, mentions, &mentions->items[i],
				       texts[i], err);
	if (rc)
		return rc;
	qsort(edits.items, edits.count, sizeof(*edits.items), by_place);
	rc = write_edits(out, mentions, &edits, err);
	if (!rc)
		rc = set_texts(mentions, texts, err);
	return rc ? rc
		  : check(mentions, out->data + before, out->size - before,
			  err);
}
