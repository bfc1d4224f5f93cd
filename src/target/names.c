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

static int
compare_names(const struct reference *a, const struct reference *b)
{
	int order = strcmp(a->host, b->host);

	if (!order)
		order = strcmp(a->repository, b->repository);
	if (!order)
		order = strcmp(a->tag, b->tag);
	if (!order && !*a->tag)
		order = strcmp(a->digest.text, b->digest.text);
	return order;
}

static int
by_name(const void *a, const void *b)
{
	return compare_names(((const struct name_pair *)a)->target,
			     ((const struct name_pair *)b)->target);
}

static int
refuse_clash(const struct name_pair *a, const struct name_pair *b,
	     struct ferry_error *err)
{
	const char *rule = a->rule ? a->rule : b->rule;
	char one[REFERENCE_TEXT];
	char two[REFERENCE_TEXT];
	char both[REFERENCE_TEXT];

	error_set(err, FERRY_E_USAGE, "%s and %s would both be called %s",
		  reference_name(one, a->source),
		  reference_name(two, b->source),
		  reference_name(both, a->target));
	if (rule)
		error_add(err, " (--rewrite %.300s)", rule);
	return error_add(err, ": give one of them another name with --rewrite");
}

int
names_check(struct name_pair *pairs, size_t count, struct ferry_error *err)
{
	qsort(pairs, count, sizeof(*pairs), by_name);
	for (size_t i = 1; i < count; i++)
		if (by_name(&pairs[i - 1], &pairs[i]) == 0 &&
		    compare_names(pairs[i - 1].source, pairs[i].source) != 0)
			return refuse_clash(&pairs[i - 1], &pairs[i], err);
	return 0;
}

int
target_names_check(const struct reference *names, const struct release *release,
		   struct ferry_error *err)
{
	size_t count = release->image_count;
	AUTO_FREE struct name_pair *pairs = calloc(count + 1, sizeof(*pairs));

	if (!pairs)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		const struct image *image = &release->images[i];

		pairs[i] = (struct name_pair){
			.source = image_source_name(image),
			.target = names ? &names[i] : &image->reference,
			.rule = image->renamed ? image->renamed->rule : NULL,
		};
	}
	return names_check(pairs, count, err);
}

/* By digest, it is called by the digest that will be there. */
static int
name_image(struct reference *out, const char *to, const struct image *image,
	   struct ferry_error *err)
{
	int rc = target_name(out, to, &image->reference, err);

	if (!rc && !out->tag[0])
		out->digest = *image_name_digest(image);
	return rc;
}

int
target_names(struct reference **out, const char *to,
	     const struct release *release, struct ferry_error *err)
{
	AUTO_FREE struct reference *names =
		calloc(release->image_count + 1, sizeof(*names));
	int rc = names ? 0 : error_nomem(err);

	for (size_t i = 0; i < release->image_count && !rc; i++)
		rc = name_image(&names[i], to, &release->images[i], err);
	if (!rc)
		rc = target_names_check(names, release, err);
	if (rc)
		return rc;
	*out = STEAL(&names);
	return 0;
}
