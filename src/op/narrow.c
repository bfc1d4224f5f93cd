#include "op/narrow.h"

#include <stdlib.h>

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

/* Its own platform before one that it runs besides, such as 386 on amd64. */
static void
keep_best(struct resolved *resolved, const struct platform *runs)
{
	ssize_t best = nested_choose(resolved, runs);

	for (size_t i = 0; best < 0 && i < resolved->image_count; i++)
		if (fits(runs, &resolved->images[i]))
			best = (ssize_t)i;
	nested_keep_one(resolved, best < 0 ? 0 : (size_t)best);
}

/* The release's images become those of what a name resolved to. */
static int
take_name(struct resolved *out, struct release *release, size_t first,
	  struct ferry_error *err)
{
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
	return 0;
}

int
narrow_release(struct release *release, const struct platform *runs,
	       struct ferry_error *err)
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
			keep_best(&resolved[count], runs);
		count += !rc;
	}
	if (!rc)
		return release_init(release, resolved, count, err);
	for (size_t i = 0; i < count; i++)
		resolved_release(&resolved[i]);
	return rc;
}
