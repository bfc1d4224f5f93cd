#include "list/list.h"

#include <string.h>

#include "base/text.h"

#define DOCKER_SCHEME "docker://"

static int
grow(struct list *list, struct ferry_error *err)
{
	size_t room = list->room ? list->room * 2 : 16;
	struct wanted *items;

	if (list->count >= LIST_IMAGES_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "more than %d images in all", LIST_IMAGES_MAX);
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
list_parse_name(struct reference *out, const char *text,
		struct ferry_error *err)
{
	struct reference name;
	int rc = list_parse_reference(&name, text, err);

	if (rc)
		return rc;
	if (digest_is_set(&name.digest))
		return error_set(err, FERRY_E_USAGE,
				 "'%s': a name to carry an image as has no "
				 "digest",
				 text);
	*out = name;
	return 0;
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
	take_wanted->position = list->count;
	list->items[list->count++] = *take_wanted;
	*take_wanted = (struct wanted){ 0 };
	return 0;
}

void
list_swap_items(struct list *list, struct list *other)
{
	struct list old = *list;

	list->items = other->items;
	list->count = other->count;
	list->room = other->room;
	other->items = old.items;
	other->count = old.count;
	other->room = old.room;
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

/* What an item is: its name, or where it is as long as that has none. */
static int
compare_identities(const struct wanted *a, const struct wanted *b)
{
	const struct reference *a_name = wanted_name(a);
	const struct reference *b_name = wanted_name(b);
	char a_text[REFERENCE_TEXT];
	char b_text[REFERENCE_TEXT];

	if (!a_name || !b_name)
		return a_name || b_name
			       ? !a_name - !b_name
			       : origin_compare(&a->origin, &b->origin);
	return strcmp(reference_name(a_text, a_name),
		      reference_name(b_text, b_name));
}

static int
compare_items(const void *a, const void *b)
{
	const struct wanted *one = a;
	const struct wanted *two = b;
	int order = compare_identities(one, two);

	return order ? order
		     : (one->position > two->position) -
			       (one->position < two->position);
}

static const char *
item_text(char out[ORIGIN_TEXT], const struct wanted *wanted)
{
	const struct reference *name = wanted_name(wanted);

	_Static_assert(ORIGIN_TEXT >= REFERENCE_TEXT, "a name would be cut");
	return name ? reference_familiar(out, name)
		    : origin_text(out, &wanted->origin);
}

static int
refuse_pins(const struct wanted *one, const struct wanted *other,
	    struct ferry_error *err)
{
	const struct digest *pin = origin_pin(&one->origin);
	const struct digest *other_pin = origin_pin(&other->origin);
	char name[ORIGIN_TEXT];

	item_text(name, one);
	if (digest_is_set(pin) && digest_is_set(other_pin))
		return error_set(err, FERRY_E_USAGE,
				 "%s is asked for with two different digests, "
				 "%s and %s",
				 name, pin->text, other_pin->text);
	return error_set(err, FERRY_E_USAGE,
			 "%s is asked for both with and without the digest %s; "
			 "leave one out",
			 name,
			 digest_is_set(pin) ? pin->text : other_pin->text);
}

/*
 * The same name again is fine, if it means the same image: from one place, or
 * wherever it is by its digest.
 */
static int
check_repeated(const struct wanted *one, const struct wanted *other,
	       struct ferry_error *err)
{
	const struct digest *pin = origin_pin(&one->origin);
	char name[ORIGIN_TEXT];
	char text[ORIGIN_TEXT];
	char other_text[ORIGIN_TEXT];

	if (digest_is_set(pin) && digest_equal(pin, origin_pin(&other->origin)))
		return 0;
	if (origin_compare(&one->origin, &other->origin) != 0)
		return error_set(err, FERRY_E_USAGE,
				 "%s is asked for from two places, %s and %s; "
				 "leave one out, or give one another name "
				 "('=> NAME')",
				 item_text(name, one),
				 origin_text(text, &one->origin),
				 origin_text(other_text, &other->origin));
	if (!digest_equal(origin_pin(&one->origin), origin_pin(&other->origin)))
		return refuse_pins(one, other, err);
	return 0;
}

static int
join_platforms(struct wanted *wanted, const struct platforms *more,
	       struct ferry_error *err)
{
	char text[PLATFORM_TEXT];
	char name[ORIGIN_TEXT];

	if (more->all)
		wanted->platforms = *more;
	if (wanted->platforms.all)
		return 0;
	for (size_t i = 0; i < more->count; i++)
		if (platforms_add(&wanted->platforms,
				  platform_text(text, &more->items[i]), err))
			return error_wrap(err, "%s", item_text(name, wanted));
	return 0;
}

static int
join(struct wanted *wanted, const struct wanted *other, struct ferry_error *err)
{
	int rc = check_repeated(wanted, other, err);

	wanted->pin_beside &= other->pin_beside;
	return rc ? rc : join_platforms(wanted, &other->platforms, err);
}

/* What somebody chose for a bundle once is what it is asked for by default. */
static bool
takes_common_platforms(const struct list *list, const struct wanted *wanted)
{
	return platforms_empty(&wanted->platforms) &&
	       (list->platforms_asked ||
		wanted->origin.transport != TRANSPORT_BUNDLE);
}

static void
sort(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (takes_common_platforms(list, &list->items[i]))
			list->items[i].platforms = list->platforms;
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items),
		      compare_items);
}

int
list_settle(struct list *list, struct ferry_error *err)
{
	size_t count = list->count;
	int rc = 0;

	sort(list);
	list->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct wanted item = list->items[i];
		struct wanted *last =
			list->count ? &list->items[list->count - 1] : NULL;

		list->items[i] = (struct wanted){ 0 };
		if (rc || !last || compare_identities(last, &item) != 0) {
			list->items[list->count++] = item;
			continue;
		}
		rc = join(last, &item, err);
		wanted_release(&item);
	}
	return rc;
}

void
list_release(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		wanted_release(&list->items[i]);
	free(list->items);
	free(list->name);
	free(list->version);
	*list = (struct list){ 0 };
}
