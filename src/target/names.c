#include "target/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int
refuse(const char *to, struct ferry_error *err)
{
	return error_set(err, FERRY_E_USAGE,
			 "%s: not a registry, HOST[:PORT][/PREFIX]", to);
}

int
target_parse(struct reference *out, const char *to, struct ferry_error *err)
{
	size_t length = strcspn(to, "/");
	const char *prefix = to + length + (to[length] == '/');
	size_t prefix_length = strlen(prefix);
	struct reference found = { 0 };

	if (prefix_length && prefix[prefix_length - 1] == '/')
		prefix_length--;
	if (length >= sizeof(found.host) ||
	    prefix_length >= sizeof(found.repository))
		return refuse(to, err);
	memcpy(found.host, to, length);
	memcpy(found.repository, prefix, prefix_length);
	if (!reference_is_host(found.host) ||
	    (prefix_length && !reference_is_repository(found.repository)))
		return refuse(to, err);
	*out = found;
	return 0;
}

int
target_name(struct reference *out, const char *to,
	    const struct reference *source, struct ferry_error *err)
{
	const char *path = reference_short_path(source);
	struct reference name;
	size_t room;
	int length;
	int rc = target_parse(&name, to, err);

	if (rc)
		return rc;
	room = strlen(name.repository);
	length =
		snprintf(name.repository + room, sizeof(name.repository) - room,
			 "%s%s", room ? "/" : "", path);
	if (length < 0 || (size_t)length >= sizeof(name.repository) - room)
		return error_set(err, FERRY_E_USAGE,
				 "%s under %s: a repository name of more than "
				 "%zu bytes",
				 path, to, sizeof(name.repository) - 1);
	strcpy(name.tag, source->tag);
	name.digest = source->digest;
	*out = name;
	return 0;
}

struct named {
	char name[REFERENCE_TEXT];
	size_t image;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name,
		      ((const struct named *)b)->name);
}

static int
refuse_clash(const struct release *release, const struct named *a,
	     const struct named *b, struct ferry_error *err)
{
	char one[REFERENCE_TEXT];
	char two[REFERENCE_TEXT];

	reference_name(one, &release->images[a->image].reference);
	reference_name(two, &release->images[b->image].reference);
	return error_set(err, FERRY_E_USAGE,
			 "%s and %s would both be called %s: load one of them "
			 "under another prefix",
			 one, two, a->name);
}

/* Below one index all have one name. */
static bool
are_siblings(const struct release *release, const struct named *a,
	     const struct named *b)
{
	const struct nested_index *index = release->images[a->image].nested;

	return index && index == release->images[b->image].nested;
}

static int
check_clashes(const struct reference *names, const struct release *release,
	      struct ferry_error *err)
{
	size_t count = release->image_count;
	AUTO_FREE struct named *sorted = calloc(count + 1, sizeof(*sorted));

	if (!sorted)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		reference_name(sorted[i].name, &names[i]);
		sorted[i].image = i;
	}
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < count; i++)
		if (by_name(&sorted[i - 1], &sorted[i]) == 0 &&
		    !are_siblings(release, &sorted[i - 1], &sorted[i]))
			return refuse_clash(release, &sorted[i - 1], &sorted[i],
					    err);
	return 0;
}

int
target_names(struct reference **out, const char *to,
	     const struct release *release, struct ferry_error *err)
{
	AUTO_FREE struct reference *names =
		calloc(release->image_count + 1, sizeof(*names));
	int rc = names ? 0 : error_nomem(err);

	for (size_t i = 0; i < release->image_count && !rc; i++)
		rc = target_name(&names[i], to, &release->images[i].reference,
				 err);
	if (!rc)
		rc = check_clashes(names, release, err);
	if (rc)
		return rc;
	*out = STEAL(&names);
	return 0;
}
