#include "source/bundle.h"

#include "base/text.h"

struct source_bundle {
	struct source source;
	struct bundle *bundle;
	bool owned;
};

static struct bundle *
bundle_of(struct source *source)
{
	return ((struct source_bundle *)source)->bundle;
}

static int
add_image(struct list *out, const struct wanted *wanted, const char *name,
	  struct ferry_error *err)
{
	AUTO(wanted_release)
	struct wanted item = { .name = wanted->name,
			       .platforms = wanted->platforms };
	int rc = origin_copy(&item.origin, &wanted->origin, err);

	if (!rc)
		rc = text_copy(&item.origin.selector, name, err);
	if (!rc && !item.name.repository[0])
		rc = reference_parse(&item.name, name, err);
	return rc ? rc : list_take(out, &item, err);
}

static int
expand(struct source *source, const struct wanted *wanted, struct list *out,
       struct ferry_error *err)
{
	const struct bundle *bundle = bundle_of(source);
	size_t count = bundle->statement.image_count;
	int rc = 0;

	if (count > 1 && wanted->name.repository[0])
		return error_set(err, FERRY_E_USAGE,
				 "%s has %zu images, which cannot have one "
				 "name; say which one is meant",
				 bundle->path, count);
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_image(out, wanted, bundle->statement.images[i].name,
			       err);
	return rc;
}

static int
resolve(struct source *source, unsigned worker, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	struct bundle *bundle = bundle_of(source);
	AUTO(image_release) struct image image = { 0 };
	struct reference name;
	size_t number;
	int rc = list_parse_reference(&name, wanted->origin.selector, err);

	(void)worker;
	(void)platforms; /* a bundle has one platform of each image */
	if (!rc)
		rc = bundle_find_image(bundle, &name, &number, err);
	if (rc)
		return rc;
	rc = bundle_read_image(bundle, number, &image, err);
	if (rc)
		return error_wrap(err, "%s: %s", bundle->path,
				  bundle->statement.images[number].name);
	image.source = source;
	return resolved_take(out, &image, err);
}

static int
fetch(struct source *source, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	const struct bundle *bundle = bundle_of(source);
	ssize_t number =
		blob_table_find(&bundle->table, &blob->descriptor.digest);

	(void)worker;
	(void)release;
	if (number < 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "it is missing in the bundle");
	if (bundle->table.blobs[number].size != blob->descriptor.size)
		return error_set(err, FERRY_E_DAMAGED,
				 "bundle.blobs and its image say two sizes");
	return bundle_prove_blob(bundle, (size_t)number, proof, NULL, err);
}

static void
free_source(struct source *source)
{
	if (((struct source_bundle *)source)->owned)
		bundle_close(bundle_of(source));
	free(source);
}

static const struct source_ops ops = {
	.expand = expand,
	.resolve = resolve,
	.fetch = fetch,
	.free = free_source,
};

int
source_bundle_new(struct source **out, struct bundle *bundle,
		  struct ferry_error *err)
{
	struct source_bundle *source = calloc(1, sizeof(*source));

	if (!source)
		return error_nomem(err);
	source->source.ops = &ops;
	source->bundle = bundle;
	*out = &source->source;
	return 0;
}

int
source_bundle_open(struct source **out, const char *path,
		   struct ferry_error *err)
{
	struct bundle *bundle;
	int rc = bundle_open(&bundle, path, err);

	if (rc)
		return rc;
	rc = source_bundle_new(out, bundle, err);
	if (rc)
		bundle_close(bundle);
	else
		((struct source_bundle *)*out)->owned = true;
	return rc;
}
