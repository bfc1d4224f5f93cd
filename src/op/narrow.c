#include "op/narrow.h"

#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "oci/nested.h"

size_t
release_run(const struct release *release, size_t first)
{
	const struct nested_index *index = release->images[first].nested;

	return index ? index->image_count : 1;
}

static bool
fits(const struct platform *runs, const struct image *image)
{
	return !image->artifact && host_runs(runs, &image->platform);
}

bool
narrow_fits(const struct platform *runs, const struct image *images,
	    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fits(runs, &images[i]))
			return true;
	return false;
}

static bool
same_architecture(const struct platform *a, const struct platform *b)
{
	return strcmp(a->os, b->os) == 0 &&
	       strcmp(a->architecture, b->architecture) == 0;
}

/* Whether everybody who runs on `runs` would take this one. */
static bool
is_only_choice(const struct resolved *resolved, size_t image,
	       const struct platform *runs)
{
	if (!same_architecture(&resolved->images[image].platform, runs))
		return false;
	for (size_t i = 0; i < resolved->image_count; i++)
		if (i != image && !resolved->images[i].artifact &&
		    same_architecture(&resolved->images[i].platform, runs))
			return false;
	return true;
}

static void
keep_one(struct resolved *resolved, size_t image, bool keep_index)
{
	struct nested_index index = resolved->index;

	if (keep_index)
		resolved->index = (struct nested_index){ 0 };
	nested_keep_one(resolved, image);
	if (keep_index)
		resolved->index = index;
}

/* Its own platform before one that it runs besides, such as 386 on amd64. */
static void
keep_best(struct resolved *resolved, const struct platform *runs,
	  bool keep_index)
{
	ssize_t best = nested_choose(resolved, runs);

	for (size_t i = 0; best < 0 && i < resolved->image_count; i++)
		if (fits(runs, &resolved->images[i]))
			best = (ssize_t)i;
	if (best < 0)
		best = 0;
	keep_one(resolved, (size_t)best,
		 keep_index && is_only_choice(resolved, (size_t)best, runs));
}

/* The release's images become those of what a name resolved to. */
static int
take_name(struct resolved *out, struct release *release, size_t first,
	  struct ferry_error *err)
{
	const struct nested_index *nested = release->images[first].nested;
	size_t count = release_run(release, first);
	struct image *images = calloc(count, sizeof(*images));

	if (!images)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		images[i] = release->images[first + i];
		images[i].nested = NULL;
		release->images[first + i] = (struct image){ 0 };
	}
	*out = (struct resolved){ .images = images, .image_count = count };
	if (nested) {
		struct nested_index *index =
			&release->indexes[nested - release->indexes];

		out->index = *index;
		*index = (struct nested_index){ 0 };
	}
	return 0;
}

/* Where the blobs were before: a pipe keeps its order. */
struct order {
	const struct release *whole;
	size_t *by_digest;
};

static int
by_digest(const void *a, const void *b, void *data)
{
	const struct blob *blobs = data;

	return strcmp(blobs[*(const size_t *)a].descriptor.digest.text,
		      blobs[*(const size_t *)b].descriptor.digest.text);
}

static ssize_t
place_before(const void *data, const struct digest *digest)
{
	const struct order *order = data;
	const struct blob *blobs = order->whole->blobs;
	size_t low = 0;
	size_t high = order->whole->blob_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t number = order->by_digest[middle];
		int side = strcmp(digest->text,
				  blobs[number].descriptor.digest.text);

		if (side == 0)
			return (ssize_t)number;
		if (side < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

static int
keep_order(struct release *release, const struct release *whole,
	   struct ferry_error *err)
{
	AUTO_FREE size_t *numbers =
		calloc(whole->blob_count + 1, sizeof(*numbers));
	struct order order = { whole, numbers };

	if (!numbers)
		return error_nomem(err);
	for (size_t i = 0; i < whole->blob_count; i++)
		numbers[i] = i;
	qsort_r(numbers, whole->blob_count, sizeof(*numbers), by_digest,
		whole->blobs);
	return release_reorder(release, place_before, &order, err);
}

int
narrow_release(struct release *release, const struct platform *runs,
	       bool keep_indexes, struct ferry_error *err)
{
	AUTO_FREE struct resolved *resolved =
		calloc(release->image_count + 1, sizeof(*resolved));
	AUTO(release_release) struct release whole = *release;
	size_t count = 0;
	size_t run;
	int rc = resolved ? 0 : error_nomem(err);

	*release = (struct release){ 0 };
	for (size_t i = 0; i < whole.image_count && !rc; i += run) {
		bool nested = whole.images[i].nested;

		run = release_run(&whole, i);
		rc = take_name(&resolved[count], &whole, i, err);
		if (!rc && nested)
			keep_best(&resolved[count], runs, keep_indexes);
		count += !rc;
	}
	if (!rc) {
		rc = release_init(release, resolved, count, err);
		return rc ? rc : keep_order(release, &whole, err);
	}
	for (size_t i = 0; i < count; i++)
		resolved_release(&resolved[i]);
	return rc;
}
