/*
 * oci: and oci-archive:.
 */
#include "source/oci.h"

#include "source/stored.h"

struct source_oci {
	struct stored stored;
	struct oci_layout layout;
};

static const struct image_names *
names(const struct stored *stored)
{
	return &((const struct source_oci *)stored)->layout.names;
}

static int
resolve(struct stored *stored, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct reference *name, struct ferry_error *err)
{
	struct oci_layout *layout = &((struct source_oci *)stored)->layout;
	AUTO(image_match_release) struct image_match match = { 0 };
	int rc = image_names_choose(&layout->names, wanted->origin.selector,
				    &match, err);

	if (!rc)
		rc = image_names_reference(&match, wanted, name, err);
	return rc ? rc
		  : oci_layout_resolve(layout, &match, platforms, out, err);
}

static int
get_blob(struct stored *stored, const struct digest *digest,
	 struct proof *proof, struct ferry_error *err)
{
	return oci_layout_get_blob(&((struct source_oci *)stored)->layout,
				   digest, proof, err);
}

static void
release(struct stored *stored)
{
	oci_layout_release(&((struct source_oci *)stored)->layout);
}

static const struct stored_ops ops = {
	.names = names,
	.resolve = resolve,
	.get_blob = get_blob,
	.release = release,
};

static int
open_layout(struct source **out, const char *path, struct folder *take_folder,
	    struct ferry_error *err)
{
	struct stored *stored = NULL;
	int rc =
		stored_new(&stored, sizeof(struct source_oci), &ops, path, err);

	if (rc) {
		folder_close(take_folder);
		return rc;
	}
	rc = oci_layout_init(&((struct source_oci *)stored)->layout,
			     take_folder, err);
	if (rc)
		stored_free(stored);
	else
		*out = &stored->source;
	return rc;
}

int
source_oci_open(struct source **out, const char *path,
		struct ferry_context *context, struct ferry_error *err)
{
	struct folder *folder = NULL;
	int rc = folder_open(&folder, path, context, err);

	if (!rc)
		rc = open_layout(out, path, folder, err);
	return rc ? error_wrap(err, "%s", path) : 0;
}

int
source_oci_archive_new(struct source **out, struct tarball *take_tarball,
		       const char *name, struct ferry_error *err)
{
	struct folder *folder = NULL;
	int rc = folder_of_tarball(&folder, take_tarball, true, err);

	if (rc)
		tarball_close(take_tarball);
	return rc ? rc : open_layout(out, name, folder, err);
}

int
source_oci_archive_open(struct source **out, const char *path,
			struct ferry_context *context, struct ferry_error *err)
{
	struct tarball *tarball = NULL;
	int rc = tarball_open(&tarball, path, context, err);

	if (!rc)
		rc = source_oci_archive_new(out, tarball, path, err);
	return rc ? error_wrap(err, "%s", path) : 0;
}
