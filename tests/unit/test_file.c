/* base/file.h: what is read has a limit, and what a file system can take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"

static char folder[] = "/tmp/ferry-file-XXXXXX";
static char path[64];

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/out", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void
put(const char *name, const char *text)
{
	AUTO_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
test_room_knows_fat_and_ulimit(void **state)
{
	struct rlimit before;
	struct rlimit small;
	struct file_room room;
	struct ferry_error err;

	(void)state;
	assert_int_equal(file_system_limit(0x4d44), 0xffffffff);
	assert_int_equal(file_system_limit(0xef53), UINT64_MAX);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 12345;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(file_room(path, &room, &err), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(room.largest, 12345);
	assert_non_null(strstr(room.why, "ulimit"));
	assert_true(room.free > 0);
}

static void
test_a_file_has_a_limit(void **state)
{
	AUTO_BUFFER content = BUFFER(4);
	struct ferry_error err;

	(void)state;
	put(path, "12345");
	assert_int_equal(file_load(path, &content, &err), FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "more than 4 bytes"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_room_knows_fat_and_ulimit),
		TEST(test_a_file_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
