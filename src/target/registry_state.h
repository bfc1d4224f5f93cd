/*
 * What the parts of the registry target share.  Internal to registry*.c.
 */
#ifndef TARGET_REGISTRY_STATE_H
#define TARGET_REGISTRY_STATE_H

#include <pthread.h>

#include "registry/registry.h"
#include "target/target.h"

struct target_registry {
	struct target target;
	struct ferry_context *context;
	char *to;
	char *words;
	unsigned workers;
	struct registry *registry;

	/* Since prepare(). */
	const struct release *release;
	struct reference *names; /* one an image */

	pthread_mutex_t lock; /* over what follows */
	bool *sent;	      /* per image: not all of it was there before */
};

/* From now on the image does not count as having been there. */
void target_registry_sent(struct target_registry *target, size_t image);

int target_registry_put(struct target *base, unsigned worker, size_t blob,
			struct source *source, struct ferry_error *err)
	MUST_CHECK;

int target_registry_commit(struct target *base, struct source *source,
			   struct outcome *outcomes, struct ferry_error *err)
	MUST_CHECK;

#endif
