/*
 * What each image of a release needs to be in Docker.
 */
#ifndef TARGET_DOCKER_PLAN_H
#define TARGET_DOCKER_PLAN_H

#include "oci/release.h"
#include "engine/engine.h"
#include "target/docker_image.h"
#include "target/target.h"

enum docker_need {
	DOCKER_NOTHING, /* it is there under its name */
	DOCKER_NAME,	/* it is there, but not called so */
	DOCKER_SEND,
};

struct docker_plan {
	const struct release *release; /* borrowed */
	enum docker_store store;
	enum docker_need *needs; /* image by image */
	size_t *have; /* how many of its layers, lowest first, are there;
		       * known of the classic store only */
	struct digest *before; /* what another image of that name is; or "" */
};

enum docker_store docker_plan_store(const struct engine_daemon *daemon);

/*
 * Asks Docker.  Images that it could not unpack become OUTCOME_FAILED, those
 * that are there OUTCOME_PRESENT.
 */
int docker_plan_init(struct docker_plan *out, struct engine *engine,
		     const struct engine_daemon *daemon,
		     const struct release *release, struct outcome *outcomes,
		     struct ferry_error *err) MUST_CHECK;
void docker_plan_release(struct docker_plan *plan);

#endif
