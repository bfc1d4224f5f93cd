/*
 * --deep: what the registry has, byte for byte, before anything is named.
 */
#include <string.h>

#include "base/parallel.h"
#include "target/registry_state.h"

struct reading {
	struct target_registry *target;
	struct outcome *outcomes;
};

static int
write_nowhere(struct sink *sink, const void *data, size_t size,
	      struct ferry_error *err)
{
	(void)sink;
	(void)data;
	(void)size;
	(void)err;
	return 0;
}

static int
read_blob(struct target_registry *target, unsigned worker,
	  const char *repository, const struct descriptor *descriptor,
	  struct ferry_error *err)
{
	AUTO(proof_release) struct proof proof = { 0 };
	struct sink nowhere = { .write = write_nowhere };
	int rc = proof_init(&proof, &nowhere, &descriptor->digest,
			    descriptor->size, err);

	if (!rc)
		rc = registry_get_blob(target->registry, worker, repository,
				       descriptor, &proof, err);
	return rc ? error_wrap(err, "blob %s: read back",
			       descriptor->digest.text)
		  : 0;
}

static bool
is_wanted(struct reading *reading, const struct blob *blob, size_t user)
{
	struct target_registry *target = reading->target;
	const char *ours = target_registry_repository(target, blob, user);
	bool wanted = false;

	pthread_mutex_lock(&target->lock);
	for (size_t i = user; i < blob->uses; i++)
		if (strcmp(target_registry_repository(target, blob, i), ours) ==
		    0)
			wanted |= outcome_is_open(
				&reading->outcomes[blob->users[i]]);
	pthread_mutex_unlock(&target->lock);
	return wanted;
}

static void
fail_users(struct reading *reading, const struct blob *blob, size_t user,
	   const struct ferry_error *err)
{
	struct target_registry *target = reading->target;
	const char *ours = target_registry_repository(target, blob, user);

	pthread_mutex_lock(&target->lock);
	for (size_t i = user; i < blob->uses; i++) {
		size_t image = blob->users[i];

		if (strcmp(target->names[image].repository, ours) == 0 &&
		    outcome_is_open(&reading->outcomes[image]))
			target_registry_fail(target, reading->outcomes, image,
					     err);
	}
	pthread_mutex_unlock(&target->lock);
}

static int
read_everywhere(void *data, size_t number, unsigned worker,
		struct ferry_error *err)
{
	struct reading *reading = data;
	struct target_registry *target = reading->target;
	const struct blob *blob = &target->release->blobs[number];

	for (size_t i = 0; i < blob->uses && !blob->manifest; i++) {
		int rc = context_check(target->context, err);

		if (rc)
			return rc;
		if (!target_registry_is_first(target, blob, i) ||
		    !is_wanted(reading, blob, i))
			continue;
		rc = read_blob(target, worker,
			       target_registry_repository(target, blob, i),
			       &blob->descriptor, err);
		if (rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
			return rc;
		if (rc)
			fail_users(reading, blob, i, err);
	}
	return 0;
}

int
target_registry_read_blobs(struct target_registry *target,
			   struct outcome *outcomes, struct ferry_error *err)
{
	struct reading reading = { target, outcomes };
	int rc = parallel_run(target->release->blob_count, target->workers,
			      read_everywhere, &reading, err);

	if (!rc)
		outcomes_join(target->context, target->release, outcomes);
	return rc;
}
