/*
 * An OCI image layout in a folder as a target: made, or merged into one that
 * is there.
 *
 * index.json is replaced last and at once, so what was there before is there
 * until then, and the blobs of what a name stood for stay.
 */
#ifndef TARGET_OCI_H
#define TARGET_OCI_H

#include "target/target.h"

/* `context` is borrowed, and so is `path` until the call is over. */
int target_oci_new(struct target **out, struct ferry_context *context,
		   const char *path, struct ferry_error *err) MUST_CHECK;

#endif
