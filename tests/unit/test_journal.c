/* docs/journal.md: what is taken from a journal, and what is not. */
#include "release_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "bundle/draft.h"
#include "bundle/journal.h"

/* Manifest, config, a layer of 5000 bytes, a plain one of 9000. */
static const struct fixture_image images[] = {
	{ "app:1", { { 'a', 5000, false }, { 'p', 9000, true } } },
};

#define LAYER 2
#define PLAIN 3
#define FRAMES                                                                 \
	"sha256:"                                                              \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct release release;
static struct buffer head = BUFFER(JOURNAL_MAX);

static int
set_up(void **state)
{
	AUTO(draft_release) struct draft draft = { 0 };
	struct ferry_error err;

	(void)state;
	fixture_release(&release, images, ARRAY_SIZE(images));
	assert_int_equal(release.blob_count, 4);
	if (draft_init(&draft, &release, &err))
		return -1;
	return journal_head(&head, &draft.front, draft.first, &release,
			    &draft.layout, &err);
}

static int
tear_down(void **state)
{
	(void)state;
	release_release(&release);
	buffer_release(&head);
	return 0;
}

/* The head, and `lines` behind it. */
static void
parse(struct journal *out, const char *lines, size_t size)
{
	AUTO_BUFFER text = BUFFER(JOURNAL_MAX);
	struct ferry_error err;

	assert_int_equal(buffer_append(&text, head.data, head.size, &err), 0);
	assert_int_equal(buffer_append(&text, lines, size, &err), 0);
	if (journal_parse(out, text.data, text.size, &err))
		fail_msg("%s", err.message);
	assert_int_equal(out->head, head.size);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *lines;
		uint64_t layer; /* bytes of its frames */
		uint64_t plain;
		size_t taken; /* bytes of the lines */
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "at 2 100\n", 100, 0, 9 },
		{ "at 2 100\nat 2 200\n", 200, 0, 18 },
		{ "at 2 200\nat 2 0\n", 0, 0, 16 },
		{ "plain 3 7000 50 " FRAMES "\n", 0, 50, 88 },
		/* Torn, and anything behind. */
		{ "at 2 100\nat 2 2", 100, 0, 9 },
		{ "at 2 100\nat\nat 2 200\n", 100, 0, 9 },
		/* Not in the one form. */
		{ "at 2 0100\n", 0, 0, 0 },
		{ "at 02 100\n", 0, 0, 0 },
		{ "at 2 +1\n", 0, 0, 0 },
		{ "at 2 -1\n", 0, 0, 0 },
		{ "at 2 \n", 0, 0, 0 },
		{ "at  2 1\n", 0, 0, 0 },
		{ " at 2 1\n", 0, 0, 0 },
		{ "at 2 1 \n", 0, 0, 0 },
		{ "at 2 1\r\n", 0, 0, 0 },
		{ "at 2\n", 0, 0, 0 },
		{ "at 2 1 1\n", 0, 0, 0 },
		{ "on 2 1\n", 0, 0, 0 },
		{ "\n", 0, 0, 0 },
		{ "plain 3 7000 50\n", 0, 0, 0 },
		{ "plain 3 7000 50 sha256:00\n", 0, 0, 0 },
		{ "plain 3 7000 50 " FRAMES " 1\n", 0, 0, 0 },
		/* What cannot be. */
		{ "at 4 1\n", 0, 0, 0 },
		{ "at 3 1\n", 0, 0, 0 },
		{ "at 2 99999\n", 0, 0, 0 },
		{ "at 2 18446744073709551616\n", 0, 0, 0 },
		{ "plain 2 7000 50 " FRAMES "\n", 0, 0, 0 },
		{ "plain 3 7000 0 " FRAMES "\n", 0, 0, 0 },
		{ "plain 3 7000 99999 " FRAMES "\n", 0, 0, 0 },
		{ "plain 3 9999999999 50 " FRAMES "\n", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(journal_release) struct journal journal = { 0 };

		parse(&journal, cases[i].lines, strlen(cases[i].lines));
		if (journal.bytes[LAYER] != cases[i].layer ||
		    journal.bytes[PLAIN] != cases[i].plain ||
		    journal.length != head.size + cases[i].taken)
			fail_msg("%s", cases[i].lines);
	}
}

static void
test_zero_bytes_are_no_line(void **state)
{
	AUTO(journal_release) struct journal journal = { 0 };

	(void)state;
	parse(&journal, "at 2 1\0\n", 8);
	assert_int_equal(journal.length, head.size);
}

/* Of a layer of 5000 bytes: 512 of tar header, 13 of framing before it. */
static void
test_content(void **state)
{
	static const struct {
		const char *line;
		uint64_t content;
		bool all;
	} cases[] = {
		{ "at 2 0\n", 0, false },
		{ "at 2 525\n", 0, false },
		{ "at 2 526\n", 1, false },
		{ "at 2 5524\n", 4999, false },
		/* The padding and the checksum are no content. */
		{ "at 2 5525\n", 5000, false },
		{ "at 2 5648\n", 5000, false },
		{ "at 2 5649\n", 5000, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(journal_release) struct journal journal = { 0 };

		parse(&journal, cases[i].line, strlen(cases[i].line));
		assert_int_equal(journal.length,
				 head.size + strlen(cases[i].line));
		assert_int_equal(journal_content(&journal, LAYER),
				 cases[i].content);
		assert_int_equal(journal_has_all(&journal, LAYER),
				 cases[i].all);
		assert_int_equal(journal_content(&journal, PLAIN), 0);
	}
}

/* Cut or changed anywhere in its head it is none, or another's. */
static void
test_heads(void **state)
{
	AUTO_BUFFER text = BUFFER(JOURNAL_MAX);
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < head.size; i++) {
		struct journal journal;

		assert_int_equal(journal_parse(&journal, head.data, i, &err),
				 FERRY_E_DAMAGED);
	}
	assert_int_equal(buffer_append(&text, head.data, head.size, &err), 0);
	for (size_t i = 0; i < head.size; i++) {
		AUTO(journal_release) struct journal journal = { 0 };

		text.data[i] ^= 0x80;
		assert_int_equal(
			journal_parse(&journal, text.data, text.size, &err),
			FERRY_E_DAMAGED);
		text.data[i] ^= 0x80;
	}
}

static void
test_what_is_logged_comes_back(void **state)
{
	char path[] = "/tmp/ferry-journal-XXXXXX";
	AUTO_CLOSE int fd = mkostemp(path, O_APPEND);
	struct journal_log log = { 0 };
	AUTO(journal_release) struct journal journal = { 0 };
	AUTO_BUFFER text = BUFFER(JOURNAL_MAX);
	struct ferry_error err;
	struct digest frames;

	(void)state;
	assert_int_equal(digest_parse(&frames, FRAMES, &err), 0);
	assert_int_equal(journal_log_init(&log, release.blob_count, &err), 0);
	journal_log_begin(&log, fd, &head);
	assert_int_equal(log.worth, 0);
	journal_log_raw(&log, LAYER, 600);
	journal_log_raw(&log, LAYER, 700);
	assert_int_equal(log.worth, 1);
	journal_log_plain(&log, PLAIN, 8192, 77, &frames);
	assert_int_equal(log.worth, 2);
	journal_log_raw(&log, LAYER, 0);
	assert_int_equal(log.worth, 1);
	journal_log_raw(&log, LAYER, 5649);
	assert_int_equal(file_load(path, &text, &err), 0);
	assert_int_equal(journal_parse(&journal, text.data, text.size, &err),
			 0);
	assert_int_equal(journal.length, text.size);
	assert_int_equal(journal.bytes[LAYER], 5649);
	assert_int_equal(journal.bytes[PLAIN], 77);
	assert_int_equal(journal.table.blobs[PLAIN].offset, 8192);
	assert_true(digest_equal(&journal.table.blobs[PLAIN].frames, &frames));
	journal_log_release(&log);

	assert_int_equal(journal_log_init(&log, release.blob_count, &err), 0);
	journal_log_go_on(&log, fd, &journal);
	assert_int_equal(log.worth, 2);
	journal_log_release(&log);
	unlink(path);
}

/* A disk that is full: what is there stays as it was. */
static void
test_without_room_it_ends(void **state)
{
	AUTO_CLOSE int fd = open("/dev/full", O_WRONLY);
	struct journal_log log = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(journal_log_init(&log, release.blob_count, &err), 0);
	journal_log_begin(&log, fd, &head);
	journal_log_raw(&log, LAYER, 600);
	assert_int_equal(log.worth, 0);
	assert_int_equal(log.fd, -1);
	journal_log_release(&log);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_zero_bytes_are_no_line),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_what_is_logged_comes_back),
		cmocka_unit_test(test_without_room_it_ends),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
