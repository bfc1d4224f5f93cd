/*
 * Podman as a target.
 *
 * Each name is loaded by itself, as the archive of an OCI layout: podman keeps
 * manifests, indexes and so all digests of those.  Of an archive with several
 * images it would read Docker's part only, and make manifests of its own.
 */
#ifndef TARGET_PODMAN_H
#define TARGET_PODMAN_H

#include "ferry/podman.h"
#include "target/target.h"

/*
 * `address` is the socket of a service, or NULL: the one that `options` lead
 * to.  All but `out` and `address` are borrowed until the target is freed.
 */
int target_podman_new(struct target **out, struct ferry_context *context,
		      const char *address,
		      const struct ferry_podman_options *options,
		      struct ferry_error *err) MUST_CHECK;

#endif
