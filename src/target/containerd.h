/*
 * containerd as a target: one of its namespaces, through ctr.
 *
 * Images keep their digests, and indexes that are carried stay whole.
 */
#ifndef TARGET_CONTAINERD_H
#define TARGET_CONTAINERD_H

#include "target/containerd_place.h"
#include "target/target.h"

/* `context` is borrowed; `patience` as for ctr_open(). */
int target_containerd_new(struct target **out, struct ferry_context *context,
			  const struct containerd_place *place,
			  uint64_t patience, struct ferry_error *err)
	MUST_CHECK;

#endif
