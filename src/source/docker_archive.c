#include "source/docker_archive.h"

#include "base/text.h"

struct source_saved {
	struct source source;
	struct saved saved;
	char *name;
};

static int
expand(struct source *base, const struct wanted *wanted, struct list *out,
       struct ferry_error *err)
{
	struct source_saved *source = (struct source_saved *)base;

	return image_names_expand(&source->saved.manifest.names, wanted, out,
				  err)
		       ? error_wrap(err, "%s", source->name)
		       : 0;
}

static int
find(struct source_saved *source, const struct wanted *wanted,
     const struct platforms *platforms, struct resolved *out,
     struct ferry_error *err)
{
	AUTO(resolved_release) struct resolved resolved = { 0 };
	struct reference name;
	int rc = saved_resolve(&source->saved, wanted, platforms, &resolved,
			       &name, err);

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
	struct source_saved *source = (struct source_saved *)base;

	(void)worker;
	return find(source, wanted, platforms, out, err)
		       ? error_wrap(err, "%s", source->name)
		       : 0;
}

static int
fetch(struct source *base, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	struct source_saved *source = (struct source_saved *)base;

	(void)worker;
	(void)release;
	return saved_get_blob(&source->saved, &blob->descriptor.digest, proof,
			      err)
		       ? error_wrap(err, "%s: blob %s", source->name,
				    blob->descriptor.digest.text)
		       : 0;
}

static void
free_source(struct source *base)
{
	struct source_saved *source = (struct source_saved *)base;

	saved_release(&source->saved);
	free(source->name);
	free(source);
}

static const struct source_ops ops = {
	.expand = expand,
	.resolve = resolve,
	.fetch = fetch,
	.free = free_source,
};

int
source_docker_archive_new(struct source **out, struct tarball *take_tarball,
			  const char *name, struct ferry_error *err)
{
	struct source_saved *source = calloc(1, sizeof(*source));
	int rc;

	if (!source) {
		tarball_close(take_tarball);
		return error_nomem(err);
	}
	source->source.ops = &ops;
	rc = saved_init(&source->saved, take_tarball, err);
	if (!rc)
		rc = text_copy(&source->name, name, err);
	if (rc)
		free_source(&source->source);
	else
		*out = &source->source;
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
