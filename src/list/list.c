#include "list/list.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "list/formats.h"

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
list_take(struct list *list, struct wanted *take_wanted,
	  struct ferry_error *err)
{
	int rc = grow(list, err);

	if (rc) {
		wanted_release(take_wanted);
		return rc;
	}
	list->items[list->count++] = *take_wanted;
	*take_wanted = (struct wanted){ 0 };
	return 0;
}

int
list_add(struct list *list, const char *text, struct ferry_error *err)
{
	AUTO(wanted_release) struct wanted wanted = { 0 };
	int rc = origin_parse(&wanted.origin, text, err);

	return rc ? rc : list_take(list, &wanted, err);
}

static int
add_file(struct list *list, const char *path, struct ferry_error *err)
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

int
list_add_files(struct list *list, const char *const *paths, size_t count,
	       const struct ferry_list_options *options,
	       struct ferry_error *err)
{
	int rc = 0;

	(void)options;
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_file(list, paths[i], err);
	return rc;
}

void
wanted_release(struct wanted *wanted)
{
	origin_release(&wanted->origin);
	*wanted = (struct wanted){ 0 };
}

const struct reference *
wanted_name(const struct wanted *wanted)
{
	if (wanted->name.repository[0])
		return &wanted->name;
	return wanted->origin.transport == TRANSPORT_REGISTRY
		       ? &wanted->origin.reference
		       : NULL;
}

/* Those without a name behind all others. */
static int
compare_names(const void *a, const void *b)
{
	const struct reference *one = wanted_name(a);
	const struct reference *two = wanted_name(b);
	char one_text[REFERENCE_TEXT];
	char two_text[REFERENCE_TEXT];

	if (!one || !two)
		return !one - !two;
	return strcmp(reference_name(one_text, one),
		      reference_name(two_text, two));
}

/* The same name again is fine, if it means the same image. */
static int
check_repeated(const struct wanted *one, const struct wanted *other,
	       struct ferry_error *err)
{
	const struct digest *pin = &one->origin.reference.digest;
	const struct digest *other_pin = &other->origin.reference.digest;
	bool both = digest_is_set(pin) && digest_is_set(other_pin);
	char name[REFERENCE_TEXT];

	if (digest_equal(pin, other_pin))
		return 0;
	return error_set(err, FERRY_E_USAGE, "%s is asked for %s",
			 reference_familiar(name, wanted_name(one)),
			 both ? "with two different digests"
			      : "both with and without a digest; leave one "
				"out");
}

static bool
is_same_name(const struct wanted *one, const struct wanted *other)
{
	return wanted_name(one) && compare_names(one, other) == 0;
}

int
list_settle(struct list *list, struct ferry_error *err)
{
	size_t count = list->count;
	int rc = 0;

	if (count)
		qsort(list->items, count, sizeof(*list->items), compare_names);
	list->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct wanted *item = &list->items[i];
		struct wanted *last =
			list->count ? &list->items[list->count - 1] : NULL;

		if (rc || !last || !is_same_name(last, item)) {
			struct wanted kept = *item;

			*item = (struct wanted){ 0 };
			list->items[list->count++] = kept;
			continue;
		}
		rc = check_repeated(last, item, err);
		wanted_release(item);
	}
	return rc;
}

void
list_release(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		wanted_release(&list->items[i]);
	free(list->items);
	*list = (struct list){ 0 };
}
