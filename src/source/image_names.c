#include "source/image_names.h"

#include <string.h>

#include "base/text.h"

#define NAMES_MAX 100000
#define NAMES_SHOWN 20

/* A tag alone would be read as a repository of Docker Hub's. */
static bool
parse_full(const char *text, struct reference *out)
{
	struct ferry_error ignored;

	return strpbrk(text, ":/") && !reference_parse(out, text, &ignored);
}

/* Equal keys, one name; a pin beside a tag is for the source to compare. */
static int
make_key(char **out, const char *text, struct ferry_error *err)
{
	struct reference reference;
	char full[REFERENCE_TEXT];

	return text_copy(out,
			 parse_full(text, &reference)
				 ? reference_name(full, &reference)
				 : text,
			 err);
}

static int
grow(struct image_names *names, struct ferry_error *err)
{
	size_t room = names->room ? names->room * 2 : 16;
	struct image_name *items;

	if (names->count >= NAMES_MAX)
		return error_set(err, FERRY_E_FAILED, "more than %d names",
				 NAMES_MAX);
	if (names->count < names->room)
		return 0;
	items = reallocarray(names->items, room, sizeof(*items));
	if (!items)
		return error_nomem(err);
	names->items = items;
	names->room = room;
	return 0;
}

int
image_names_add(struct image_names *names, const char *text, size_t image,
		bool alias, struct ferry_error *err)
{
	struct image_name name = { .image = image, .alias = alias };
	int rc = grow(names, err);

	if (!rc)
		rc = text_copy(&name.text, text, err);
	if (!rc)
		rc = make_key(&name.key, text, err);
	if (!rc) {
		names->items[names->count++] = name;
		return 0;
	}
	free(name.text);
	return rc;
}

void
image_names_release(struct image_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		free(names->items[i].text);
		free(names->items[i].key);
	}
	free(names->items);
	*names = (struct image_names){ 0 };
}

void
image_match_release(struct image_match *match)
{
	free(match->images);
	*match = (struct image_match){ 0 };
}

static int
refuse_unnamed(const struct image_names *names, struct ferry_error *err)
{
	if (!names->images)
		return error_set(err, FERRY_E_FAILED, "it holds no image");
	return error_set(err, FERRY_E_USAGE,
			 "what it holds has no name; say which it is to have, "
			 "with '=> NAME'");
}

static int
refuse_tag(const char *text, struct ferry_error *err)
{
	return error_set(err, FERRY_E_USAGE,
			 "'%s' is no full name; say which the image is to have,"
			 " with '=> NAME'",
			 text);
}

static int
add_wanted(struct list *out, const struct wanted *wanted, const char *text,
	   struct ferry_error *err)
{
	AUTO(wanted_release)
	struct wanted item = { .name = wanted->name,
			       .platforms = wanted->platforms };
	int rc = origin_copy(&item.origin, &wanted->origin, err);

	if (rc)
		return rc;
	if (text)
		rc = text_copy(&item.origin.selector, text, err);
	if (!rc && text && !item.name.repository[0]) {
		if (!parse_full(text, &item.name))
			return refuse_tag(text, err);
		reference_unpin(&item.name);
	}
	return rc ? rc : list_take(out, &item, err);
}

static int
by_key(const void *a, const void *b)
{
	const struct image_name *one = a;
	const struct image_name *two = b;
	int order = strcmp(one->key, two->key);

	return order ? order : strcmp(one->text, two->text);
}

/*
 * The names that are no aliases, each once, by their keys; the array is the
 * caller's, what is in it is not.
 */
static int
list_distinct(const struct image_names *names, struct image_name **out,
	      size_t *count, struct ferry_error *err)
{
	struct image_name *distinct =
		calloc(names->count + 1, sizeof(*distinct));
	size_t all = 0;

	if (!distinct)
		return error_nomem(err);
	for (size_t i = 0; i < names->count; i++)
		if (!names->items[i].alias)
			distinct[all++] = names->items[i];
	qsort(distinct, all, sizeof(*distinct), by_key);
	*count = 0;
	for (size_t i = 0; i < all; i++)
		if (!*count ||
		    strcmp(distinct[*count - 1].text, distinct[i].text) != 0)
			distinct[(*count)++] = distinct[i];
	*out = distinct;
	return 0;
}

/* Two spellings of one name would be two images under it. */
static int
check_spellings(const struct image_name *distinct, size_t count,
		struct ferry_error *err)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(distinct[i - 1].key, distinct[i].key) == 0)
			return error_set(err, FERRY_E_USAGE,
					 "it has '%s' and '%s', which are one "
					 "name; say which is meant",
					 distinct[i - 1].text,
					 distinct[i].text);
	return 0;
}

int
image_names_expand(const struct image_names *names, const struct wanted *wanted,
		   struct list *out, struct ferry_error *err)
{
	bool is_named = wanted->name.repository[0];
	AUTO_FREE struct image_name *distinct = NULL;
	size_t count = 0;
	int rc = list_distinct(names, &distinct, &count, err);

	if (rc)
		return rc;
	if (!count)
		return is_named && names->images
			       ? add_wanted(out, wanted, NULL, err)
			       : refuse_unnamed(names, err);
	if (is_named && count > 1)
		return error_set(err, FERRY_E_USAGE,
				 "it holds %zu images, which cannot have one "
				 "name; say which one is meant",
				 count);
	rc = check_spellings(distinct, count, err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_wanted(out, wanted, distinct[i].text, err);
	return rc;
}

static int
not_found(const struct image_names *names, const char *selector,
	  struct ferry_error *err)
{
	AUTO_FREE struct image_name *distinct = NULL;
	size_t count = 0;
	int rc = list_distinct(names, &distinct, &count, err);

	if (rc)
		return rc;
	error_set(err, FERRY_E_NOT_FOUND, "%s is not in it; it has%s", selector,
		  count ? "" : " no names");
	for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
		error_add(err, "%s %s", i ? "," : "", distinct[i].text);
	if (count > NAMES_SHOWN)
		error_add(err, " and %zu more", count - NAMES_SHOWN);
	return FERRY_E_NOT_FOUND;
}

/*
 * Marks what is meant; `key`: the selector in full, or NULL: exactly the
 * selector.  An image may be called the same twice, as by its tag and by its
 * ID, and its names need not stand together.
 */
static bool
mark_named(const struct image_names *names, const char *selector,
	   const char *key, bool *meant, const char **full)
{
	struct reference ignored;
	bool any = false;

	for (size_t i = 0; i < names->count; i++) {
		const struct image_name *name = &names->items[i];

		if (key ? strcmp(name->key, key) != 0
			: strcmp(name->text, selector) != 0)
			continue;
		any = true;
		meant[name->image] = true;
		if (!*full && !name->alias && parse_full(name->text, &ignored))
			*full = name->text;
	}
	return any;
}

static int
mark_selected(const struct image_names *names, const char *selector,
	      bool *meant, const char **full, struct ferry_error *err)
{
	struct reference reference;
	char key[REFERENCE_TEXT];

	if (mark_named(names, selector, NULL, meant, full))
		return 0;
	if (!reference_parse(&reference, selector, err) &&
	    mark_named(names, selector, reference_name(key, &reference), meant,
		       full))
		return 0;
	return not_found(names, selector, err);
}

/* Without a selector all are meant. */
static int
match_selector(const struct image_names *names, const char *selector,
	       struct image_match *match, struct ferry_error *err)
{
	AUTO_FREE bool *meant = calloc(names->images, sizeof(*meant));
	int rc = 0;

	match->images = calloc(names->images, sizeof(*match->images));
	if (!meant || !match->images)
		return error_nomem(err);
	if (selector)
		rc = mark_selected(names, selector, meant, &match->full, err);
	for (size_t i = 0; i < names->images && !rc; i++)
		if (!selector || meant[i])
			match->images[match->count++] = i;
	return rc;
}

/* What was selected by its tag, or without a name, may have a better one. */
static void
find_full(const struct image_names *names, struct image_match *match)
{
	struct reference ignored;

	for (size_t i = 0; i < names->count && !match->full; i++)
		if (names->items[i].image == match->images[0] &&
		    !names->items[i].alias &&
		    parse_full(names->items[i].text, &ignored))
			match->full = names->items[i].text;
}

int
image_names_choose(const struct image_names *names, const char *selector,
		   struct image_match *out, struct ferry_error *err)
{
	AUTO(image_match_release) struct image_match match = { 0 };
	int rc = names->images ? match_selector(names, selector, &match, err)
			       : refuse_unnamed(names, err);

	if (rc)
		return rc;
	find_full(names, &match);
	*out = match;
	match = (struct image_match){ 0 };
	return 0;
}

int
image_names_reference(const struct image_match *match,
		      const struct wanted *wanted, struct reference *out,
		      struct ferry_error *err)
{
	if (wanted->name.repository[0]) {
		*out = wanted->name;
		return 0;
	}
	if (!match->full)
		return wanted->origin.selector
			       ? refuse_tag(wanted->origin.selector, err)
			       : error_set(err, FERRY_E_USAGE,
					   "it has no name; say which it is to "
					   "have, with '=> NAME'");
	return reference_parse(out, match->full, err);
}
