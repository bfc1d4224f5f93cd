/*
 * Text lists: one image a line.
 */
#include <string.h>

#include "list/formats.h"
#include "list/line.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts comment and white space off both ends. */
static char *
trim(char *line)
{
	char *comment = strchr(line, '#');
	size_t length;

	while (comment && comment != line && !is_blank(comment[-1]))
		comment = strchr(comment + 1, '#');
	if (comment)
		*comment = '\0';
	while (is_blank(*line))
		line++;
	length = strlen(line);
	while (length && is_blank(line[length - 1]))
		line[--length] = '\0';
	return line;
}

int
line_each(const void *data, size_t size,
	  int (*take)(void *cookie, const char *line, size_t offset,
		      size_t number, struct ferry_error *err),
	  void *cookie, struct ferry_error *err)
{
	AUTO_FREE char *text = strndup(data, size);
	char *rest = text;
	char *line;

	if (!text)
		return error_nomem(err);
	if (strlen(text) != size)
		return error_set(
			err, FERRY_E_USAGE,
			"no text: it holds a NUL; a bundle or an archive is "
			"named without -f, as bundle:FILE, docker-archive:FILE "
			"or oci-archive:FILE");
	for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
		line = trim(line);
		if (*line &&
		    take(cookie, line, (size_t)(line - text), number, err))
			return error_wrap(err, "line %zu", number);
	}
	return 0;
}

static int
add_line(void *cookie, const char *line, size_t offset, size_t number,
	 struct ferry_error *err)
{
	(void)offset;
	(void)number;
	return list_add(cookie, line, err);
}

int
list_add_text(struct list *list, const void *data, size_t size,
	      struct ferry_error *err)
{
	return line_each(data, size, add_line, list, err);
}
