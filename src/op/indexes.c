#include "op/indexes.h"

#include <stdlib.h>

#include "oci/nested.h"

struct index_texts {
	char name[REFERENCE_TEXT];
	char *platforms;
};

static size_t
count_artifacts(const struct image *images, size_t count)
{
	size_t artifacts = 0;

	for (size_t i = 0; i < count; i++)
		artifacts += images[i].artifact;
	return artifacts;
}

static int
describe(struct indexes *indexes, const struct nested_index *index,
	 const struct image *images, struct ferry_error *err)
{
	size_t count = index->image_count;
	size_t artifacts = count_artifacts(images, count);
	struct ferry_index *item = &indexes->items[indexes->count];
	struct index_texts *texts = &indexes->texts[indexes->count++];
	int rc = nested_platforms(images, count, &texts->platforms, err);

	if (rc)
		return rc;
	*item = (struct ferry_index){
		.name = reference_familiar(texts->name, &images->reference),
		.digest = index->descriptor.digest.text,
		.platforms = texts->platforms,
		.image_count = count - artifacts,
		.artifact_count = artifacts,
		.made = !digest_equal(&index->descriptor.digest,
				      &images->index_digest),
	};
	return 0;
}

int
indexes_describe(struct indexes *out, const struct release *release,
		 struct ferry_error *err)
{
	size_t count = release->index_count;
	AUTO(indexes_release)
	struct indexes indexes = {
		.items = calloc(count + 1, sizeof(*indexes.items)),
		.texts = calloc(count + 1, sizeof(*indexes.texts)),
	};
	int rc = indexes.items && indexes.texts ? 0 : error_nomem(err);

	for (size_t i = 0; i < count && !rc; i++) {
		const struct nested_index *index = &release->indexes[i];

		rc = describe(&indexes, index,
			      &release->images[index->first_image], err);
	}
	if (rc)
		return rc;
	*out = indexes;
	indexes = (struct indexes){ 0 };
	return 0;
}

void
indexes_release(struct indexes *indexes)
{
	for (size_t i = 0; i < indexes->count; i++)
		free(indexes->texts[i].platforms);
	free(indexes->items);
	free(indexes->texts);
	*indexes = (struct indexes){ 0 };
}
