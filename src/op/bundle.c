/*
 * list, inspect and verify: looking into a bundle.
 */
#include "ferry/bundle.h"

#include "base/text.h"
#include "bundle/verify.h"
#include "op/caption.h"
#include "op/inspect.h"

#define INSPECT_MAX ((size_t)256 << 20)

struct ferry_bundle {
	struct bundle *bundle;
	struct ferry_bundle_image *images;
	struct caption *captions; /* one an image */
	struct ferry_index *indexes;
	char **platforms; /* one an index */
	struct ferry_bundle_info info;
};

static const char *
text_or_null(const struct digest *digest)
{
	return digest_is_set(digest) ? digest->text : NULL;
}

#define PLATFORMS_TEXT ((size_t)STATEMENT_IMAGES_MAX * (PLATFORM_TEXT + 2))

static int
join_platforms(char **out, const struct ferry_bundle_image *images,
	       size_t count, struct ferry_error *err)
{
	AUTO_BUFFER list = BUFFER(PLATFORMS_TEXT);
	const char *text;
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		rc = buffer_format(&list, err, "%s%s", i ? ", " : "",
				   images[i].platform);
	if (!rc)
		rc = buffer_text(&list, &text, err);
	return rc ? rc : text_copy(out, text, err);
}

/* Of those images that came in since `before`, and what else it lists. */
static int
describe_index(struct ferry_bundle *bundle,
	       const struct statement_image *stated, size_t before,
	       size_t children, struct ferry_error *err)
{
	struct ferry_bundle_info *info = &bundle->info;
	size_t images = info->image_count - before;
	char **platforms = &bundle->platforms[info->index_count];
	int rc =
		join_platforms(platforms, &bundle->images[before], images, err);

	if (rc)
		return rc;
	bundle->indexes[info->index_count++] = (struct ferry_index){
		.name = bundle->images[before].name,
		.digest = stated->within.text,
		.platforms = *platforms,
		.image_count = images,
		.artifact_count = children - images,
		.made = !digest_equal(&stated->within, &stated->index),
	};
	return 0;
}

static int
describe_image(struct ferry_bundle *bundle,
	       const struct statement_image *stated, struct ferry_error *err)
{
	size_t number = bundle->info.image_count++;
	struct caption *caption = &bundle->captions[number];
	struct reference reference;
	int rc = reference_parse(&reference, stated->name, err);

	if (rc)
		return rc; /* not after statement_parse() */
	caption_set(caption, &reference, &stated->platform);
	bundle->images[number] = (struct ferry_bundle_image){
		.name = caption->name,
		.reference = stated->name,
		.platform = caption->platform,
		.digest = stated->manifest.text,
		.index_digest = text_or_null(&stated->index),
		.within = text_or_null(&stated->within),
		.size = stated->size,
		.shared = stated->shared,
	};
	return 0;
}

/* The images of one name; what is none of them is only counted. */
static int
describe_name(struct ferry_bundle *bundle, size_t first, size_t count,
	      struct ferry_error *err)
{
	const struct statement_image *stated =
		&bundle->bundle->statement.images[first];
	size_t before = bundle->info.image_count;
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		if (!stated[i].artifact)
			rc = describe_image(bundle, &stated[i], err);
	if (rc || !digest_is_set(&stated->within))
		return rc;
	return describe_index(bundle, stated, before, count, err);
}

static size_t
count_indexes(const struct statement *statement)
{
	size_t count = 0;

	for (size_t i = 0; i < statement->image_count;
	     i += statement_run(statement, i))
		count += digest_is_set(&statement->images[i].within);
	return count;
}

static int
make_room(struct ferry_bundle *bundle, struct ferry_error *err)
{
	const struct statement *statement = &bundle->bundle->statement;
	size_t images = statement->image_count;
	size_t indexes = count_indexes(statement);

	bundle->images = calloc(images, sizeof(*bundle->images));
	bundle->captions = calloc(images, sizeof(*bundle->captions));
	bundle->indexes = calloc(indexes + 1, sizeof(*bundle->indexes));
	bundle->platforms = calloc(indexes + 1, sizeof(*bundle->platforms));
	return bundle->images && bundle->captions && bundle->indexes &&
			       bundle->platforms
		       ? 0
		       : error_nomem(err);
}

static int
describe(struct ferry_bundle *bundle, struct ferry_error *err)
{
	const struct statement *statement = &bundle->bundle->statement;
	const struct blob_table *table = &bundle->bundle->table;
	struct ferry_bundle_info *info = &bundle->info;
	size_t count;
	int rc = make_room(bundle, err);

	for (size_t i = 0; i < statement->image_count && !rc; i += count) {
		count = statement_run(statement, i);
		rc = describe_name(bundle, i, count, err);
	}
	info->images = bundle->images;
	info->indexes = bundle->indexes;
	info->blob_count = table->count;
	for (size_t i = 0; i < table->count; i++)
		info->blob_bytes += table->blobs[i].size;
	info->file_bytes = bundle->bundle->file_bytes;
	return rc;
}

int
ferry_bundle_open(const char *path, struct ferry_bundle **out,
		  struct ferry_error *err)
{
	struct ferry_bundle *bundle = calloc(1, sizeof(*bundle));
	int rc;

	if (!bundle)
		return error_nomem(err);
	rc = bundle_open(&bundle->bundle, path, err);
	if (!rc)
		rc = describe(bundle, err);
	if (rc)
		ferry_bundle_close(bundle);
	else
		*out = bundle;
	return rc;
}

const struct ferry_bundle_info *
ferry_bundle_get_info(const struct ferry_bundle *bundle)
{
	return &bundle->info;
}

void
ferry_bundle_close(struct ferry_bundle *bundle)
{
	if (!bundle)
		return;
	for (size_t i = 0; bundle->platforms && i < bundle->info.index_count;
	     i++)
		free(bundle->platforms[i]);
	bundle_close(bundle->bundle);
	free(bundle->images);
	free(bundle->captions);
	free(bundle->indexes);
	free(bundle->platforms);
	free(bundle);
}

int
ferry_bundle_inspect(struct ferry_bundle *bundle, const char *image, char **out,
		     struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	AUTO_BUFFER buffer = BUFFER(INSPECT_MAX);
	const char *text;
	int rc = image ? inspect_name(&json, bundle->bundle, image, err)
		       : inspect_all(&json, bundle->bundle, err);

	if (!rc)
		rc = json_write_pretty(json, &buffer, err);
	if (!rc)
		rc = buffer_text(&buffer, &text, err);
	return rc ? rc : text_copy(out, text, err);
}

int
ferry_bundle_verify(struct ferry_context *context, struct ferry_bundle *bundle,
		    unsigned jobs, struct ferry_verification **out,
		    struct ferry_error *err)
{
	const struct ferry_damage *first;
	int rc;

	*out = NULL;
	rc = bundle_verify(bundle->bundle, context, jobs, out, err);
	if (rc || !(*out)->damage_count)
		return rc;
	first = &(*out)->damages[0];
	return error_set(err, FERRY_E_DAMAGED, "%s: damaged: %s%s%s",
			 bundle->bundle->path, first->image ? first->image : "",
			 first->image ? ": " : "", first->what);
}
