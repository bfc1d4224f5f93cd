#include "source/bundle.h"

struct source_bundle {
	struct source source;
	struct bundle *bundle;
};

static struct bundle *
bundle_of(struct source *source)
{
	return ((struct source_bundle *)source)->bundle;
}

static int
resolve(struct source *source, unsigned worker,
	const struct reference *reference, const struct platform *wanted,
	struct image *out, struct ferry_error *err)
{
	struct bundle *bundle = bundle_of(source);
	size_t image;
	int rc = bundle_find_image(bundle, reference, &image, err);

	(void)worker;
	(void)wanted; /* a bundle has one platform of each image */
	if (rc)
		return rc;
	rc = bundle_read_image(bundle, image, out, err);
	return rc ? error_wrap(err, "%s: %s", bundle->path,
			       bundle->statement.images[image].name)
		  : 0;
}

static int
fetch(struct source *source, unsigned worker, const struct release *release,
      const struct blob *blob, struct sink *to, struct ferry_error *err)
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
	return bundle_read_blob(bundle, (size_t)number, to, NULL, err);
}

static void
free_source(struct source *source)
{
	free(source);
}

static const struct source_ops ops = {
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
