#include "list/yaml_marks.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "list/yaml_scalar.h"

int
yaml_marks_add(struct yaml_marks *marks, const struct yaml_mark *mark,
	       struct ferry_error *err)
{
	size_t room = marks->room ? marks->room * 2 : 64;
	struct yaml_mark *items;

	if (marks->count == marks->room) {
		items = reallocarray(marks->items, room, sizeof(*items));
		if (!items)
			return error_nomem(err);
		marks->items = items;
		marks->room = room;
	}
	marks->items[marks->count++] = *mark;
	json_incref(mark->value);
	return 0;
}

void
yaml_marks_release(struct yaml_marks *marks)
{
	for (size_t i = 0; i < marks->count; i++)
		json_decref(marks->items[i].value);
	free(marks->items);
	*marks = (struct yaml_marks){ 0 };
}

static int
by_value(const void *a, const void *b)
{
	const struct yaml_mark *one = a;
	const struct yaml_mark *other = b;

	return (one->value > other->value) - (one->value < other->value);
}

/* Goes on from character *at at byte *byte to that one; its byte. */
static size_t
byte_of(size_t character, size_t *at, size_t *byte, const char *data,
	size_t size)
{
	while (*at < character && *byte < size) {
		++*byte;
		while (*byte < size &&
		       ((unsigned char)data[*byte] & 0xc0) == 0x80)
			++*byte;
		++*at;
	}
	return *byte;
}

int
yaml_marks_settle(struct yaml_marks *marks, const char *data, size_t size,
		  struct ferry_error *err)
{
	size_t at = 0;
	size_t byte = 0;

	for (size_t i = 0; i < marks->count; i++) {
		struct yaml_mark *mark = &marks->items[i];

		if (mark->start < at || mark->end < mark->start)
			return error_set(err, FERRY_E_FAILED,
					 "line %zu: libyaml lost its place",
					 mark->line);
		mark->start = byte_of(mark->start, &at, &byte, data, size);
		mark->end = byte_of(mark->end, &at, &byte, data, size);
	}
	if (marks->count)
		qsort(marks->items, marks->count, sizeof(*marks->items),
		      by_value);
	return 0;
}

const struct yaml_mark *
yaml_marks_find(const struct yaml_marks *marks, const json_t *value)
{
	struct yaml_mark wanted = { .value = (json_t *)(uintptr_t)value };

	return marks->count ? bsearch(&wanted, marks->items, marks->count,
				      sizeof(wanted), by_value)
			    : NULL;
}

/* Behind anchor and tag, and what may stand between them. */
static size_t
skip_properties(const char *data, size_t start, size_t end)
{
	while (start < end && strchr("&!", data[start])) {
		while (start < end && !isspace((unsigned char)data[start]))
			start++;
		while (start < end && (isspace((unsigned char)data[start]) ||
				       data[start] == '#')) {
			if (data[start++] != '#')
				continue;
			while (start < end && data[start] != '\n')
				start++;
		}
	}
	return start;
}

/* Whether YAML of any version takes the bare word for a text. */
static bool
is_plain(const char *text)
{
	AUTO_JSON *value = yaml_scalar(text);

	/* 1.1 has numbers with colons in them. */
	return isalpha((unsigned char)*text) ||
	       (isdigit((unsigned char)*text) && strchr(text, '/') &&
		json_is_string(value));
}

static int
write_text(char **out, enum yaml_style style, const char *text,
	   struct ferry_error *err)
{
	const char *quote = style == YAML_SINGLE_QUOTED	  ? "'"
			    : style == YAML_DOUBLE_QUOTED ? "\""
			    : is_plain(text)		  ? ""
							  : "\"";

	return text_format(out, err, "%s%s%s", quote, text, quote);
}

/* The one line of a block's text, below its '|' or '>'. */
static int
edit_block(struct edit *out, const struct yaml_mark *mark, const char *data,
	   const char *text, struct ferry_error *err)
{
	const char *old = json_string_value(mark->value);
	size_t length = strcspn(old, "\n");
	const char *end = data + mark->end;
	const char *line =
		memchr(data + mark->start, '\n', mark->end - mark->start);
	const char *found =
		line ? memmem(line, (size_t)(end - line), old, length) : NULL;

	if (!found || old[length + strspn(old + length, "\n")])
		return error_set(err, FERRY_E_USAGE,
				 "the image's name spreads over lines; write "
				 "it on one");
	out->start = (size_t)(found - data);
	out->end = out->start + length;
	return text_copy(&out->text, text, err);
}

int
yaml_mark_edit(struct edit *out, const struct yaml_mark *mark, const char *data,
	       const char *text, struct ferry_error *err)
{
	struct edit edit = { .end = mark->end };
	int rc;

	edit.start = skip_properties(data, mark->start, mark->end);
	rc = mark->style == YAML_BLOCK
		     ? edit_block(&edit, mark, data, text, err)
		     : write_text(&edit.text, mark->style, text, err);
	if (rc)
		return error_wrap(err, "line %zu", mark->line);
	*out = edit;
	return 0;
}

int
yaml_join_halves(char **out, const char *data, size_t size,
		 struct ferry_error *err)
{
	AUTO_FREE char *text = malloc(size + 1);

	if (!text)
		return error_nomem(err);
	memcpy(text, data, size);
	text[size] = '\0';
	/* U+D800 to U+DFFF become U+E800 to U+EFFF. */
	for (size_t i = 0; i + 6 <= size; i++)
		if (text[i] == '\\' && text[i + 1] == 'u' &&
		    strchr("dD", text[i + 2]) &&
		    strchr("89abcdefABCDEF", text[i + 3]))
			text[i + 2] = 'e';
	*out = STEAL(&text);
	return 0;
}
