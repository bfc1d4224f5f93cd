/*
 * IMAGE [PLATFORM[,PLATFORM...]] [=> NAME], as it stands on a command line or
 * in a text list.
 */
#include <string.h>

#include "base/text.h"
#include "list/line.h"

#define BLANKS " \t\r"
#define ARROW "=>"

static char *
trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length && strchr(BLANKS, text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* Cuts the last "=> NAME" off; NULL: there is none. */
static char *
cut_name(char *text)
{
	char *arrow = NULL;
	char *next = strstr(text, ARROW);

	for (; next; next = strstr(next + 1, ARROW))
		if (next == text || strchr(BLANKS, next[-1]))
			arrow = next;
	if (!arrow)
		return NULL;
	*arrow = '\0';
	return trim(arrow + strlen(ARROW));
}

static int
parse_platforms(struct platforms *out, char *text, struct ferry_error *err)
{
	struct platforms platforms = { 0 };
	char *word;
	int rc = 0;

	while (!rc && (word = strsep(&text, ",")))
		rc = platforms_add(&platforms, word, err);
	if (!rc)
		*out = platforms;
	return rc;
}

/*
 * A path may have blanks in it, so that there the last word counts, if it is
 * no part of the path; a reference ends at the first one.
 */
static int
cut_platforms(struct platforms *out, char *text, bool has_path,
	      struct ferry_error *err)
{
	struct ferry_error ignored;
	AUTO_FREE char *copy = NULL;
	char *blank = strpbrk(text, BLANKS);
	char *word;
	int rc = 0;

	for (char *next = blank; has_path && next;
	     next = strpbrk(next + 1, BLANKS))
		blank = next;
	if (!blank)
		return 0;
	word = trim(blank);
	if (has_path) {
		rc = text_copy(&copy, word, err);
		if (rc || parse_platforms(out, copy, &ignored))
			return rc;
	} else {
		rc = parse_platforms(out, word, err);
	}
	*blank = '\0';
	return rc;
}

/* Takes `line` apart in place. */
static int
parse(struct wanted *wanted, char *line, struct line_parts *parts,
      struct ferry_error *err)
{
	char *name = cut_name(line);
	size_t before = strlen(line);
	char *image = trim(line);
	bool has_path = transport_has_path(origin_transport(image));
	int rc = cut_platforms(&wanted->platforms, image, has_path, err);

	if (!rc)
		rc = origin_parse(&wanted->origin, trim(image), err);
	if (!rc && name && !*name)
		rc = error_set(err, FERRY_E_USAGE, "no name behind " ARROW);
	if (!rc && name)
		rc = list_parse_name(&wanted->name, name, err);
	parts->image = (size_t)(image - line);
	parts->image_size = strlen(image);
	parts->arrow = name ? before : 0;
	return rc;
}

int
line_parse(struct wanted *out, struct line_parts *parts, const char *text,
	   struct ferry_error *err)
{
	AUTO_FREE char *line = NULL;
	int rc = text_copy(&line, text, err);

	if (rc)
		return rc;
	rc = parse(out, line, parts, err);
	/* Where it was taken apart, the piece that is wrong does not tell all.
	 */
	return !rc || strcmp(trim(line), text) == 0
		       ? rc
		       : error_wrap(err, "'%.300s'", text);
}

int
list_add(struct list *list, const char *text, struct ferry_error *err)
{
	AUTO(wanted_release) struct wanted wanted = { 0 };
	struct line_parts parts;
	int rc = line_parse(&wanted, &parts, text, err);

	return rc ? rc : list_take(list, &wanted, err);
}
