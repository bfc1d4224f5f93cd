/*
 * An OCI image layout, in a folder or in an archive: OCI image-spec,
 * image-layout.md.
 */
#ifndef SOURCE_OCI_LAYOUT_H
#define SOURCE_OCI_LAYOUT_H

#include "source/folder.h"
#include "source/image_names.h"
#include "source/resolve.h"
#include "source/source.h"

struct oci_layout {
	struct folder *folder;
	json_t *json;	    /* index.json, */
	struct index index; /* the same, read, */
	size_t *entries;    /* and which of its entries each image is */
	struct image_names names;
};

/*
 * Reads what images there are.  Called by containerd's annotation, or by
 * OCI's where that is missing; selected by both, and by their digest.  The
 * folder is taken over, on failure too.
 */
int oci_layout_init(struct oci_layout *out, struct folder *take_folder,
		    struct ferry_error *err) MUST_CHECK;
void oci_layout_release(struct oci_layout *layout);

/*
 * The image of a match on a platform, but without a name.  Where index.json
 * lists several of one name, the platform says which.
 */
int oci_layout_resolve(struct oci_layout *layout,
		       const struct image_match *match,
		       const struct platforms *platforms, struct resolved *out,
		       struct ferry_error *err) MUST_CHECK;

/* As source_ops.fetch: pushes from proof->seen on, and finishes. */
int oci_layout_get_blob(struct oci_layout *layout, const struct digest *digest,
			struct proof *proof, struct ferry_error *err)
	MUST_CHECK;

#endif
