/*
 * OCI image layouts as a source: oci: and oci-archive:.
 */
#ifndef SOURCE_OCI_H
#define SOURCE_OCI_H

#include "source/oci_layout.h"

/* `context` is borrowed until the source is freed. */
int source_oci_open(struct source **out, const char *path,
		    struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;

/*
 * An archive that is open already, called `name` in messages; it is taken
 * over, on failure too.
 */
int source_oci_archive_new(struct source **out, struct tarball *take_tarball,
			   const char *name, struct ferry_error *err)
	MUST_CHECK;
int source_oci_archive_open(struct source **out, const char *path,
			    struct ferry_context *context,
			    struct ferry_error *err) MUST_CHECK;

#endif
