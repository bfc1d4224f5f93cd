/* oci/release: blobs in another order, and what points at them. */
#include "release_fixture.h"

static const struct fixture_image images[] = {
	{ "a:1", { { 'x', 100, false }, { 'y', 200, false } } },
	{ "b:1", { { 'z', 300, false }, { 'x', 100, false } } },
};

/* The other way round; what has a size of 200 is not known. */
static ssize_t
backwards(const void *data, const struct digest *digest)
{
	const struct release *release = data;

	for (size_t i = 0; i < release->blob_count; i++) {
		const struct descriptor *descriptor =
			&release->blobs[i].descriptor;

		if (digest_equal(&descriptor->digest, digest) &&
		    descriptor->size != 200)
			return (ssize_t)(release->blob_count - i);
	}
	return -1;
}

/* Whether each image still has its manifest, its config and its layers. */
static void
check_images(const struct release *release)
{
	for (size_t i = 0; i < release->image_count; i++) {
		const struct image *image = &release->images[i];
		const struct digest *expected[] = {
			&image->descriptor.digest,
			&image->manifest.config.digest,
			&image->manifest.layers[0].digest,
			&image->manifest.layers[1].digest,
		};

		assert_int_equal(image->blob_count, 4);
		for (size_t k = 0; k < 4; k++) {
			const struct blob *blob =
				&release->blobs[image->blobs[k]];
			bool used = false;

			assert_string_equal(blob->descriptor.digest.text,
					    expected[k]->text);
			for (size_t u = 0; u < blob->uses; u++)
				used |= blob->users[u] == i;
			assert_true(used);
		}
	}
}

static void
images_keep_their_blobs(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	AUTO(release_release) struct release before = { 0 };
	struct ferry_error err;
	size_t last;

	(void)state;
	fixture_release(&release, images, ARRAY_SIZE(images));
	fixture_release(&before, images, ARRAY_SIZE(images));
	last = release.blob_count - 1;
	assert_int_equal(release_reorder(&release, backwards, &before, &err),
			 0);
	check_images(&release);
	assert_int_equal(release.blobs[last].descriptor.size, 200);
	assert_string_equal(release.blobs[last - 1].descriptor.digest.text,
			    before.blobs[0].descriptor.digest.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_keep_their_blobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
