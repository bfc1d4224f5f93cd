/* docs/format.md, "Frames" and "Seek table". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/frame_pull.h"
#include "codec/seek_table.h"

#define MOST ((size_t)32 << 20)

static uint8_t content[MOST];

/* Compressible in part, and the same every time. */
static void
fill_content(void)
{
	uint32_t state = 1;

	for (size_t i = 0; i < MOST; i++) {
		state = state * 1664525 + 1013904223;
		content[i] = (i / 4096) % 2 ? (uint8_t)(state >> 24) : 'a';
	}
}

static int
temporary_file(const struct buffer *bytes)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	fclose(file);
	assert_int_equal(write(fd, bytes->data, bytes->size), bytes->size);
	return fd;
}

/* Writes in odd pieces, as a network would. */
static void
write_in_pieces(struct sink *sink, size_t length)
{
	struct ferry_error err;
	size_t at = 0;
	size_t piece = 1;

	while (at < length) {
		size_t part = piece < length - at ? piece : length - at;

		assert_int_equal(sink_write(sink, content + at, part, &err), 0);
		at += part;
		piece = piece * 3 % 1000003;
	}
}

static const struct {
	size_t length;
	bool closing;
	uint64_t frames;
} runs[] = {
	{ 512, false, 1 },
	{ FRAME_BLOCK, false, 1 },
	{ FRAME_BLOCK + 1, false, 1 },
	{ FRAME_CONTENT, false, 1 },
	{ FRAME_CONTENT + 1, false, 2 },
	{ 1536, true, 1 },
	{ FRAME_CONTENT + FRAME_TRAILER, true, 1 },
	{ FRAME_CONTENT + FRAME_TRAILER + 1, true, 2 },
	{ 2 * FRAME_CONTENT + FRAME_TRAILER, true, 2 },
	{ 20 << 20, true, 3 },
};

static void
encode_raw(struct buffer *frames, struct frame_run run)
{
	AUTO(frame_raw_release) struct frame_encoder encoder = { 0 };
	struct buffer_sink out;
	struct ferry_error err;

	buffer_sink_init(&out, frames);
	assert_int_equal(frame_raw_begin(&encoder, run, &out.sink, NULL, &err),
			 0);
	write_in_pieces(&encoder.sink, run.length);
	assert_int_equal(frame_raw_finish(&encoder, &err), 0);
}

static void
test_raw_runs_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct frame_run run = { runs[i].length, runs[i].closing };
		AUTO_BUFFER frames = BUFFER(2 * MOST);
		AUTO_BUFFER back = BUFFER(MOST);
		AUTO_CLOSE int fd = -1;
		struct buffer_sink out;
		struct ferry_error err;

		assert_int_equal(frame_count(run), runs[i].frames);
		encode_raw(&frames, run);
		assert_int_equal(frames.size, frame_raw_size(run));
		fd = temporary_file(&frames);
		buffer_sink_init(&out, &back);
		assert_int_equal(frame_raw_decode(fd, 0, run, &out.sink, &err),
				 0);
		assert_int_equal(back.size, run.length);
		assert_memory_equal(back.data, content, run.length);
	}
}

/* What comes must be the content from its beginning. */
struct beginning {
	struct sink sink;
	uint64_t seen;
};

static int
compare_beginning(struct sink *sink, const void *data, size_t size,
		  struct ferry_error *err)
{
	struct beginning *beginning = (struct beginning *)sink;

	(void)err;
	assert_memory_equal(data, content + beginning->seen, size);
	beginning->seen += size;
	return 0;
}

/* Returns how much of the content lies before the cut, and comes back. */
static uint64_t
cut_run(int fd, struct frame_run run, uint64_t cut)
{
	struct beginning beginning = { .sink = { .write = compare_beginning } };
	uint64_t there = frame_raw_content(run, cut);
	struct ferry_error err;

	if (frame_raw_decode_start(fd, 0, cut, run, &beginning.sink, &err))
		fail_msg("cut at %llu: %s", (unsigned long long)cut,
			 err.message);
	assert_int_equal(beginning.seen, there);
	assert_true(there <= cut);
	return there;
}

/* Cut where framing and content meet, byte by byte. */
static void
test_beginnings_of_raw_runs_come_back(void **state)
{
	static const uint64_t borders[] = {
		0,
		FRAME_HEADER + 3 + FRAME_BLOCK,
		FRAME_CONTENT,
		FRAME_CONTENT + 64 * 3 + FRAME_HEADER + 4,
		(20 << 20) + 500,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct frame_run run = { runs[i].length, runs[i].closing };
		uint64_t whole = frame_raw_size(run);
		AUTO_BUFFER bytes = BUFFER(2 * MOST);
		AUTO_CLOSE int fd = -1;

		encode_raw(&bytes, run);
		fd = temporary_file(&bytes);
		for (size_t k = 0; k < ARRAY_SIZE(borders); k++) {
			uint64_t at = borders[k] > 16 ? borders[k] - 16 : 0;
			uint64_t before = 0;

			for (; at < borders[k] + 5 && at <= whole; at++) {
				uint64_t there = cut_run(fd, run, at);

				assert_true(there >= before);
				before = there;
			}
		}
		assert_int_equal(cut_run(fd, run, whole), run.length);
		assert_int_equal(cut_run(fd, run, whole - 4), run.length);
	}
}

static void
encode_zstd(struct buffer *frames, struct frame_run run, size_t first_piece)
{
	AUTO(frame_zstd_release) struct frame_encoder encoder = { 0 };
	struct buffer_sink out;
	struct ferry_error err;

	buffer_sink_init(&out, frames);
	assert_int_equal(frame_zstd_begin(&encoder, run, &out.sink, NULL, &err),
			 0);
	assert_int_equal(sink_write(&encoder.sink, content, first_piece, &err),
			 0);
	assert_int_equal(sink_write(&encoder.sink, content + first_piece,
				    run.length - first_piece, &err),
			 0);
}

static void
test_zstd_runs_come_back_and_pieces_do_not_show(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct frame_run run = { runs[i].length, runs[i].closing };
		AUTO_BUFFER frames = BUFFER(2 * MOST);
		AUTO_BUFFER again = BUFFER(2 * MOST);
		AUTO_BUFFER back = BUFFER(MOST);
		AUTO_CLOSE int fd = -1;
		struct buffer_sink out;
		struct ferry_error err;

		encode_zstd(&frames, run, 1);
		encode_zstd(&again, run, run.length / 2);
		assert_true(frames.size <= frame_zstd_bound(run));
		assert_int_equal(frames.size, again.size);
		assert_memory_equal(frames.data, again.data, frames.size);
		fd = temporary_file(&frames);
		buffer_sink_init(&out, &back);
		assert_int_equal(frame_zstd_decode(fd, 0, frames.size, run,
						   &out.sink, NULL, &err),
				 0);
		assert_int_equal(back.size, run.length);
		assert_memory_equal(back.data, content, run.length);
	}
}

/* What zstd reads is more than what a bundle may hold. */
static void
test_zstd_frames_without_checksum_or_size_are_refused(void **state)
{
	/* An empty frame, by hand: RFC 8878 3.1.1. */
	static const struct {
		uint8_t descriptor;
		uint8_t rest[8];
		size_t size;
	} frames[] = {
		{ 0x20, { 0x00, 0x01, 0x00, 0x00 }, 4 }, /* no checksum */
		{ 0x04, { 0x38, 0x01, 0x00, 0x00, 0, 0, 0, 0 }, 8 }, /* size */
		{ 0x25, { 0x07, 0x00, 0x01, 0x00, 0x00 }, 5 }, /* dictionary */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		struct frame_run run = { 512, false };
		AUTO_BUFFER bytes = BUFFER(MOST);
		AUTO_BUFFER back = BUFFER(MOST);
		AUTO_CLOSE int fd = -1;
		struct buffer_sink out;
		struct ferry_error err;

		assert_int_equal(
			buffer_append(&bytes, "\x28\xb5\x2f\xfd", 4, &err), 0);
		assert_int_equal(
			buffer_append(&bytes, &frames[i].descriptor, 1, &err),
			0);
		assert_int_equal(buffer_append(&bytes, frames[i].rest,
					       frames[i].size, &err),
				 0);
		fd = temporary_file(&bytes);
		buffer_sink_init(&out, &back);
		assert_int_equal(frame_zstd_decode(fd, 0, bytes.size, run,
						   &out.sink, NULL, &err),
				 FERRY_E_DAMAGED);
		assert_string_equal(err.message,
				    "no frame of a bundle where one must be");
	}
}

/* There is one encoding: any other byte is refused, wherever it stands. */
static void
test_every_flipped_byte_of_a_raw_run_is_seen(void **state)
{
	struct frame_run run = { 3 * 512, true };
	AUTO_BUFFER frames = BUFFER(MOST);
	AUTO_BUFFER back = BUFFER(MOST);
	AUTO(frame_raw_release) struct frame_encoder encoder = { 0 };
	struct buffer_sink out;
	struct ferry_error err;

	(void)state;
	buffer_sink_init(&out, &frames);
	assert_int_equal(frame_raw_begin(&encoder, run, &out.sink, NULL, &err),
			 0);
	write_in_pieces(&encoder.sink, run.length);
	assert_int_equal(frame_raw_finish(&encoder, &err), 0);
	for (size_t i = 0; i < frames.size; i++) {
		AUTO_CLOSE int fd = -1;
		int rc;

		frames.data[i] ^= (uint8_t)(1 << i % 8);
		fd = temporary_file(&frames);
		frames.data[i] ^= (uint8_t)(1 << i % 8);
		buffer_release(&back);
		buffer_sink_init(&out, &back);
		rc = frame_raw_decode(fd, 0, run, &out.sink, &err);
		assert_int_equal(rc, FERRY_E_DAMAGED);
		assert_true(strstr(err.message, "wrong framing near") ||
			    strstr(err.message, "unlike its checksum near"));
	}
}

/* Pieces around every place where framing and content meet. */
static void
test_pieces_of_raw_runs_are_found(void **state)
{
	static const uint64_t borders[] = { 0, FRAME_BLOCK, FRAME_CONTENT,
					    2 * FRAME_CONTENT, 20 << 20 };
	static uint8_t piece[2 * FRAME_BLOCK];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct frame_run run = { runs[i].length, runs[i].closing };
		AUTO_BUFFER bytes = BUFFER(2 * MOST);
		AUTO_CLOSE int fd = -1;
		struct ferry_error err = { 0 };

		encode_raw(&bytes, run);
		fd = temporary_file(&bytes);
		for (size_t k = 0; k < ARRAY_SIZE(borders); k++) {
			uint64_t at = borders[k] > 3 ? borders[k] - 3 : 0;
			uint64_t size = run.length > at ? run.length - at : 0;

			if (size > sizeof(piece))
				size = sizeof(piece);
			if (frame_raw_read_at(fd, 0, run, at, piece, size,
					      &err))
				fail_msg("%s", err.message);
			assert_memory_equal(piece, content + at, size);
		}
	}
}

/* Pulled in odd pieces, and once more from each frame that began. */
static void
pull_all(struct frame_pull *pull, uint64_t length, struct frame_start *starts,
	 size_t *count)
{
	static uint8_t piece[1000003];
	struct ferry_error err = { 0 };
	uint64_t at = frame_pull_at(pull);
	size_t size = 1;

	for (*count = 0; at < length; at += size) {
		struct frame_start start;

		size = size * 3 % sizeof(piece);
		if (size >= length - at) /* the last piece is one byte */
			size = (length - at + 1) / 2;
		if (frame_pull_read(pull, piece, size, &err))
			fail_msg("%s", err.message);
		assert_memory_equal(piece, content + at, size);
		start = frame_pull_start(pull);
		if (start.at && start.at < length &&
		    (!*count || starts[*count - 1].at != start.at))
			starts[(*count)++] = start;
	}
}

static void
test_zstd_runs_are_pulled_from_any_frame(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct frame_run run = { runs[i].length, runs[i].closing };
		AUTO_BUFFER frames = BUFFER(2 * MOST);
		AUTO_CLOSE int fd = -1;
		struct frame_start starts[8] = { { 0, 0 } };
		struct frame_start more[8];
		struct frame_pull *pull;
		struct ferry_error err = { 0 };
		uint8_t byte;
		size_t count;
		size_t rest;

		encode_zstd(&frames, run, 1);
		fd = temporary_file(&frames);
		assert_int_equal(frame_pull_new(&pull, &err), 0);
		frame_pull_begin(pull, fd, 0, frames.size, starts[0]);
		pull_all(pull, run.length, starts, &count);
		assert_int_equal(count, runs[i].frames - 1);
		assert_int_equal(frame_pull_read(pull, &byte, 1, &err),
				 FERRY_E_DAMAGED);
		assert_string_equal(err.message, "its frames end before its "
						 "content does");
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(starts[k].at, (k + 1) * FRAME_CONTENT);
			frame_pull_begin(pull, fd, 0, frames.size, starts[k]);
			pull_all(pull, run.length, more, &rest);
		}
		frame_pull_free(pull);
	}
}

static void
test_seek_table_is_left_out_when_it_grows_too_large(void **state)
{
	AUTO(seek_table_release) struct seek_table table;
	AUTO_BUFFER bytes = BUFFER(SEEK_TABLE_BYTES);
	struct frame_run run = { 512, false };
	struct ferry_error err;

	(void)state;
	seek_table_init(&table);
	for (int i = 0; i < SEEK_TABLE_FRAMES; i++)
		assert_int_equal(seek_table_add_raw(&table, run, &err), 0);
	assert_int_equal(seek_table_write(&table, &bytes, &err), 0);
	assert_int_equal(bytes.size, seek_table_size(SEEK_TABLE_FRAMES));
	assert_true(bytes.size < 32768);
	buffer_release(&bytes);
	assert_int_equal(seek_table_add_raw(&table, run, &err), 0);
	assert_int_equal(seek_table_write(&table, &bytes, &err), 0);
	assert_int_equal(bytes.size, 0);
	assert_int_equal(seek_table_size(SEEK_TABLE_FRAMES + 1), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw_runs_come_back),
		cmocka_unit_test(test_beginnings_of_raw_runs_come_back),
		cmocka_unit_test(
			test_zstd_runs_come_back_and_pieces_do_not_show),
		cmocka_unit_test(
			test_zstd_frames_without_checksum_or_size_are_refused),
		cmocka_unit_test(test_every_flipped_byte_of_a_raw_run_is_seen),
		cmocka_unit_test(test_pieces_of_raw_runs_are_found),
		cmocka_unit_test(test_zstd_runs_are_pulled_from_any_frame),
		cmocka_unit_test(
			test_seek_table_is_left_out_when_it_grows_too_large),
	};

	fill_content();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
