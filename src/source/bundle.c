#include "source/bundle.h"

#include <string.h>

#include "base/text.h"
#include "bundle/stream.h"
#include "source/resolve.h"

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
add_image(struct list *out, const struct wanted *wanted,
	  const struct statement_image *image, struct ferry_error *err)
{
	AUTO(wanted_release)
	struct wanted item = { .name = wanted->name,
			       .platforms = wanted->platforms };
	int rc = origin_copy(&item.origin, &wanted->origin, err);

	if (!rc)
		rc = text_copy(&item.origin.selector, image->name, err);
	if (!rc && !item.name.repository[0])
		rc = reference_parse(&item.name, image->name, err);
	/* So that two bundles may be merged that both have it. */
	if (!digest_is_set(&image->within))
		item.origin.pin = image->manifest;
	return rc ? rc : list_take(out, &item, err);
}

static int
expand(struct source *source, const struct wanted *wanted, struct list *out,
       struct ferry_error *err)
{
	const struct bundle *bundle = bundle_of(source);
	const struct statement *statement = &bundle->statement;
	int rc = 0;

	if (statement_run(statement, 0) < statement->image_count &&
	    wanted->name.repository[0])
		return error_set(err, FERRY_E_USAGE,
				 "%s has several images, which cannot have one "
				 "name; say which one is meant",
				 bundle->path);
	for (size_t i = 0; i < statement->image_count && !rc;
	     i += statement_run(statement, i))
		rc = add_image(out, wanted, &statement->images[i], err);
	return rc;
}

/* What has been read of one name, as a place to choose platforms from. */
struct kept {
	struct resolve_place place;
	const struct resolved *resolved;
};

static int
copy_document(struct resolve_document *out, const struct descriptor *descriptor,
	      const struct buffer *bytes, struct ferry_error *err)
{
	out->digest = descriptor->digest;
	strcpy(out->media_type, descriptor->media_type);
	out->bytes.limit = bytes->size;
	return buffer_append(&out->bytes, bytes->data, bytes->size, err);
}

static int
get_kept(struct resolve_place *place, const struct digest *digest,
	 struct resolve_document *out, struct ferry_error *err)
{
	const struct resolved *resolved = ((struct kept *)place)->resolved;

	for (size_t i = 0; i < resolved->image_count; i++) {
		const struct image *image = &resolved->images[i];

		if (digest_equal(&image->descriptor.digest, digest))
			return copy_document(out, &image->descriptor,
					     &image->manifest_bytes, err);
	}
	return error_set(err, FERRY_E_NOT_FOUND, "not in the bundle");
}

static int
get_kept_config(struct resolve_place *place,
		const struct descriptor *descriptor, struct proof *proof,
		struct ferry_error *err)
{
	const struct resolved *resolved = ((struct kept *)place)->resolved;
	const struct buffer *bytes = NULL;
	int rc;

	for (size_t i = 0; i < resolved->image_count && !bytes; i++)
		if (digest_equal(&resolved->images[i].manifest.config.digest,
				 &descriptor->digest) &&
		    resolved->images[i].config_bytes.size)
			bytes = &resolved->images[i].config_bytes;
	if (!bytes)
		return error_set(err, FERRY_E_NOT_FOUND, "not in the bundle");
	rc = sink_write(&proof->sink, bytes->data, bytes->size, err);
	return rc ? rc : proof_finish(proof, err);
}

/* As if it had been packed for these only, from where it came from. */
static int
choose_platforms(struct resolved *resolved, const struct platforms *platforms,
		 struct ferry_error *err)
{
	const struct image *first = &resolved->images[0];
	bool nested = resolved->index.bytes.size > 0;
	AUTO_RESOLVE_DOCUMENT root = { 0 };
	AUTO(resolved_release) struct resolved chosen = { 0 };
	struct kept kept = { .place = { .get = get_kept,
					.get_blob = get_kept_config },
			     .resolved = resolved };
	int rc = copy_document(
		&root,
		nested ? &resolved->index.descriptor : &first->descriptor,
		nested ? &resolved->index.bytes : &first->manifest_bytes, err);

	if (!rc)
		rc = resolve_images(&kept.place, &root, platforms, &chosen,
				    err);
	if (rc)
		return rc;
	resolve_name(&chosen, first->source, &first->reference);
	for (size_t i = 0; i < chosen.image_count; i++)
		chosen.images[i].index_digest = first->index_digest;
	resolved_release(resolved);
	*resolved = chosen;
	chosen = (struct resolved){ 0 };
	return 0;
}

static int
resolve(struct source *source, unsigned worker, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	struct bundle *bundle = bundle_of(source);
	AUTO(resolved_release) struct resolved resolved = { 0 };
	struct reference name;
	size_t number;
	int rc = list_parse_reference(&name, wanted->origin.selector, err);

	(void)worker;
	if (!rc)
		rc = bundle_find_image(bundle, &name, &number, err);
	if (rc)
		return rc;
	rc = bundle_read_name(bundle, number, &resolved, err);
	if (!rc && platforms->count)
		rc = choose_platforms(&resolved, platforms, err);
	if (!rc)
		rc = resolve_check_pin(&wanted->origin, &resolved, err);
	if (rc)
		return error_wrap(err, "%s: %s", bundle->path,
				  bundle->statement.images[number].name);
	if (wanted_name(wanted))
		name = *wanted_name(wanted);
	else
		name = resolved.images[0].reference;
	resolve_name(&resolved, source, &name);
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

static int
fetch(struct source *source, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	const struct bundle *bundle = bundle_of(source);
	ssize_t number =
		blob_table_find(&bundle->table, &blob->descriptor.digest);
	int rc;

	(void)worker;
	(void)release;
	if (number < 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "it is missing in the bundle");
	if (bundle->table.blobs[number].size != blob->descriptor.size)
		return error_set(err, FERRY_E_DAMAGED,
				 "bundle.blobs and its image say two sizes");
	rc = bundle_prove_blob(bundle, (size_t)number, proof, NULL, err);
	source->broken = bundle_stream_failure(bundle);
	return rc;
}

static int
finish(struct source *source, struct ferry_error *err)
{
	const struct bundle *bundle = bundle_of(source);

	return bundle->stream ? bundle_stream_finish(bundle, err) : 0;
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
	.finish = finish,
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
	source->source.once = bundle->stream;
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
