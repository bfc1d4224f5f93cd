/*
 * diff: one release beside another.
 */
#include "ferry/diff.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "op/caption.h"
#include "op/contents.h"
#include "op/pack.h"

struct ferry_diff {
	struct ferry_diff_image *images;
	struct row *rows; /* one an image */
	struct ferry_diff_info info;
};

/* What an image's public description points into. */
struct row {
	struct caption caption;
	struct digest old_digest;
	struct digest new_digest;
};

/* Images and digests of one release, each in an order to be compared in. */
struct side {
	const struct release *release;
	const struct image **images; /* NULL behind the last */
	const struct digest **digests;
};

static int
by_name_and_platform(const void *a, const void *b)
{
	const struct image *one = *(const struct image *const *)a;
	const struct image *two = *(const struct image *const *)b;
	char one_text[REFERENCE_TEXT];
	char two_text[REFERENCE_TEXT];
	int order = strcmp(reference_name(one_text, &one->reference),
			   reference_name(two_text, &two->reference));

	if (order)
		return order;
	platform_text(one_text, &one->platform);
	platform_text(two_text, &two->platform);
	return strcmp(one_text, two_text);
}

/* What stands beside an image has no platform, and there may be several. */
static int
in_order(const void *a, const void *b)
{
	const struct image *one = *(const struct image *const *)a;
	const struct image *two = *(const struct image *const *)b;
	int order = by_name_and_platform(a, b);

	return order ? order
		     : strcmp(one->descriptor.digest.text,
			      two->descriptor.digest.text);
}

/*
 * 0 where `before` and `now` are one and the same, changed or not.  What
 * stands beside an image is known by its digest only.
 */
static int
compare_places(const struct image *before, const struct image *now)
{
	return before->artifact || now->artifact
		       ? in_order(&before, &now)
		       : by_name_and_platform(&before, &now);
}

static int
by_digest(const void *a, const void *b)
{
	return strcmp((*(const struct digest *const *)a)->text,
		      (*(const struct digest *const *)b)->text);
}

static void
side_release(struct side *side)
{
	free(side->images);
	free(side->digests);
}

static int
side_init(struct side *side, const struct release *release,
	  struct ferry_error *err)
{
	size_t count = release->image_count;

	side->release = release;
	side->images = calloc(release->image_count + 1, sizeof(struct image *));
	side->digests =
		calloc(release->blob_count + 1, sizeof(struct digest *));
	if (!side->images || !side->digests)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++)
		side->images[i] = &release->images[i];
	for (size_t i = 0; i < release->blob_count; i++)
		side->digests[i] = &release->blobs[i].descriptor.digest;
	qsort(side->images, count, sizeof(struct image *), in_order);
	qsort(side->digests, release->blob_count, sizeof(struct digest *),
	      by_digest);
	return 0;
}

static bool
has_blob(const struct side *side, const struct digest *digest)
{
	return bsearch(&digest, side->digests, side->release->blob_count,
		       sizeof(struct digest *), by_digest) != NULL;
}

/* Bytes of the image's blobs that the other side lacks. */
static uint64_t
fresh_bytes(const struct side *old, const struct release *release,
	    const struct image *image)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < image->blob_count; i++) {
		const struct descriptor *blob =
			&release->blobs[image->blobs[i]].descriptor;

		if (!has_blob(old, &blob->digest))
			bytes += blob->size;
	}
	return bytes;
}

static enum ferry_change
change_of(const struct image *before, const struct image *now)
{
	if (!before)
		return FERRY_ADDED;
	if (!now)
		return FERRY_REMOVED;
	return digest_equal(&before->descriptor.digest, &now->descriptor.digest)
		       ? FERRY_UNCHANGED
		       : FERRY_CHANGED;
}

/* One image before and now; NULL: it was, or is, not there. */
static void
add_image(struct ferry_diff *diff, const struct side *old,
	  const struct side *new, const struct image *before,
	  const struct image *now)
{
	size_t number = diff->info.image_count++;
	const struct image *image = now ? now : before;
	struct ferry_diff_image *out = &diff->images[number];
	struct row *row = &diff->rows[number];

	caption_set(&row->caption, &image->reference, &image->platform);
	if (before)
		row->old_digest = before->descriptor.digest;
	if (now)
		row->new_digest = now->descriptor.digest;
	*out = (struct ferry_diff_image){
		.name = row->caption.name,
		.platform = image->artifact ? NULL : row->caption.platform,
		.change = change_of(before, now),
		.old_digest = before ? row->old_digest.text : NULL,
		.new_digest = now ? row->new_digest.text : NULL,
		.size = image->size,
		.fresh = now ? fresh_bytes(old, new->release, now) : 0,
	};
	if (!image->artifact)
		diff->info.changes[out->change]++;
}

static void
compare_images(struct ferry_diff *diff, const struct side *old,
	       const struct side *new)
{
	size_t i = 0;
	size_t k = 0;

	while (old->images[i] || new->images[k]) {
		const struct image *before = old->images[i];
		const struct image *now = new->images[k];
		int order = !before ? 1
			    : !now  ? -1
				    : compare_places(before, now);

		add_image(diff, old, new, order <= 0 ? before : NULL,
			  order >= 0 ? now : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

static void
count_blob(struct ferry_diff_blobs *blobs, const struct blob *blob)
{
	blobs->count++;
	blobs->bytes += blob->descriptor.size;
}

static void
compare_blobs(struct ferry_diff_info *info, const struct side *old,
	      const struct side *new)
{
	for (size_t i = 0; i < new->release->blob_count; i++) {
		const struct blob *blob = &new->release->blobs[i];

		count_blob(has_blob(old, &blob->descriptor.digest)
				   ? &info->kept
				   : &info->fresh,
			   blob);
	}
	for (size_t i = 0; i < old->release->blob_count; i++) {
		const struct blob *blob = &old->release->blobs[i];

		if (!has_blob(new, &blob->descriptor.digest))
			count_blob(&info->gone, blob);
	}
}

static int
compare(struct ferry_diff *diff, const struct release *before,
	const struct release *now, struct ferry_error *err)
{
	size_t most = before->image_count + now->image_count + 1;
	AUTO(side_release) struct side old = { 0 };
	AUTO(side_release) struct side new = { 0 };
	int rc = side_init(&old, before, err);

	if (!rc)
		rc = side_init(&new, now, err);
	if (rc)
		return rc;
	diff->images = calloc(most, sizeof(*diff->images));
	diff->rows = calloc(most, sizeof(*diff->rows));
	if (!diff->images || !diff->rows)
		return error_nomem(err);
	diff->info.images = diff->images;
	compare_images(diff, &old, &new);
	compare_blobs(&diff->info, &old, &new);
	return 0;
}

static int
compare_releases(const struct release *before, const struct release *now,
		 struct ferry_diff **out, struct ferry_error *err)
{
	struct ferry_diff *diff = calloc(1, sizeof(*diff));
	int rc;

	if (!diff)
		return error_nomem(err);
	rc = compare(diff, before, now, err);
	if (rc)
		ferry_diff_free(diff);
	else
		*out = diff;
	return rc;
}

int
ferry_diff_is_bundle(const char *path)
{
	static const uint8_t magic[] = { 0x28, 0xb5, 0x2f, 0xfd };
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct ferry_error ignored;
	uint8_t start[sizeof(magic)];

	return fd >= 0 &&
	       file_read_at(fd, start, sizeof(start), 0, &ignored) == 0 &&
	       memcmp(start, magic, sizeof(magic)) == 0;
}

int
ferry_diff_bundles(const char *old_bundle, const char *new_bundle,
		   struct ferry_diff **out, struct ferry_error *err)
{
	AUTO(contents_release) struct contents old = { 0 };
	AUTO(contents_release) struct contents new = { 0 };
	int rc = contents_open(&old, old_bundle, NULL, 0, err);

	if (!rc)
		rc = contents_open(&new, new_bundle, NULL, 0, err);
	return rc ? rc : compare_releases(&old.release, &new.release, out, err);
}

int
ferry_diff_plan(const char *old_bundle, const struct ferry_pack *pack,
		struct ferry_diff **out, struct ferry_error *err)
{
	AUTO(contents_release) struct contents old = { 0 };
	int rc = contents_open(&old, old_bundle, NULL, 0, err);

	return rc ? rc
		  : compare_releases(&old.release, pack_release(pack), out,
				     err);
}

const struct ferry_diff_info *
ferry_diff_get_info(const struct ferry_diff *diff)
{
	return &diff->info;
}

void
ferry_diff_free(struct ferry_diff *diff)
{
	if (!diff)
		return;
	free(diff->images);
	free(diff->rows);
	free(diff);
}
