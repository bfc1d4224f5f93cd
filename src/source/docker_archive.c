#include "source/docker_archive.h"

#include "source/stored.h"

struct source_saved {
	struct stored stored;
	struct saved saved;
};

static const struct image_names *
names(const struct stored *stored)
{
	return &((const struct source_saved *)stored)->saved.manifest.names;
}

static int
resolve(struct stored *stored, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct reference *name, struct ferry_error *err)
{
	return saved_resolve(&((struct source_saved *)stored)->saved, wanted,
			     platforms, out, name, err);
}

static int
get_blob(struct stored *stored, const struct digest *digest,
	 struct proof *proof, struct ferry_error *err)
{
	return saved_get_blob(&((struct source_saved *)stored)->saved, digest,
			      proof, err);
}

static void
release(struct stored *stored)
{
	saved_release(&((struct source_saved *)stored)->saved);
}

static const struct stored_ops ops = {
	.names = names,
	.resolve = resolve,
	.get_blob = get_blob,
	.release = release,
};

int
source_docker_archive_new(struct source **out, struct tarball *take_tarball,
			  const char *name, struct ferry_error *err)
{
	struct stored *stored = NULL;
	int rc = stored_new(&stored, sizeof(struct source_saved), &ops, name,
			    err);

	if (rc) {
		tarball_close(take_tarball);
		return rc;
	}
	rc = saved_init(&((struct source_saved *)stored)->saved, take_tarball,
			err);
	if (rc)
		stored_free(stored);
	else
		*out = &stored->source;
	return rc;
}

int
source_docker_archive_open(struct source **out, const char *path,
			   struct ferry_context *context,
			   struct ferry_error *err)
{
	struct tarball *tarball = NULL;
	int rc = tarball_open(&tarball, path, context, err);

	if (!rc)
		rc = source_docker_archive_new(out, tarball, path, err);
	return rc ? error_wrap(err, "%s", path) : 0;
}
