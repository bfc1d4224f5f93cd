/* docs/format.md: what is written is read back, and nothing else passes. */
#include "release_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "bundle/verify.h"
#include "bundle/writer.h"

static const struct fixture_image stack[] = {
	{ "app:1", { { 'a', 5000, false }, { 'b', 700, false } } },
	{ "redis:7", { { 'a', 5000, false }, { 'p', 9000, true } } },
	{ "quay.io/team/tool:2",
	  { { 'q', 12000, true }, { 'c', 1, false }, { 'a', 5000, false } } },
};

static const struct fixture_image one[] = {
	{ "app:1", { { 'a', 300, false } } },
};

/* Fills blobs from what the fixture says they are. */
static int
push(const struct blob *blob, struct sink *to, struct ferry_error *err)
{
	if (blob->content)
		return sink_write(to, blob->content->data, blob->content->size,
				  err);
	for (size_t i = 0; i < ARRAY_SIZE(stack) + 1; i++) {
		const struct fixture_image *image =
			i < ARRAY_SIZE(stack) ? &stack[i] : &one[0];

		for (int k = 0; k < FIXTURE_LAYERS_MAX; k++) {
			struct fixture_layer layer = image->layers[k];
			struct digest digest;
			AUTO_FREE char *bytes = NULL;

			if (!layer.size)
				break;
			digest = fixture_digest(layer);
			if (!digest_equal(&digest, &blob->descriptor.digest))
				continue;
			bytes = malloc(layer.size);
			memset(bytes, layer.fill, layer.size);
			return sink_write(to, bytes, layer.size, err);
		}
	}
	return error_set(err, FERRY_E_NOT_FOUND, "no such layer");
}

static int
fill(struct bundle_filler *filler, const struct blob *blob, struct proof *proof,
     struct ferry_error *err)
{
	int rc = push(blob, &proof->sink, err);

	(void)filler;
	return rc ? rc : proof_finish(proof, err);
}

struct place {
	char folder[32];
	char path[64];
};

static void
place_init(struct place *place)
{
	strcpy(place->folder, "/tmp/ferry-test-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/b.tar.zst",
		 place->folder);
}

static void
place_release(struct place *place)
{
	unlink(place->path);
	assert_int_equal(rmdir(place->folder), 0);
}

static int
begin_bundle(struct bundle_writer **out, const char *path, bool force,
	     const struct release *release, struct ferry_error *err)
{
	struct bundle_writer_options options = { .path = path, .force = force };

	return bundle_writer_new(out, &options, release, err);
}

/* Writes raw blobs last to first: the order must not show. */
static uint64_t
write_bundle(const char *path, const struct release *release)
{
	struct bundle_filler filler = { .fill = fill };
	struct bundle_writer *writer;
	struct bundle_size size;
	struct ferry_error err;
	uint64_t bytes;

	assert_int_equal(bundle_measure(&size, release, &err), 0);
	if (begin_bundle(&writer, path, true, release, &err))
		fail_msg("%s", err.message);
	for (size_t i = release->blob_count; i-- > 0;)
		if (!release->blobs[i].plain)
			assert_int_equal(
				bundle_writer_put(writer, i, &filler, &err), 0);
	for (size_t i = 0; i < release->blob_count; i++)
		if (release->blobs[i].plain)
			assert_int_equal(
				bundle_writer_put(writer, i, &filler, &err), 0);
	if (bundle_writer_commit(writer, &err))
		fail_msg("%s", err.message);
	bytes = bundle_writer_bytes(writer);
	assert_true(bytes >= size.least && bytes <= size.most);
	bundle_writer_free(writer);
	return bytes;
}

static int
verify(const char *path, size_t *damages, struct ferry_error *err)
{
	struct ferry_context *context = ferry_context_new();
	struct ferry_verification *found = NULL;
	struct bundle *bundle = NULL;
	int rc = bundle_open(&bundle, path, err);

	*damages = 0;
	if (!rc)
		rc = bundle_verify(bundle, context, 2, &found, err);
	if (!rc) {
		*damages = found->damage_count;
		if (found->damage_count)
			strcpy(err->message, found->damages[0].what);
	}
	ferry_verification_free(found);
	bundle_close(bundle);
	ferry_context_free(context);
	return rc;
}

static void
load(const char *path, struct buffer *out)
{
	struct ferry_error err;

	out->limit = 1 << 24;
	assert_int_equal(file_load(path, out, &err), 0);
}

static void
store(const char *path, const uint8_t *data, size_t size)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct ferry_error err;

	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, data, size, 0, &err), 0);
}

static void
test_a_bundle_comes_back(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct bundle *bundle;
	struct place place;
	struct ferry_error err;
	struct stat status;
	size_t damages;
	uint64_t bytes;

	(void)state;
	place_init(&place);
	fixture_release(&release, stack, ARRAY_SIZE(stack));
	bytes = write_bundle(place.path, &release);
	assert_int_equal(stat(place.path, &status), 0);
	assert_int_equal(status.st_size, bytes);
	if (verify(place.path, &damages, &err) || damages)
		fail_msg("%s", err.message);
	assert_int_equal(bundle_open(&bundle, place.path, &err), 0);
	assert_int_equal(bundle->statement.image_count, 3);
	assert_string_equal(bundle->statement.images[1].name,
			    "docker.io/library/redis:7");
	assert_int_equal(bundle->table.count, release.blob_count);
	assert_int_equal(bundle->statement.images[0].shared, 5000);
	bundle_close(bundle);
	place_release(&place);
}

static void
test_the_order_of_names_does_not_show(void **state)
{
	struct fixture_image turned[ARRAY_SIZE(stack)];
	AUTO(release_release) struct release release = { 0 };
	AUTO(release_release) struct release other = { 0 };
	AUTO_BUFFER first = BUFFER(0);
	AUTO_BUFFER second = BUFFER(0);
	struct place place;

	(void)state;
	place_init(&place);
	for (size_t i = 0; i < ARRAY_SIZE(stack); i++)
		turned[i] = stack[ARRAY_SIZE(stack) - 1 - i];
	fixture_release(&release, stack, ARRAY_SIZE(stack));
	fixture_release(&other, turned, ARRAY_SIZE(stack));
	write_bundle(place.path, &release);
	load(place.path, &first);
	write_bundle(place.path, &other);
	load(place.path, &second);
	assert_int_equal(first.size, second.size);
	assert_memory_equal(first.data, second.data, first.size);
	place_release(&place);
}

/* Either the front does not open, or verification finds something. */
static void
expect_damage(const char *path, const char *what, size_t at)
{
	struct ferry_error err = { 0 };
	size_t damages;
	int rc = verify(path, &damages, &err);

	if (rc == 0 && damages)
		return;
	if (rc != FERRY_E_DAMAGED)
		fail_msg("%s at byte %zu: %d %s", what, at, rc, err.message);
}

static void
test_every_flipped_byte_is_seen(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	AUTO_BUFFER good = BUFFER(0);
	struct place place;

	(void)state;
	place_init(&place);
	fixture_release(&release, stack, ARRAY_SIZE(stack));
	write_bundle(place.path, &release);
	load(place.path, &good);
	/* A prime step: all of a small bundle would take minutes. */
	for (size_t i = 0; i < good.size; i += i < 64 ? 1 : 13) {
		good.data[i] ^= (uint8_t)(1 << i % 8);
		store(place.path, good.data, good.size);
		good.data[i] ^= (uint8_t)(1 << i % 8);
		expect_damage(place.path, "flipped", i);
	}
	place_release(&place);
}

static void
test_every_cut_is_seen(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	AUTO_BUFFER good = BUFFER(0);
	struct place place;

	(void)state;
	place_init(&place);
	fixture_release(&release, one, ARRAY_SIZE(one));
	write_bundle(place.path, &release);
	load(place.path, &good);
	for (size_t i = 0; i < good.size; i += i < 64 ? 1 : 7) {
		store(place.path, good.data, i);
		expect_damage(place.path, "cut", i);
	}
	place_release(&place);
}

static void
test_trailing_bytes_are_seen(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	AUTO_BUFFER bytes = BUFFER(0);
	struct place place;
	struct ferry_error err;
	size_t damages;

	(void)state;
	place_init(&place);
	fixture_release(&release, one, ARRAY_SIZE(one));
	write_bundle(place.path, &release);
	load(place.path, &bytes);
	assert_int_equal(buffer_append(&bytes, "\0", 1, &err), 0);
	store(place.path, bytes.data, bytes.size);
	assert_int_equal(verify(place.path, &damages, &err), 0);
	assert_int_equal(damages, 1);
	assert_non_null(strstr(err.message, "too many"));
	place_release(&place);
}

static void
test_what_is_no_bundle_is_named(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *says;
	} files[] = {
		{ "", 0, "it is empty" },
		{ "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0", 12, "a gzip file" },
		{ "\x28\xb5\x2f\xfd\x24\0\1\0\0aaaaaaaa", 17,
		  "another zstd file" },
		{ "PK\x03\x04 and so on", 13, "a zip file" },
		{ "hello, this is no bundle", 24, "no bundle" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct bundle *bundle;
		struct place place;
		struct ferry_error err;

		place_init(&place);
		store(place.path, (const uint8_t *)files[i].bytes,
		      files[i].size);
		assert_int_equal(bundle_open(&bundle, place.path, &err),
				 FERRY_E_DAMAGED);
		assert_non_null(strstr(err.message, files[i].says));
		place_release(&place);
	}
}

static void
test_a_writer_that_is_dropped_leaves_nothing(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct bundle_writer *writer;
	struct place place;
	struct ferry_error err;

	(void)state;
	place_init(&place);
	fixture_release(&release, one, ARRAY_SIZE(one));
	assert_int_equal(
		begin_bundle(&writer, place.path, false, &release, &err), 0);
	bundle_writer_free(writer);
	assert_int_equal(access(place.path, F_OK), -1);
	place_release(&place); /* rmdir() fails if anything is left */
}

static void
test_two_writers_refuse_each_other(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct bundle_writer *writer;
	struct bundle_writer *rival;
	struct place place;
	struct ferry_error err;

	(void)state;
	place_init(&place);
	fixture_release(&release, one, ARRAY_SIZE(one));
	assert_int_equal(
		begin_bundle(&writer, place.path, false, &release, &err), 0);
	assert_int_equal(
		begin_bundle(&rival, place.path, false, &release, &err),
		FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "another ferry is writing it"));
	bundle_writer_free(writer);
	place_release(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bundle_comes_back),
		cmocka_unit_test(test_the_order_of_names_does_not_show),
		cmocka_unit_test(test_every_flipped_byte_is_seen),
		cmocka_unit_test(test_every_cut_is_seen),
		cmocka_unit_test(test_trailing_bytes_are_seen),
		cmocka_unit_test(test_what_is_no_bundle_is_named),
		cmocka_unit_test(test_a_writer_that_is_dropped_leaves_nothing),
		cmocka_unit_test(test_two_writers_refuse_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
