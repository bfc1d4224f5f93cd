/*
 * Blobs in another order than that of their first use.
 */
#include <stdlib.h>

#include "oci/release.h"

struct placed {
	ssize_t place;
	size_t number; /* before */
};

static int
by_place(const void *a, const void *b)
{
	const struct placed *one = a;
	const struct placed *two = b;

	if ((one->place < 0) != (two->place < 0))
		return one->place < 0 ? 1 : -1;
	if (one->place != two->place)
		return one->place < two->place ? -1 : 1;
	return one->number < two->number ? -1 : 1;
}

/* Whether it changes nothing. */
static bool
is_ordered(const struct placed *placed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (placed[i].number != i)
			return false;
	return true;
}

static int
move_blobs(struct release *release, const struct placed *placed,
	   struct ferry_error *err)
{
	size_t count = release->blob_count;
	struct blob *blobs = calloc(count + 1, sizeof(*blobs));
	AUTO_FREE size_t *now = calloc(count + 1, sizeof(*now));

	if (!blobs || !now) {
		free(blobs);
		return error_nomem(err);
	}
	for (size_t i = 0; i < count; i++) {
		blobs[i] = release->blobs[placed[i].number];
		now[placed[i].number] = i;
	}
	for (size_t i = 0; i < release->image_count; i++)
		for (size_t k = 0; k < release->images[i].blob_count; k++)
			release->images[i].blobs[k] =
				now[release->images[i].blobs[k]];
	free(release->blobs);
	release->blobs = blobs;
	return 0;
}

int
release_reorder(struct release *release,
		ssize_t (*place)(const void *data, const struct digest *digest),
		const void *data, struct ferry_error *err)
{
	size_t count = release->blob_count;
	AUTO_FREE struct placed *placed = calloc(count + 1, sizeof(*placed));

	if (!placed)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		const struct digest *digest =
			&release->blobs[i].descriptor.digest;

		placed[i] = (struct placed){ place(data, digest), i };
	}
	qsort(placed, count, sizeof(*placed), by_place);
	return is_ordered(placed, count) ? 0 : move_blobs(release, placed, err);
}
