/*
 * oci: and oci-archive:.
 */
#include "source/oci.h"

#include "base/text.h"

struct source_oci {
	struct source source;
	struct oci_layout layout;
	char *path;
};

static int
expand(struct source *base, const struct wanted *wanted, struct list *out,
       struct ferry_error *err)
{
	struct source_oci *source = (struct source_oci *)base;

	return image_names_expand(&source->layout.names, wanted, out, err)
		       ? error_wrap(err, "%s", source->path)
		       : 0;
}

static int
find(struct source_oci *source, const struct wanted *wanted,
     const struct platforms *platforms, struct resolved *out,
     struct ferry_error *err)
{
	AUTO(image_match_release) struct image_match match = { 0 };
	AUTO(resolved_release) struct resolved resolved = { 0 };
	struct reference name;
	int rc = image_names_choose(&source->layout.names,
				    wanted->origin.selector, &match, err);

	if (!rc)
		rc = image_names_reference(&match, wanted, &name, err);
	if (!rc)
		rc = oci_layout_resolve(&source->layout, &match, platforms,
					&resolved, err);
	if (!rc)
		rc = resolve_check_pin(&wanted->origin, &resolved, err);
	if (rc)
		return rc;
	resolve_name(&resolved, &source->source, &name);
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

static int
resolve(struct source *base, unsigned worker, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	struct source_oci *source = (struct source_oci *)base;

	(void)worker;
	return find(source, wanted, platforms, out, err)
		       ? error_wrap(err, "%s", source->path)
		       : 0;
}

static int
fetch(struct source *base, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	struct source_oci *source = (struct source_oci *)base;

	(void)worker;
	(void)release;
	return oci_layout_get_blob(&source->layout, &blob->descriptor.digest,
				   proof, err)
		       ? error_wrap(err, "%s: blob %s", source->path,
				    blob->descriptor.digest.text)
		       : 0;
}

static void
free_source(struct source *base)
{
	struct source_oci *source = (struct source_oci *)base;

	oci_layout_release(&source->layout);
	free(source->path);
	free(source);
}

static const struct source_ops ops = {
	.expand = expand,
	.resolve = resolve,
	.fetch = fetch,
	.free = free_source,
};

static int
open_layout(struct source **out, const char *path, struct folder *take_folder,
	    struct ferry_error *err)
{
	struct source_oci *source = calloc(1, sizeof(*source));
	int rc;

	if (!source) {
		folder_close(take_folder);
		return error_nomem(err);
	}
	source->source.ops = &ops;
	rc = oci_layout_init(&source->layout, take_folder, err);
	if (!rc)
		rc = text_copy(&source->path, path, err);
	if (rc)
		free_source(&source->source);
	else
		*out = &source->source;
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
