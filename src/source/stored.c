#include "source/stored.h"

#include "base/text.h"
#include "source/resolve.h"

static int
expand(struct source *base, const struct wanted *wanted, struct list *out,
       struct ferry_error *err)
{
	struct stored *stored = (struct stored *)base;

	return image_names_expand(stored->ops->names(stored), wanted, out, err)
		       ? error_wrap(err, "%s", stored->name)
		       : 0;
}

static int
find(struct stored *stored, const struct wanted *wanted,
     const struct platforms *platforms, struct resolved *out,
     struct ferry_error *err)
{
	AUTO(resolved_release) struct resolved resolved = { 0 };
	struct reference name;
	int rc = stored->ops->resolve(stored, wanted, platforms, &resolved,
				      &name, err);

	if (!rc)
		rc = resolve_check_pin(&wanted->origin, &resolved, err);
	if (rc)
		return rc;
	resolve_name(&resolved, &stored->source, &name);
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

static int
resolve(struct source *base, unsigned worker, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	struct stored *stored = (struct stored *)base;

	(void)worker;
	return find(stored, wanted, platforms, out, err)
		       ? error_wrap(err, "%s", stored->name)
		       : 0;
}

static int
fetch(struct source *base, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	struct stored *stored = (struct stored *)base;
	const struct digest *digest = &blob->descriptor.digest;

	(void)worker;
	(void)release;
	return stored->ops->get_blob(stored, digest, proof, err)
		       ? error_wrap(err, "%s: blob %s", stored->name,
				    digest->text)
		       : 0;
}

static void
free_source(struct source *base)
{
	stored_free((struct stored *)base);
}

static const struct source_ops source_ops = {
	.expand = expand,
	.resolve = resolve,
	.fetch = fetch,
	.free = free_source,
};

int
stored_new(struct stored **out, size_t size, const struct stored_ops *ops,
	   const char *name, struct ferry_error *err)
{
	struct stored *stored = calloc(1, size);
	int rc =
		stored ? text_copy(&stored->name, name, err) : error_nomem(err);

	if (rc) {
		free(stored);
		return rc;
	}
	stored->source.ops = &source_ops;
	stored->ops = ops;
	*out = stored;
	return 0;
}

void
stored_free(struct stored *stored)
{
	stored->ops->release(stored);
	free(stored->name);
	free(stored);
}
