/*
 * Where containerd listens on this machine, and which of its namespaces is
 * meant.
 */
#ifndef TARGET_CONTAINERD_PLACE_H
#define TARGET_CONTAINERD_PLACE_H

#include <stdbool.h>

#include "base/error.h"
#include "ferry/containerd.h"

/* Longest path of a socket, with its NUL: unix(7). */
#define CONTAINERD_ADDRESS_MAX 108
/* Longest identifier, with its NUL: containerd's identifiers.Validate(). */
#define CONTAINERD_SPACE_MAX 77
/* Kubernetes' own namespace: what the kubelet runs and collects. */
#define CONTAINERD_KUBERNETES "k8s.io"

struct containerd_place {
	char address[CONTAINERD_ADDRESS_MAX];
	char space[CONTAINERD_SPACE_MAX];
};

/*
 * `space` is what the user says, or NULL; then it is that of `options`; then
 * "k8s.io" where there are traces of Kubernetes below `root` ("" but in
 * tests), else "default".  FERRY_E_USAGE for what is no address or no
 * namespace: neither can be taken for an option of a program.
 */
int containerd_place_find(struct containerd_place *out, const char *root,
			  const struct ferry_containerd_options *options,
			  const char *space, struct ferry_error *err)
	MUST_CHECK;

/*
 * Whether somebody listens there that we may talk to; FERRY_E_DENIED and
 * FERRY_E_NOT_FOUND say what to do.
 */
int containerd_place_probe(const struct containerd_place *place,
			   struct ferry_error *err) MUST_CHECK;

#endif
