/*
 * oci/release: images made here, so that digests and sizes hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/text.h"
#include "oci/release.h"
#include "oci_samples.h"

#define GZIP OCI "layer.v1.tar+gzip"
#define TAR OCI "layer.v1.tar"

/* A layer whose digest is only its number: nobody looks into layers here. */
struct layer {
	unsigned number;
	unsigned size;
	const char *type;
};

static void
write_layers(struct buffer *out, const struct layer *layers, size_t count)
{
	struct ferry_error err;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(
			buffer_format(out, &err,
				      "%s{\"mediaType\":\"%s\",\"digest\":"
				      "\"sha256:%064x\",\"size\":%u}",
				      i ? "," : "", layers[i].type,
				      layers[i].number, layers[i].size),
			0);
}

static void
write_config(struct buffer *out, const char *salt, size_t diff_id_count)
{
	struct ferry_error err;

	assert_int_equal(
		buffer_format(out, &err,
			      "{\"architecture\":\"arm\",\"variant\":\"v7\","
			      "\"os\":\"linux\",\"author\":\"%s\","
			      "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
			      salt),
		0);
	for (size_t i = 0; i < diff_id_count; i++)
		assert_int_equal(buffer_format(out, &err, "%s\"sha256:%064zx\"",
					       i ? "," : "", i),
				 0);
	assert_int_equal(buffer_format(out, &err, "]}}"), 0);
}

/* Of manifest_bytes, which is what the tests change. */
static void
describe(struct image *image)
{
	struct ferry_error err;

	image->descriptor.size = image->manifest_bytes.size;
	assert_int_equal(digest_of(&image->descriptor.digest,
				   image->manifest_bytes.data,
				   image->manifest_bytes.size, &err),
			 0);
}

/* Images of one `salt` and the same layers are the same but for the name. */
static struct image
image_bytes(const char *name, const char *salt, const struct layer *layers,
	    size_t count)
{
	struct image image = {
		.descriptor = { .media_type = MEDIA_TYPE_OCI_MANIFEST },
		.manifest_bytes = BUFFER(MANIFEST_MAX),
		.config_bytes = BUFFER(MANIFEST_MAX),
	};
	struct digest digest;
	struct ferry_error err;

	assert_int_equal(reference_parse(&image.reference, name, &err), 0);
	write_config(&image.config_bytes, salt, count);
	assert_int_equal(digest_of(&digest, image.config_bytes.data,
				   image.config_bytes.size, &err),
			 0);
	assert_int_equal(
		buffer_format(&image.manifest_bytes, &err,
			      "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
			      "\"" OCI "config.v1+json\",\"digest\":\"%s\","
			      "\"size\":%zu},\"layers\":[",
			      digest.text, image.config_bytes.size),
		0);
	write_layers(&image.manifest_bytes, layers, count);
	assert_int_equal(buffer_format(&image.manifest_bytes, &err, "]}"), 0);
	describe(&image);
	return image;
}

static int
parse(struct image *image, struct ferry_error *err)
{
	int rc = image_parse_manifest(image, err);

	return rc ? rc : image_parse_config(image, err);
}

static struct image
image_of(const char *name, const char *salt, const struct layer *layers,
	 size_t count)
{
	struct image image = image_bytes(name, salt, layers, count);
	struct ferry_error err;

	if (parse(&image, &err))
		fail_msg("%s", err.message);
	return image;
}

#define IMAGE(name, salt, ...)                                                 \
	image_of(name, salt, (const struct layer[]){ __VA_ARGS__ },            \
		 sizeof((const struct layer[]){ __VA_ARGS__ }) /               \
			 sizeof(struct layer))

/* Each image by itself is what its name resolved to. */
static int
release_of(struct release *out, struct image *images, size_t count,
	   struct ferry_error *err)
{
	AUTO_FREE struct resolved *resolved = calloc(count, sizeof(*resolved));

	for (size_t i = 0; i < count; i++)
		assert_int_equal(resolved_take(&resolved[i], &images[i], err),
				 0);
	return release_init(out, resolved, count, err);
}

static const char *
digest_of_layer(unsigned number)
{
	static char text[DIGEST_TEXT];

	snprintf(text, sizeof(text), "sha256:%064x", number);
	return text;
}

static void
image_takes_what_its_config_says(void **state)
{
	struct image image = IMAGE("a:1", "", { 1, 10, GZIP }, { 2, 20, TAR });

	(void)state;
	assert_string_equal(image.platform.architecture, "arm");
	assert_string_equal(image.platform.variant, "v7");
	assert_int_equal(image.manifest.layer_count, 2);
	assert_int_equal(image.manifest.layers[1].size, 20);
	image_release(&image);
	image_release(&image);
}

static void
damage_manifest(struct image *image)
{
	image->manifest_bytes.data[0] = ' ';
}

static void
lengthen_manifest(struct image *image)
{
	struct ferry_error err;

	assert_int_equal(buffer_append(&image->manifest_bytes, " ", 1, &err),
			 0);
}

static void
shorten_manifest(struct image *image)
{
	image->manifest_bytes.size--;
}

static void
damage_config(struct image *image)
{
	image->config_bytes.data[0] = ' ';
}

static void
lengthen_config(struct image *image)
{
	struct ferry_error err;

	assert_int_equal(buffer_append(&image->config_bytes, " ", 1, &err), 0);
}

static void
drop_layers(struct image *image)
{
	char *layers;
	struct ferry_error err;
	const char *text;

	assert_int_equal(buffer_text(&image->manifest_bytes, &text, &err), 0);
	layers = strstr((char *)image->manifest_bytes.data, "[");
	image->manifest_bytes.size =
		(size_t)(layers - (char *)image->manifest_bytes.data);
	assert_int_equal(buffer_append(&image->manifest_bytes, "[]}", 3, &err),
			 0);
	describe(image);
}

static void
image_must_hold_together(void **state)
{
	static const struct {
		void (*change)(struct image *image);
		int code;
		const char *prefix, *why;
	} rows[] = {
		{ damage_manifest, FERRY_E_DIGEST,
		  "manifest sha256:", ": its content is sha256:" },
		{ lengthen_manifest, FERRY_E_DIGEST, "manifest sha256:",
		  ": more than the 343 bytes it should have" },
		{ shorten_manifest, FERRY_E_DIGEST,
		  "manifest sha256:", ": 342 bytes instead of 343" },
		{ damage_config, FERRY_E_DIGEST,
		  "config sha256:", ": its content is sha256:" },
		{ lengthen_config, FERRY_E_DIGEST,
		  "config sha256:", ": more than the " },
		{ drop_layers, FERRY_E_FAILED, "the manifest has 0 layers",
		  ", but the config has 1 diff_ids" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct layer layer = { 1, 10, GZIP };
		struct ferry_error err;
		struct image image = image_bytes("a:1", "", &layer, 1);

		rows[i].change(&image);
		assert_int_equal(parse(&image, &err), rows[i].code);
		if (!text_starts(err.message, rows[i].prefix) ||
		    !strstr(err.message, rows[i].why))
			fail_msg("%s", err.message);
		image_release(&image);
	}
}

/*
 * b:1 and a:1 share layer 3; b:1 has layer 5 twice; c:1 is a:1 by another name.
 */
static struct release
sample(void)
{
	struct image images[] = {
		IMAGE("b:1", "b", { 5, 50, GZIP }, { 4, 40, TAR },
		      { 3, 30, GZIP }, { 5, 50, GZIP }),
		IMAGE("c:1", "a", { 3, 30, GZIP }, { 7, 70, TAR },
		      { 6, 60, "x/unknown" }),
		IMAGE("a:1", "a", { 3, 30, GZIP }, { 7, 70, TAR },
		      { 6, 60, "x/unknown" }),
	};
	struct release release;
	struct ferry_error err;

	if (release_of(&release, images, ARRAY_SIZE(images), &err))
		fail_msg("%s", err.message);
	return release;
}

static void
images_are_sorted_by_name(void **state)
{
	AUTO(release_release) struct release release = sample();

	(void)state;
	assert_int_equal(release.image_count, 3);
	assert_string_equal(release.images[0].reference.repository,
			    "library/a");
	assert_string_equal(release.images[1].reference.repository,
			    "library/b");
	assert_string_equal(release.images[2].reference.repository,
			    "library/c");
}

static void
blobs_have_one_order(void **state)
{
	AUTO(release_release) struct release release = sample();
	const struct image *a = &release.images[0];
	const struct image *b = &release.images[1];
	const struct {
		const char *digest;
		const struct buffer *content;
		size_t image, uses;
		bool plain;
	} rows[] = {
		{ a->descriptor.digest.text, &a->manifest_bytes, 0, 2, false },
		{ a->manifest.config.digest.text, &a->config_bytes, 0, 2,
		  false },
		{ b->descriptor.digest.text, &b->manifest_bytes, 1, 1, false },
		{ b->manifest.config.digest.text, &b->config_bytes, 1, 1,
		  false },
		{ "3", NULL, 0, 3, false },
		{ "6", NULL, 0, 2, false },
		{ "5", NULL, 1, 1, false },
		{ "7", NULL, 0, 2, true },
		{ "4", NULL, 1, 1, true },
	};

	(void)state;
	assert_int_equal(release.blob_count, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct blob *blob = &release.blobs[i];
		const char *digest = rows[i].digest;

		if (!digest[1])
			digest = digest_of_layer((unsigned)(*digest - '0'));
		assert_string_equal(blob->descriptor.digest.text, digest);
		assert_ptr_equal(blob->content, rows[i].content);
		assert_int_equal(blob->image, rows[i].image);
		assert_int_equal(blob->uses, rows[i].uses);
		assert_int_equal(blob->plain, rows[i].plain);
	}
}

static void
sizes_count_each_blob_once(void **state)
{
	AUTO(release_release) struct release release = sample();
	uint64_t documents[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		documents[i] = release.images[i].manifest_bytes.size +
			       release.images[i].config_bytes.size;
	assert_int_equal(release.images[0].size, documents[0] + 160);
	assert_int_equal(release.images[0].shared, documents[0] + 160);
	assert_int_equal(release.images[1].size, documents[1] + 120);
	assert_int_equal(release.images[1].shared, 30);
	assert_int_equal(release.images[2].size, documents[0] + 160);
	assert_int_equal(release.blob_bytes,
			 documents[0] + documents[1] + 30 + 40 + 50 + 60 + 70);
}

static void
images_know_their_blobs(void **state)
{
	static const size_t blobs[3][5] = { { 0, 1, 4, 7, 5 },
					    { 2, 3, 6, 8, 4 },
					    { 0, 1, 4, 7, 5 } };
	AUTO(release_release) struct release release = sample();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(release.images[i].blob_count, 5);
		assert_memory_equal(release.images[i].blobs, blobs[i],
				    sizeof(blobs[i]));
	}
}

/* Then it is compressed: it has its place among those that need no work. */
static void
layer_of_two_types_is_one_blob(void **state)
{
	struct image images[] = { IMAGE("a:1", "", { 1, 10, TAR }),
				  IMAGE("b:1", "", { 1, 10, GZIP }) };
	AUTO(release_release) struct release release = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(release_of(&release, images, 2, &err), 0);
	assert_int_equal(release.blob_count, 4); /* they share the config */
	assert_false(release.blobs[3].plain);
	assert_int_equal(release.blobs[3].image, 0);
	assert_int_equal(release.blobs[3].uses, 2);
}

static void
nothing_is_a_release_too(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(release_init(&release, NULL, 0, &err), 0);
	assert_int_equal(release.blob_count, 0);
}

#define PIN                                                                    \
	"@sha256:"                                                             \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
pins_are_dropped(void **state)
{
	struct image images[] = { IMAGE("a:1" PIN, "", { 1, 10, GZIP }),
				  IMAGE("a" PIN, "", { 1, 10, GZIP }) };
	AUTO(release_release) struct release release = { 0 };
	char name[REFERENCE_TEXT];
	struct ferry_error err;

	(void)state;
	assert_int_equal(release_of(&release, images, 2, &err), 0);
	assert_false(digest_is_set(&release.images[0].reference.digest));
	assert_string_equal(reference_name(name, &release.images[0].reference),
			    "docker.io/library/a:1");
	assert_string_equal(reference_name(name, &release.images[1].reference),
			    "docker.io/library/a" PIN);
}

static void
names_are_unique(void **state)
{
	struct image images[] = { IMAGE("a:1", "x", { 1, 10, GZIP }),
				  IMAGE("b:1", "", { 1, 10, GZIP }),
				  IMAGE("docker.io/a:1" PIN, "y",
					{ 1, 10, GZIP }) };
	struct release release = { .blob_count = 7 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(release_of(&release, images, 3, &err), FERRY_E_FAILED);
	assert_string_equal(err.message,
			    "two images are called docker.io/library/a:1");
	assert_int_equal(release.blob_count, 7);
}

static void
one_digest_has_one_size(void **state)
{
	struct image images[] = { IMAGE("b:1", "", { 1, 10, GZIP }),
				  IMAGE("a:1", "", { 1, 11, TAR }) };
	struct release release;
	struct ferry_error err;

	(void)state;
	assert_int_equal(release_of(&release, images, 2, &err), FERRY_E_FAILED);
	assert_string_equal(
		err.message,
		"sha256:0000000000000000000000000000000000000000000000000000"
		"000000000001 has 10 bytes in b:1, but 11 in a:1");
}

static void
sums_do_not_overflow(void **state)
{
	enum {
		COUNT = 5,
		LAYERS = 4000
	};
	struct image images[COUNT];
	struct release release;
	struct ferry_error err;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		static struct layer layers[LAYERS];
		char name[16];

		for (unsigned k = 0; k < LAYERS; k++)
			layers[k] = (struct layer){ i * LAYERS + k, 1, GZIP };
		snprintf(name, sizeof(name), "a:%u", i);
		images[i] = image_of(name, "", layers, LAYERS);
		for (unsigned k = 0; k < LAYERS; k++)
			images[i].manifest.layers[k].size = DESCRIPTOR_SIZE_MAX;
	}
	assert_int_equal(release_of(&release, images, COUNT, &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message,
			    "blobs of more than 2^64 bytes in all");
}

/* 100 images of 1,000 layers, the first of which they share. */
static void
many_blobs_are_quick(void **state)
{
	enum {
		COUNT = 100,
		LAYERS = 1000
	};
	AUTO(release_release) struct release release = { 0 };
	struct image images[COUNT];
	struct ferry_error err;
	struct timespec start;
	struct timespec end;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		static struct layer layers[LAYERS];
		char name[16];

		for (unsigned k = 0; k < LAYERS; k++)
			layers[k] = (struct layer){ k ? i * LAYERS + k : 0, 1,
						    k % 2 ? GZIP : TAR };
		snprintf(name, sizeof(name), "a:%u", i);
		images[i] = image_of(name, "", layers, LAYERS);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(release_of(&release, images, COUNT, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(release.blob_count, COUNT /* manifests */ +
						     1 /* config */ +
						     COUNT * (LAYERS - 1) + 1);
	/* 0.1 s here; a quadratic search would take minutes. */
	assert_true(end.tv_sec - start.tv_sec < 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(image_takes_what_its_config_says),
		cmocka_unit_test(image_must_hold_together),
		cmocka_unit_test(images_are_sorted_by_name),
		cmocka_unit_test(blobs_have_one_order),
		cmocka_unit_test(sizes_count_each_blob_once),
		cmocka_unit_test(images_know_their_blobs),
		cmocka_unit_test(layer_of_two_types_is_one_blob),
		cmocka_unit_test(nothing_is_a_release_too),
		cmocka_unit_test(pins_are_dropped),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(one_digest_has_one_size),
		cmocka_unit_test(sums_do_not_overflow),
		cmocka_unit_test(many_blobs_are_quick),
	};

	return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
