/*
 * source/forward: how often a stream is begun for an order of blobs, and what
 * is kept meanwhile.
 */
#include "release_fixture.h"

#include "source/forward.h"

/* A stream of layers one behind the other, as `order` has their fills. */
struct tape {
	struct forward_place place;
	struct forward_room room;
	const struct release *release;
	const char *order;
	uint64_t position;
	unsigned begun;
	bool spoilt; /* the first read of 'b' gives other bytes */
	bool broken; /* the next read fails half-way */
	unsigned rests;
};

static const struct blob *
blob_of(const struct release *release, char fill)
{
	for (size_t b = 0; b < release->blob_count; b++) {
		const struct blob *blob = &release->blobs[b];
		struct fixture_layer layer = {
			.fill = fill, .size = (size_t)blob->descriptor.size
		};
		struct digest digest = fixture_digest(layer);

		if (digest_equal(&digest, &blob->descriptor.digest))
			return blob;
	}
	return NULL;
}

/* The fill of the blob; *offset is where it begins. */
static char
locate(const struct tape *tape, const struct digest *digest, uint64_t *offset,
       uint64_t *size)
{
	*offset = 0;
	for (const char *c = tape->order; *c; c++) {
		const struct blob *blob = blob_of(tape->release, *c);

		*size = blob->descriptor.size;
		if (digest_equal(&blob->descriptor.digest, digest))
			return *c;
		*offset += *size;
	}
	return '\0';
}

static bool
find(struct forward_place *place, const struct digest *digest, uint64_t *offset)
{
	uint64_t size;

	return locate((struct tape *)place, digest, offset, &size) != '\0';
}

static int
read_tape(struct forward_place *place, const struct digest *digest,
	  uint64_t from, struct sink *to, struct ferry_error *err)
{
	struct tape *tape = (struct tape *)place;
	uint64_t offset, size;
	char fill = locate(tape, digest, &offset, &size);

	if (!tape->begun || offset + from < tape->position)
		tape->begun++;
	if (fill == 'b' && tape->spoilt) {
		tape->spoilt = false;
		fill = 'B';
	}
	for (uint64_t i = from; i < size; i++) {
		int rc = tape->broken && i > from
				 ? error_set(err, FERRY_E_FAILED, "broken")
				 : sink_write(to, &fill, 1, err);

		tape->position = offset + i + 1;
		if (rc) {
			tape->broken = false;
			tape->position = UINT64_MAX;
			return rc;
		}
	}
	return 0;
}

static void
rest(struct forward_place *place)
{
	struct tape *tape = (struct tape *)place;

	tape->position = UINT64_MAX;
	tape->rests++;
}

static void
make(struct release *release, struct tape *tape, const char *order)
{
	static const struct fixture_image images[] = {
		{ "a:1",
		  { { 'a', 10, true },
		    { 'b', 20, true },
		    { 'c', 30, true },
		    { 'd', 40, true } } },
		{ "b:1", { { 'a', 10, true }, { 'e', 50, true } } },
	};

	static struct image sources[2]; /* to be told apart, nothing more */

	fixture_release(release, images, ARRAY_SIZE(images));
	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		release->images[i].source = (struct source *)&sources[i];
	*tape = (struct tape){
		.place = { .find = find, .read = read_tape, .rest = rest },
		.release = release,
		.order = order
	};
}

static void
start(struct forward *forward, struct tape *tape, uint64_t room)
{
	atomic_init(&tape->room.left, room);
	forward_init(forward, &tape->place, &tape->room);
}

/* All of the blob, which must be `fill`. */
static int
fetch(struct forward *forward, const struct release *release, char fill,
      struct ferry_error *err)
{
	AUTO(proof_release) struct proof proof = { 0 };
	AUTO_BUFFER bytes = BUFFER(100);
	const struct blob *blob = blob_of(release, fill);
	struct buffer_sink sink;
	int rc;

	buffer_sink_init(&sink, &bytes);
	assert_int_equal(proof_init(&proof, &sink.sink,
				    &blob->descriptor.digest,
				    blob->descriptor.size, err),
			 0);
	rc = forward_fetch(forward, release, blob, &proof, err);
	for (size_t i = 0; i < bytes.size && !rc; i++)
		assert_int_equal(bytes.data[i], fill);
	assert_true(rc || bytes.size == blob->descriptor.size);
	return rc;
}

static void
streams_are_begun_as_seldom_as_there_is_room(void **state)
{
	static const struct {
		const char *stream;
		const char *asked;
		uint64_t room;
		unsigned begun;
	} table[] = {
		{ "abcd", "abcd", 0, 1 },
		{ "dcba", "abcd", 0, 4 },
		{ "dcba", "abcd", 90, 1 },
		{ "dcba", "abcd", 100, 1 },
		{ "dcba", "abcd", 89, 2 }, /* d, then no room for b and c */
		{ "dcba", "abcd", 69, 2 }, /* d, b */
		{ "dcba", "abcd", 30, 3 }, /* c */
		{ "bdac", "abcd", 60, 1 },
		{ "bdac", "abcd", 20, 2 },
		{ "cabd", "abcd", 30, 1 },
		{ "dcba", "dcba", 0, 1 },
		/* 'e' belongs to another image, 'a' to this one first. */
		{ "edcba", "abcd", 90, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(release_release) struct release release = { 0 };
		struct tape tape;
		AUTO(forward_release) struct forward forward = { 0 };
		struct ferry_error err = { 0 };

		make(&release, &tape, table[i].stream);
		start(&forward, &tape, table[i].room);
		for (const char *c = table[i].asked; *c; c++)
			if (fetch(&forward, &release, *c, &err))
				fail_msg("row %zu: %s", i, err.message);
		if (tape.begun != table[i].begun)
			fail_msg("row %zu: begun %u times", i, tape.begun);
		assert_int_equal(tape.room.left, table[i].room);
		assert_null(forward.kept);
		assert_true(tape.rests > 0);
	}
}

/* What another image has fetched, nobody will ask for here. */
static void
what_others_have_is_not_kept(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct tape tape;
	AUTO(forward_release) struct forward forward = { 0 };
	struct ferry_error err = { 0 };

	(void)state;
	make(&release, &tape, "ae");
	start(&forward, &tape, 1000);
	assert_int_equal(fetch(&forward, &release, 'e', &err), 0);
	assert_int_equal(tape.room.left, 1000);
	assert_int_equal(tape.begun, 1);
}

static void
what_is_not_asked_for_is_let_go_in_the_end(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct forward forward = { 0 };
	struct ferry_error err = { 0 };
	struct tape tape;

	(void)state;
	make(&release, &tape, "dcba");
	start(&forward, &tape, 1000);
	assert_int_equal(fetch(&forward, &release, 'a', &err), 0);
	assert_int_equal(tape.room.left, 1000 - 90);
	forward_release(&forward);
	assert_null(forward.kept);
	assert_int_equal(tape.room.left, 1000);
}

static void
streams_share_their_room(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct tape tape;
	struct tape second;
	AUTO(forward_release) struct forward one = { 0 };
	AUTO(forward_release) struct forward other = { 0 };
	struct ferry_error err = { 0 };

	(void)state;
	make(&release, &tape, "dcba");
	second = tape;
	start(&one, &tape, 100);
	forward_init(&other, &second.place, &tape.room);
	assert_int_equal(fetch(&one, &release, 'a', &err), 0);
	assert_int_equal(tape.room.left, 10);
	for (const char *c = "abcd"; *c; c++)
		assert_int_equal(fetch(&other, &release, *c, &err), 0);
	assert_int_equal(second.begun, 4);
	assert_int_equal(tape.room.left, 10);
}

static void
wrong_bytes_are_asked_for_again(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct tape tape;
	AUTO(forward_release) struct forward forward = { 0 };
	struct ferry_error err = { 0 };

	(void)state;
	make(&release, &tape, "bacd");
	tape.spoilt = true;
	start(&forward, &tape, 1000);
	assert_int_equal(fetch(&forward, &release, 'a', &err), 0);
	assert_int_equal(fetch(&forward, &release, 'b', &err), FERRY_E_DIGEST);
	assert_int_equal(fetch(&forward, &release, 'b', &err), 0);
	assert_int_equal(tape.begun, 2);
}

static void
a_break_is_passed_on_and_got_over(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct tape tape;
	AUTO(forward_release) struct forward forward = { 0 };
	struct ferry_error err = { 0 };

	(void)state;
	make(&release, &tape, "dbca");
	tape.broken = true;
	start(&forward, &tape, 1000);
	assert_int_equal(fetch(&forward, &release, 'a', &err), FERRY_E_FAILED);
	assert_string_equal(err.message, "broken");
	for (const char *c = "abcd"; *c; c++)
		assert_int_equal(fetch(&forward, &release, *c, &err), 0);
	assert_int_equal(tape.room.left, 1000);
}

static void
what_the_stream_lacks_is_named(void **state)
{
	AUTO(release_release) struct release release = { 0 };
	struct tape tape;
	AUTO(forward_release) struct forward forward = { 0 };
	struct ferry_error err = { 0 };

	(void)state;
	make(&release, &tape, "abc");
	start(&forward, &tape, 1000);
	assert_int_equal(fetch(&forward, &release, 'd', &err),
			 FERRY_E_NOT_FOUND);
	assert_non_null(strstr(err.message, " is not there"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_begun_as_seldom_as_there_is_room),
		cmocka_unit_test(what_others_have_is_not_kept),
		cmocka_unit_test(what_is_not_asked_for_is_let_go_in_the_end),
		cmocka_unit_test(streams_share_their_room),
		cmocka_unit_test(wrong_bytes_are_asked_for_again),
		cmocka_unit_test(a_break_is_passed_on_and_got_over),
		cmocka_unit_test(what_the_stream_lacks_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
