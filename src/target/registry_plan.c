/*
 * What prepare() looks at: the tags, where the options say what to do about
 * those that exist, and for a plan that is to say what would be sent, the
 * blobs.  What cannot be found out stays for put() and commit() to fail of.
 */
#include <string.h>

#include "base/parallel.h"
#include "target/registry_state.h"

struct plan {
	struct target_registry *target;
	struct outcome *outcomes;
	bool *there; /* per blob: no byte of it would be sent */
	bool *known; /* per blob */
};

static bool
ends_all(int rc)
{
	return rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM;
}

/* All that have this image's name. */
static void
set_all(struct plan *plan, size_t image, enum outcome_state state,
	const struct ferry_error *why)
{
	struct span span = target_registry_span(plan->target, image);

	for (size_t i = span.first; i < span.end; i++) {
		plan->outcomes[i].state = state;
		if (why)
			plan->outcomes[i].err = *why;
	}
}

static void
set_refused(struct plan *plan, size_t image, const char *tag,
	    struct ferry_error *err)
{
	error_wrap(err, "tag %s", tag);
	set_all(plan, image, OUTCOME_FAILED, err);
}

static int
look_at_tag(void *data, size_t image, unsigned worker, struct ferry_error *err)
{
	struct plan *plan = data;
	struct target_registry *target = plan->target;
	const struct image *what = &target->release->images[image];
	const char *tag = target->names[image].tag;
	struct document whole = target_registry_whole(what);
	struct digest found = { 0 };
	struct ferry_error why;
	int rc;

	if (what->secondary || !*tag)
		return 0;
	rc = target_registry_find(target, image, worker, tag, &found, &why,
				  err);
	if (rc || !digest_is_set(&found))
		return ends_all(rc) ? rc : 0;
	if (digest_equal(&found, &whole.descriptor->digest))
		set_all(plan, image, OUTCOME_PRESENT, NULL);
	else if (target_registry_existing(target, image, &found, plan->outcomes,
					  err))
		set_refused(plan, image, tag, err);
	return 0;
}

static int
look_at_blob(void *data, size_t number, unsigned worker,
	     struct ferry_error *err)
{
	struct plan *plan = data;
	const struct blob *blob = &plan->target->release->blobs[number];
	AUTO_FREE bool *missing = calloc(blob->uses + 1, sizeof(bool));
	const char *home = NULL;
	int rc;

	if (!missing)
		return error_nomem(err);
	/* Manifests are not blobs there, and a few bytes. */
	plan->there[number] = plan->known[number] = blob->manifest;
	if (blob->manifest)
		return 0;
	rc = target_registry_missing(plan->target, worker, blob, missing, &home,
				     err);
	if (rc)
		return ends_all(rc) ? rc : 0;
	plan->known[number] = true;
	plan->there[number] = home;
	return 0;
}

/* What one blob adds to the images that need it, and to the whole. */
static void
add_blob(struct plan *plan, size_t number)
{
	struct target_registry *target = plan->target;
	const struct blob *blob = &target->release->blobs[number];
	uint64_t size = plan->there[number] ? 0 : blob->descriptor.size;
	bool wanted = false;

	for (size_t i = 0; i < blob->uses; i++) {
		struct outcome *outcome = &plan->outcomes[blob->users[i]];

		outcome->planned &= plan->known[number];
		if (!outcome_is_open(outcome))
			continue;
		outcome->to_send += size;
		wanted = true;
	}
	target->planned &= plan->known[number];
	if (wanted)
		target->send_bytes += size;
}

static int
look_at_blobs(struct plan *plan, struct ferry_error *err)
{
	struct target_registry *target = plan->target;
	const struct release *release = target->release;
	int rc = parallel_run(release->blob_count, target->workers,
			      look_at_blob, plan, err);

	if (rc)
		return rc;
	target->planned = true;
	for (size_t i = 0; i < release->image_count; i++)
		plan->outcomes[i].planned = true;
	for (size_t i = 0; i < release->blob_count; i++)
		add_blob(plan, i);
	return 0;
}

/* Blobs that are gone under an image that is named are none of its tag. */
static void
check_present(struct plan *plan)
{
	for (size_t i = 0; i < plan->target->release->image_count; i++) {
		struct outcome *outcome = &plan->outcomes[i];

		if (outcome->state == OUTCOME_PRESENT &&
		    (!outcome->planned || outcome->to_send))
			outcome->state = OUTCOME_PENDING;
	}
}

int
target_registry_plan(struct target_registry *target, struct outcome *outcomes,
		     struct ferry_error *err)
{
	const struct release *release = target->release;
	AUTO_FREE bool *there = calloc(release->blob_count + 1, sizeof(bool));
	AUTO_FREE bool *known = calloc(release->blob_count + 1, sizeof(bool));
	struct plan plan = { target, outcomes, there, known };
	int rc = there && known ? 0 : error_nomem(err);

	target->planned = false;
	target->send_bytes = 0;
	if (!rc &&
	    (target->closely || target->existing_tag != FERRY_TAG_OVERWRITE))
		rc = parallel_run(release->image_count, target->workers,
				  look_at_tag, &plan, err);
	for (size_t i = 0; i < release->image_count && !rc; i++)
		target->left_out[i] = !outcome_is_open(&outcomes[i]);
	if (rc || !target->closely)
		return rc;
	rc = look_at_blobs(&plan, err);
	if (!rc)
		check_present(&plan);
	return rc;
}
