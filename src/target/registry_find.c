#include <string.h>

#include "target/registry_state.h"

const char *
target_registry_repository(const struct target_registry *target,
			   const struct blob *blob, size_t user)
{
	return target->names[blob->users[user]].repository;
}

bool
target_registry_is_first(const struct target_registry *target,
			 const struct blob *blob, size_t user)
{
	const char *ours = target_registry_repository(target, blob, user);

	for (size_t i = 0; i < user; i++)
		if (strcmp(target_registry_repository(target, blob, i), ours) ==
		    0)
			return false;
	return true;
}

struct document
target_registry_manifest(const struct image *image)
{
	return (struct document){ &image->descriptor, &image->manifest_bytes };
}

struct document
target_registry_whole(const struct image *image)
{
	const struct nested_index *index = image->nested;

	return index ? (struct document){ &index->descriptor, &index->bytes }
		     : target_registry_manifest(image);
}

int
target_registry_find(struct target_registry *target, size_t image,
		     unsigned worker, const char *name, struct digest *found,
		     struct ferry_error *why, struct ferry_error *err)
{
	AUTO_REGISTRY_MANIFEST manifest = { 0 };
	int rc = registry_get_manifest(target->registry, worker,
				       target->names[image].repository, name,
				       &manifest, why);

	if (rc && rc != FERRY_E_NOT_FOUND && rc != FERRY_E_DENIED) {
		*err = *why;
		return rc;
	}
	*found = manifest.digest;
	return 0;
}

struct span
target_registry_span(const struct target_registry *target, size_t image)
{
	const struct nested_index *index =
		target->release->images[image].nested;
	size_t first = index ? index->first_image : image;

	return (struct span){ first, first + (index ? index->image_count : 1) };
}

void
target_registry_note(struct target_registry *target, struct outcome *outcomes,
		     size_t image, const char *what,
		     const struct digest *digest)
{
	struct span span = target_registry_span(target, image);

	for (size_t i = span.first; i < span.end; i++) {
		outcomes[i].note[0] = '\0';
		outcome_note(&outcomes[i], "%s %s", what, digest->text);
	}
}

static void
skip(struct target_registry *target, struct outcome *outcomes, size_t image)
{
	struct span span = target_registry_span(target, image);

	for (size_t i = span.first; i < span.end; i++)
		outcomes[i].state = OUTCOME_SKIPPED;
}

int
target_registry_existing(struct target_registry *target, size_t image,
			 const struct digest *found, struct outcome *outcomes,
			 struct ferry_error *err)
{
	switch (target->existing_tag) {
	case FERRY_TAG_FAIL:
		return error_set(err, FERRY_E_FAILED,
				 "it stands for %s there already "
				 "(--on-existing-tag fail)",
				 found->text);
	case FERRY_TAG_SKIP:
		skip(target, outcomes, image);
		target_registry_note(target, outcomes, image,
				     "the tag stands for", found);
		return 0;
	case FERRY_TAG_OVERWRITE:
		break;
	}
	target_registry_note(target, outcomes, image, "replaces", found);
	return 0;
}

void
target_registry_fail(struct target_registry *target, struct outcome *outcomes,
		     size_t image, const struct ferry_error *err)
{
	struct outcome *outcome = &outcomes[image];

	outcome->state = OUTCOME_FAILED;
	outcome->err = *err;
	outcome_tell(target->context, target->release, image, outcome);
}
