#include "list/list.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define DOCKER_SCHEME "docker://"

static int
grow(struct list *list, struct ferry_error *err)
{
	size_t room = list->room ? list->room * 2 : 16;
	struct wanted *items;

	if (list->count < list->room)
		return 0;
	items = reallocarray(list->items, room, sizeof(*items));
	if (!items)
		return error_nomem(err);
	list->items = items;
	list->room = room;
	return 0;
}

int
list_refuse_url(const char *text, struct ferry_error *err)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		const char *rest = text + strlen(schemes[i]);

		if (!text_starts(text, schemes[i]))
			continue;
		error_set(err, FERRY_E_USAGE, "'%s': leave out %s", text,
			  schemes[i]);
		return i ? (int)err->code
			 : error_add(err,
				     "; --plain-http %.*s if it speaks no TLS",
				     (int)strcspn(rest, "/"), rest);
	}
	return 0;
}

int
list_parse_reference(struct reference *out, const char *text,
		     struct ferry_error *err)
{
	int rc = list_refuse_url(text, err);

	if (rc)
		return rc;
	if (text_starts(text, DOCKER_SCHEME))
		text += strlen(DOCKER_SCHEME);
	return reference_parse(out, text, err);
}

int
list_add(struct list *list, const char *text, struct ferry_error *err)
{
	struct reference *reference;
	int rc = grow(list, err);

	if (rc)
		return rc;
	reference = &list->items[list->count].reference;
	rc = list_parse_reference(reference, text, err);
	if (!rc)
		list->count++;
	return rc;
}

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
list_add_text(struct list *list, const void *data, size_t size,
	      struct ferry_error *err)
{
	AUTO_FREE char *text = strndup(data, size);
	char *rest = text;
	char *line;

	if (!text)
		return error_nomem(err);
	if (strlen(text) != size)
		return error_set(err, FERRY_E_USAGE, "no text: it holds a NUL");
	for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
		line = trim(line);
		if (*line && list_add(list, line, err))
			return error_wrap(err, "line %zu", number);
	}
	return 0;
}

int
list_add_file(struct list *list, const char *path, struct ferry_error *err)
{
	AUTO_BUFFER content = BUFFER(LIST_BYTES_MAX);
	const char *shown = strcmp(path, "-") ? path : "standard input";
	size_t before = list->count;
	int rc = file_load(path, &content, err);

	if (rc)
		return rc;
	if (content.size &&
	    list_add_text(list, content.data, content.size, err))
		return error_wrap(err, "%s", shown);
	if (list->count == before)
		return error_set(err, FERRY_E_USAGE, "%s names no image",
				 shown);
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	char one[REFERENCE_TEXT];
	char other[REFERENCE_TEXT];

	return strcmp(
		reference_name(one, &((const struct wanted *)a)->reference),
		reference_name(other, &((const struct wanted *)b)->reference));
}

/* The same name again is fine, if it means the same image. */
static int
check_repeated(const struct reference *one, const struct reference *other,
	       struct ferry_error *err)
{
	bool both =
		digest_is_set(&one->digest) && digest_is_set(&other->digest);
	char name[REFERENCE_TEXT];

	if (digest_equal(&one->digest, &other->digest))
		return 0;
	return error_set(err, FERRY_E_USAGE, "%s is asked for %s",
			 reference_familiar(name, one),
			 both ? "with two different digests"
			      : "both with and without a digest; leave one "
				"out");
}

int
list_settle(struct list *list, struct ferry_error *err)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items),
		      compare_names);
	for (size_t i = 0; i < list->count; i++) {
		const struct wanted *last = &list->items[kept ? kept - 1 : 0];
		const struct wanted *item = &list->items[i];
		int rc;

		if (!kept || compare_names(last, item) != 0) {
			list->items[kept++] = *item;
			continue;
		}
		rc = check_repeated(&last->reference, &item->reference, err);
		if (rc)
			return rc;
	}
	list->count = kept;
	return 0;
}

void
list_release(struct list *list)
{
	free(list->items);
	*list = (struct list){ 0 };
}
