/* base/writeback.h: what is let go is not lost, and is let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/writeback.h"

#define PIECE ((size_t)256 << 10)
#define PIECES 64

struct job {
	struct writeback writeback;
	int fd;
};

static int
write_piece(void *data, size_t index, unsigned worker, struct ferry_error *err)
{
	struct job *job = data;
	uint64_t offset = index * PIECE;
	AUTO_FREE uint8_t *bytes = malloc(PIECE);
	int rc;

	(void)worker;
	assert_non_null(bytes);
	memset(bytes, (int)index + 1, PIECE);
	rc = file_write_at(job->fd, bytes, PIECE, offset, err);
	if (!rc)
		writeback_begin(&job->writeback, offset, PIECE);
	return rc;
}

static void
open_job(struct job *job, bool forget)
{
	char path[] = "ferry-writeback-XXXXXX";

	/* Here, not in /tmp: that may be memory and nothing else. */
	job->fd = mkstemp(path);
	assert_true(job->fd >= 0);
	assert_int_equal(unlink(path), 0);
	writeback_init(&job->writeback, job->fd, forget);
}

/* How many of the first pages are kept in memory; reads nothing. */
static size_t
kept(int fd, size_t pages)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *there = calloc(pages, 1);
	void *map = mmap(NULL, pages * page, PROT_READ, MAP_SHARED, fd, 0);
	size_t count = 0;

	assert_non_null(there);
	assert_true(map != MAP_FAILED);
	assert_int_equal(mincore(map, pages * page, there), 0);
	for (size_t i = 0; i < pages; i++)
		count += there[i] & 1;
	munmap(map, pages * page);
	free(there);
	return count;
}

static void
expect_content(int fd)
{
	AUTO_FREE uint8_t *bytes = malloc(PIECE);
	struct ferry_error err;

	assert_non_null(bytes);
	for (size_t i = 0; i < PIECES; i++) {
		assert_int_equal(
			file_read_at(fd, bytes, PIECE, i * PIECE, &err), 0);
		for (size_t k = 0; k < PIECE; k++)
			assert_int_equal(bytes[k], i + 1);
	}
}

static void
test_nothing_is_lost(void **state)
{
	(void)state;
	for (int forget = 0; forget < 2; forget++) {
		struct job job;
		struct ferry_error err;

		open_job(&job, forget);
		assert_int_equal(
			parallel_run(PIECES, 4, write_piece, &job, &err), 0);
		expect_content(job.fd);
		close(job.fd);
	}
}

/* A piece that is on the disk is let go when WRITEBACK_BEGUN others follow. */
static void
test_memory_is_let_go(void **state)
{
	size_t pages = PIECE / (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	for (int forget = 0; forget < 2; forget++) {
		struct job job;
		struct ferry_error err;

		open_job(&job, forget);
		assert_int_equal(write_piece(&job, 0, 0, &err), 0);
		assert_int_equal(fsync(job.fd), 0);
		assert_int_equal(kept(job.fd, pages), pages);
		for (size_t i = 1; i <= WRITEBACK_BEGUN; i++)
			assert_int_equal(write_piece(&job, i, 0, &err), 0);
		assert_int_equal(kept(job.fd, pages), forget ? 0 : pages);
		close(job.fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_memory_is_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
