/* docs/journal.md: a writer that is killed anywhere, and the one after it. */
#include "release_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/output.h"
#include "bundle/writer.h"

#define NOTE ((size_t)64 << 10) /* what is noted down at the latest */
#define PIECE ((size_t)16 << 10)

static const struct fixture_image first_plan[] = {
	{ "app:1", { { 'a', 700000, false }, { 'b', 90, false } } },
	{ "redis:7", { { 'c', 300000, false }, { 'p', 40000, true } } },
	{ "tool:2", { { 'q', 600000, true }, { 'r', 0x900000, false } } },
};

/* One image fewer, one more, one as it was. */
static const struct fixture_image second_plan[] = {
	{ "redis:7", { { 'c', 300000, false }, { 'p', 40000, true } } },
	{ "tool:2", { { 'q', 600000, true }, { 'r', 0x900000, false } } },
	{ "web:3", { { 'w', 500000, false } } },
};

/* Nothing that the first one has. */
static const struct fixture_image third_plan[] = {
	{ "web:3", { { 'w', 500000, false } } },
};

#define PLANS 3

static const struct {
	const struct fixture_image *images;
	size_t count;
} plans[PLANS] = {
	{ first_plan, ARRAY_SIZE(first_plan) },
	{ second_plan, ARRAY_SIZE(second_plan) },
	{ third_plan, ARRAY_SIZE(third_plan) },
};

static char folder[] = "/tmp/ferry-resume-XXXXXX";
static char path[64];
static struct output_names names;
static struct release releases[PLANS];
static struct buffer undisturbed[PLANS] = { BUFFER(64 << 20), BUFFER(64 << 20),
					    BUFFER(64 << 20) };

/* Fills from the fixture; counts, and dies or lies at some moment. */
struct source {
	struct bundle_filler filler;
	int plan;
	size_t asked;	  /* bytes of layers, that were pushed */
	size_t requests;  /* for layers */
	size_t die_after; /* so many of these bytes; SIZE_MAX: never */
};

static bool
find_layer(const struct source *source, const struct digest *digest,
	   struct fixture_layer *out)
{
	for (size_t i = 0; i < plans[source->plan].count; i++)
		for (int k = 0; k < FIXTURE_LAYERS_MAX; k++) {
			struct digest found;

			*out = plans[source->plan].images[i].layers[k];
			if (!out->size)
				break;
			found = fixture_digest(*out);
			if (digest_equal(&found, digest))
				return true;
		}
	return false;
}

static int
push_layer(struct source *source, struct fixture_layer layer,
	   struct proof *proof, struct ferry_error *err)
{
	char piece[PIECE];
	int rc = 0;

	memset(piece, layer.fill, sizeof(piece));
	source->requests++;
	while (proof->seen < layer.size && !rc) {
		size_t left = layer.size - proof->seen;
		size_t size = left < PIECE ? left : PIECE;

		if (source->asked >= source->die_after)
			kill(getpid(), SIGKILL);
		rc = sink_write(&proof->sink, piece, size, err);
		source->asked += size;
	}
	return rc;
}

static int
fill(struct bundle_filler *base, const struct blob *blob, struct proof *proof,
     struct ferry_error *err)
{
	struct source *source = (struct source *)base;
	struct fixture_layer layer;
	int rc;

	if (blob->content)
		rc = sink_write(&proof->sink, blob->content->data,
				blob->content->size, err);
	else if (find_layer(source, &blob->descriptor.digest, &layer))
		rc = push_layer(source, layer, proof, err);
	else
		rc = error_set(err, FERRY_E_NOT_FOUND, "no such layer");
	return rc ? rc : proof_finish(proof, err);
}

struct notices {
	size_t count;
	char last[1024];
};

static void
take_notice(void *cookie, const char *text)
{
	struct notices *notices = cookie;

	notices->count++;
	snprintf(notices->last, sizeof(notices->last), "%s", text);
}

/* Packs plan number `plan`; what was asked for, in bytes. */
static size_t
pack(int plan, size_t die_after, bool fresh, struct notices *notices)
{
	static const struct ferry_observer observer = { .notice = take_notice };
	struct source source = { .filler = { .fill = fill },
				 .plan = plan,
				 .die_after = die_after };
	struct ferry_context *context = ferry_context_new();
	struct bundle_writer_options options = {
		.path = path, .force = true, .fresh = fresh, .context = context
	};
	struct bundle_writer *writer;
	struct ferry_error err;

	ferry_context_observe(context, &observer, notices);
	if (bundle_writer_new(&writer, &options, &releases[plan], &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < releases[plan].blob_count; i++)
		if (bundle_writer_put(writer, i, &source.filler, &err))
			fail_msg("%s", err.message);
	if (bundle_writer_commit(writer, &err))
		fail_msg("%s", err.message);
	bundle_writer_free(writer);
	ferry_context_free(context);
	return source.asked;
}

static void
pack_and_die(int plan, size_t after)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		struct notices ignored = { 0 };

		pack(plan, after, false, &ignored);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static size_t
layer_bytes(int plan)
{
	size_t sum = 0;

	for (size_t i = 0; i < releases[plan].blob_count; i++)
		if (!releases[plan].blobs[i].content)
			sum += releases[plan].blobs[i].descriptor.size;
	return sum;
}

/* Exactly what it would have been, and nothing else. */
static void
expect_finished(int plan)
{
	AUTO_BUFFER bytes = BUFFER(64 << 20);
	struct ferry_error err;

	assert_int_equal(file_load(path, &bytes, &err), 0);
	assert_int_equal(bytes.size, undisturbed[plan].size);
	assert_memory_equal(bytes.data, undisturbed[plan].data, bytes.size);
	for (int i = 0; i < OUTPUT_NAMES; i++)
		assert_int_equal(access(names.text[i], F_OK), -1);
	unlink(path);
}

static int
set_up(void **state)
{
	struct notices ignored = { 0 };
	struct ferry_error err;

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/b.tar.zst", folder);
	if (output_names_init(&names, path, &err))
		return -1;
	for (int plan = 0; plan < PLANS; plan++) {
		fixture_release(&releases[plan], plans[plan].images,
				plans[plan].count);
		pack(plan, SIZE_MAX, false, &ignored);
		if (file_load(path, &undisturbed[plan], &err))
			return -1;
		unlink(path);
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (int plan = 0; plan < PLANS; plan++) {
		release_release(&releases[plan]);
		buffer_release(&undisturbed[plan]);
	}
	output_names_release(&names);
	return rmdir(folder);
}

/* Of a plain layer that is not complete, nothing is kept. */
#define LOST (NOTE + PIECE)
#define PLAIN_LOST ((size_t)600000)

static void
test_killed_anywhere(void **state)
{
	size_t all = layer_bytes(0);
	size_t plain = 640000; /* of these, in layers that lie behind */

	(void)state;
	for (size_t after = 0; after < all; after += 450000) {
		size_t lost = after > all - plain ? PLAIN_LOST : LOST;
		struct notices notices = { 0 };
		size_t asked;

		pack_and_die(0, after);
		asked = pack(0, SIZE_MAX, false, &notices);
		if (asked + after + PIECE < all || asked > all - after + lost)
			fail_msg("killed after %zu of %zu bytes, %zu asked for",
				 after, all, asked);
		assert_int_equal(notices.count, 0);
		expect_finished(0);
	}
}

static void
test_killed_again_and_again(void **state)
{
	size_t all = layer_bytes(0);
	struct notices notices = { 0 };
	size_t asked;

	(void)state;
	for (int i = 0; i < 8; i++)
		pack_and_die(0, 2 * NOTE);
	asked = pack(0, SIZE_MAX, false, &notices);
	assert_true(asked <= all - 8 * NOTE);
	assert_int_equal(notices.count, 0);
	expect_finished(0);
}

static off_t
size_of(const char *name)
{
	struct stat status;

	assert_int_equal(stat(name, &status), 0);
	return status.st_size;
}

static void
flip(const char *name, uint64_t offset)
{
	AUTO_CLOSE int fd = open(name, O_RDWR);
	struct ferry_error err;
	uint8_t byte;

	assert_int_equal(file_read_at(fd, &byte, 1, offset, &err), 0);
	byte ^= 0x10;
	assert_int_equal(file_write_at(fd, &byte, 1, offset, &err), 0);
}

/* A byte of any blob is seen, and costs that blob and no other. */
static void
test_damage_is_found(void **state)
{
	size_t all = layer_bytes(0);
	uint64_t at;

	(void)state;
	pack_and_die(0, all - 2 * PIECE);
	at = (uint64_t)size_of(names.text[OUTPUT_PARTIAL]) - 100;
	for (int i = 0; i < 12; i++, at -= at / 6) {
		struct notices notices = { 0 };
		size_t asked;

		pack_and_die(0, 0);
		flip(names.text[OUTPUT_PARTIAL], at);
		asked = pack(0, SIZE_MAX, false, &notices);
		assert_true(notices.count <= 1);
		if (notices.count)
			assert_non_null(strstr(notices.last,
					       "does not hold, so it is "
					       "pulled anew"));
		assert_true(asked <= 0x900000 + PLAIN_LOST);
		expect_finished(0);
		pack_and_die(0, all - 2 * PIECE);
	}
	assert_int_equal(pack(0, SIZE_MAX, true, &(struct notices){ 0 }), all);
	expect_finished(0);
}

/* The journal says more than is there, or about another file. */
static void
test_a_journal_that_lies(void **state)
{
	static const char lie[] = "at 6 300000\nat 8 200000\n";
	struct notices notices = { 0 };
	int fd;

	(void)state;
	pack_and_die(0, 0);
	fd = open(names.text[OUTPUT_JOURNAL], O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, lie, strlen(lie)), strlen(lie));
	close(fd);
	assert_int_equal(pack(0, SIZE_MAX, false, &notices), layer_bytes(0));
	assert_int_equal(notices.count, 2);
	expect_finished(0);
}

/* Zeros instead of what was written, as after a loss of power. */
static void
test_what_never_reached_the_disk(void **state)
{
	struct notices notices = { 0 };
	off_t size;

	(void)state;
	pack_and_die(0, 800000);
	size = size_of(names.text[OUTPUT_PARTIAL]);
	assert_int_equal(truncate(names.text[OUTPUT_PARTIAL], 1), 0);
	assert_int_equal(truncate(names.text[OUTPUT_PARTIAL], size), 0);
	assert_int_equal(pack(0, SIZE_MAX, false, &notices), layer_bytes(0));
	assert_true(notices.count >= 1);
	expect_finished(0);
}

static void
test_another_plan_takes_what_it_needs(void **state)
{
	size_t all = layer_bytes(0);
	struct notices notices = { 0 };
	size_t asked;

	(void)state;
	pack_and_die(0, all - 2 * PIECE);
	/* 'w' is all that the second plan has beside the first. */
	pack_and_die(1, 2 * NOTE);
	assert_int_equal(access(names.text[OUTPUT_OLD_PARTIAL], F_OK), 0);
	assert_int_equal(access(names.text[OUTPUT_OLD_JOURNAL], F_OK), 0);
	asked = pack(1, SIZE_MAX, false, &notices);
	assert_true(asked <= PLAIN_LOST + 500000 - NOTE);
	assert_int_equal(notices.count, 0);
	expect_finished(1);
}

/* Damage in the file that serves as a source. */
static void
test_another_plan_finds_damage(void **state)
{
	size_t all = layer_bytes(0);
	struct notices notices = { 0 };

	(void)state;
	pack_and_die(0, all - 2 * PIECE);
	flip(names.text[OUTPUT_PARTIAL], 0x400000);
	pack(1, SIZE_MAX, false, &notices);
	assert_int_equal(notices.count, 1);
	assert_non_null(strstr(notices.last, ".partial"));
	expect_finished(1);
}

static void
test_fresh_uses_nothing(void **state)
{
	struct notices notices = { 0 };

	(void)state;
	pack_and_die(0, 5000000);
	pack_and_die(1, 300000);
	assert_int_equal(pack(1, SIZE_MAX, true, &notices), layer_bytes(1));
	expect_finished(1);
}

/* What is worth nothing is no reason to give up what is. */
static void
test_a_run_that_got_nowhere(void **state)
{
	struct notices notices = { 0 };

	(void)state;
	pack_and_die(0, 5000000);
	pack_and_die(2, 0);
	assert_in_range(pack(0, SIZE_MAX, false, &notices), 0,
			layer_bytes(0) - 5000000 + LOST);
	expect_finished(0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_anywhere),
		cmocka_unit_test(test_killed_again_and_again),
		cmocka_unit_test(test_damage_is_found),
		cmocka_unit_test(test_a_journal_that_lies),
		cmocka_unit_test(test_what_never_reached_the_disk),
		cmocka_unit_test(test_another_plan_takes_what_it_needs),
		cmocka_unit_test(test_another_plan_finds_damage),
		cmocka_unit_test(test_fresh_uses_nothing),
		cmocka_unit_test(test_a_run_that_got_nowhere),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
