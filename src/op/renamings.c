#include "op/renamings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/rename.h"
#include "target/destination.h"
#include "target/names.h"

static int
name_one(struct renamings *renamings, size_t image,
	 const struct destination *to, const struct rewrite *rewrite,
	 const struct rewrite_rule **rule, struct ferry_error *err)
{
	const struct statement_image *stated =
		&renamings->statement->images[image];
	struct reference *target = &renamings->targets[image];
	int rc = reference_parse(&renamings->sources[image], stated->name, err);

	if (!rc)
		rc = rewrite_apply(target, rewrite, renamings->registry,
				   &renamings->sources[image], rule, err);
	if (!rc && renamings->registry)
		rc = target_name(target, to->address, target, err);
	if (!rc && !target->tag[0])
		target->digest = digest_is_set(&stated->within)
					 ? stated->within
					 : stated->manifest;
	return rc;
}

static int
name_all(struct renamings *renamings, const struct destination *to,
	 const struct rewrite *rewrite, struct name_pair *pairs, bool *used,
	 struct ferry_error *err)
{
	size_t count = renamings->statement->image_count;

	for (size_t i = 0; i < count; i++) {
		const struct rewrite_rule *rule = NULL;

		if (name_one(renamings, i, to, rewrite, &rule, err))
			return err->code;
		pairs[i] = (struct name_pair){
			.source = &renamings->sources[i],
			.target = &renamings->targets[i],
			.rule = rule ? rule->text : NULL,
		};
		if (rule)
			used[rule - rewrite->rules] = true;
	}
	return names_check(pairs, count, err);
}

static const struct reference *
name_in_bundle(const void *data, size_t image)
{
	const struct renamings *renamings = data;

	return image < renamings->statement->image_count
		       ? &renamings->sources[image]
		       : NULL;
}

static int
make_names(struct renamings *renamings, const struct destination *to,
	   const struct rewrite *rewrite, struct warnings *warnings,
	   struct ferry_error *err)
{
	size_t count = renamings->statement->image_count + 1;
	AUTO_FREE struct name_pair *pairs = calloc(count, sizeof(*pairs));
	AUTO_FREE bool *used = calloc(rewrite->count + 1, sizeof(*used));
	int rc;

	renamings->sources = calloc(count, sizeof(*renamings->sources));
	renamings->targets = calloc(count, sizeof(*renamings->targets));
	if (!pairs || !used || !renamings->sources || !renamings->targets)
		return error_nomem(err);
	rc = name_all(renamings, to, rewrite, pairs, used, err);
	return rc ? rc
		  : rewrite_warn_unused(rewrite, used, name_in_bundle,
					renamings, warnings, err);
}

int
renamings_init(struct renamings *out, const char *to,
	       const struct rewrite *rewrite, const struct statement *statement,
	       struct warnings *warnings, struct ferry_error *err)
{
	AUTO(renamings_release)
	struct renamings renamings = { .statement = statement };
	struct destination destination;
	int rc = destination_parse(&destination, to, err);

	if (rc)
		return rc;
	renamings.registry = destination.kind == DESTINATION_REGISTRY;
	rc = make_names(&renamings, &destination, rewrite, warnings, err);
	if (rc)
		return rc;
	*out = renamings;
	renamings = (struct renamings){ 0 };
	return 0;
}

void
renamings_release(struct renamings *renamings)
{
	free(renamings->sources);
	free(renamings->targets);
	*renamings = (struct renamings){ 0 };
}

static bool
is_same_name(const struct reference *a, const struct reference *b)
{
	return strcmp(a->host, b->host) == 0 &&
	       strcmp(a->repository, b->repository) == 0 &&
	       strcmp(a->tag, b->tag) == 0 &&
	       (*a->tag || digest_equal(&a->digest, &b->digest));
}

static bool
is_same_repository(const struct reference *a, const struct reference *b)
{
	return strcmp(a->host, b->host) == 0 &&
	       strcmp(a->repository, b->repository) == 0;
}

/* Whether the digest is of the image, of the index above it or it came from. */
static bool
has_digest(const struct statement_image *image, const struct digest *digest)
{
	return digest_equal(digest, &image->manifest) ||
	       digest_equal(digest, &image->index) ||
	       digest_equal(digest, &image->within);
}

/* Whether that image of the bundle is what is wanted; *close: but for the pin.
 */
static bool
is_wanted(const struct renamings *renamings, size_t image,
	  const struct reference *wanted, bool by_tag, bool *close)
{
	const struct reference *source = &renamings->sources[image];
	bool named = by_tag ? is_same_name(source, wanted)
			    : is_same_repository(source, wanted);

	*close |= named;
	return named && (!digest_is_set(&wanted->digest) ||
			 has_digest(&renamings->statement->images[image],
				    &wanted->digest));
}

/*
 * The image with that name and digest, or else any of that repository with the
 * digest.  -1: none; *close is one that has the name.
 */
static ssize_t
find_image(const struct renamings *renamings, const struct reference *wanted,
	   ssize_t *close)
{
	size_t count = renamings->statement->image_count;
	bool pinned = digest_is_set(&wanted->digest);

	*close = -1;
	for (int by_tag = *wanted->tag ? 1 : 0; by_tag >= !pinned; by_tag--) {
		for (size_t i = 0; i < count; i++) {
			bool named = false;

			if (is_wanted(renamings, i, wanted, by_tag, &named))
				return (ssize_t)i;
			if (named && *close < 0)
				*close = (ssize_t)i;
		}
	}
	return -1;
}

/* Whether a file asks for it by what map has written once. */
static bool
is_target(const struct renamings *renamings, const struct reference *wanted)
{
	const struct statement *statement = renamings->statement;
	bool pinned = digest_is_set(&wanted->digest);

	for (size_t i = 0; i < statement->image_count; i++) {
		const struct statement_image *image = &statement->images[i];
		const struct reference *target = &renamings->targets[i];

		if (pinned ? is_same_repository(target, wanted) &&
				     (digest_equal(&wanted->digest,
						   &image->manifest) ||
				      digest_equal(&wanted->digest,
						   &image->within))
			   : is_same_name(target, wanted))
			return true;
	}
	return false;
}

static void
tell_missing(const struct renamings *renamings, const struct reference *wanted,
	     ssize_t close, struct renaming *out)
{
	const struct statement_image *image;

	out->state =
		is_target(renamings, wanted) ? RENAMING_SAME : RENAMING_MISSING;
	if (out->state == RENAMING_SAME || close < 0)
		return;
	image = &renamings->statement->images[close];
	snprintf(out->note, sizeof(out->note),
		 "it holds that with another digest, %s",
		 digest_is_set(&image->index) ? image->index.text
					      : image->manifest.text);
}

/* The digest there of what is asked for by another. */
static const struct digest *
digest_there(const struct statement_image *image, const struct digest *wanted)
{
	return digest_is_set(&image->within) &&
			       !digest_equal(wanted, &image->manifest)
		       ? &image->within
		       : &image->manifest;
}

static void
write_pinned(struct renaming *out, const struct reference *target, bool tagged,
	     const struct reference *wanted, const struct digest *digest)
{
	struct reference name = *target;
	char text[REFERENCE_TEXT];

	if (!tagged)
		name.tag[0] = '\0';
	name.digest = *digest;
	reference_name(text, &name);
	snprintf(out->text, sizeof(out->text), "%s%s%s", text,
		 *name.tag ? "@" : "", *name.tag ? digest->text : "");
	if (!digest_equal(digest, &wanted->digest))
		snprintf(out->note, sizeof(out->note),
			 "pinned to what is there of that index, %s",
			 digest->text);
}

static void
write_in_runtime(struct renaming *out, const struct reference *target,
		 const struct reference *source, const struct reference *wanted)
{
	char name[REFERENCE_TEXT];
	bool pinned = digest_is_set(&wanted->digest);

	if (!*target->tag) {
		out->state = RENAMING_MISSING;
		snprintf(out->note, sizeof(out->note),
			 "there it has an ID and no name; give it one with "
			 "--rewrite %.300s=NAME:TAG",
			 reference_familiar(name, source));
		return;
	}
	reference_familiar(out->text, target);
	if (pinned)
		snprintf(out->note, sizeof(out->note),
			 "asked for by its tag: a runtime need not have the "
			 "digest to ask by");
	else if (is_same_name(target, wanted))
		out->state = RENAMING_SAME;
}

void
renamings_find(const struct renamings *renamings,
	       const struct reference *wanted, struct renaming *out)
{
	ssize_t close;
	ssize_t found = find_image(renamings, wanted, &close);
	const struct reference *target;

	*out = (struct renaming){ .state = RENAMING_FOUND };
	if (found < 0) {
		tell_missing(renamings, wanted, close, out);
		return;
	}
	target = &renamings->targets[found];
	if (!renamings->registry)
		write_in_runtime(out, target, &renamings->sources[found],
				 wanted);
	else if (digest_is_set(&wanted->digest))
		/* With a tag only if that is the one that was asked for. */
		write_pinned(out, target,
			     *wanted->tag &&
				     strcmp(renamings->sources[found].tag,
					    wanted->tag) == 0,
			     wanted,
			     digest_there(&renamings->statement->images[found],
					  &wanted->digest));
	else
		reference_familiar(out->text, target);
}
