/* base/file.h: output that appears whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"

static char folder[] = "/tmp/ferry-file-XXXXXX";
static char path[64];
static char partial[80];

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/out", folder);
	snprintf(partial, sizeof(partial), "%s.partial", path);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(partial);
	return rmdir(folder);
}

static void
put(const char *name, const char *text)
{
	AUTO_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
expect(const char *name, const char *text)
{
	AUTO_BUFFER content = BUFFER(1000);
	struct ferry_error err;
	const char *found;

	assert_int_equal(file_load(name, &content, &err), 0);
	assert_int_equal(buffer_text(&content, &found, &err), 0);
	assert_string_equal(found, text);
}

static void
test_output_appears_with_the_commit(void **state)
{
	struct output output;
	struct ferry_error err;

	(void)state;
	put(partial, "left by a killed run, and longer");
	assert_int_equal(output_open(&output, path, false, &err), 0);
	assert_int_equal(file_write_at(output.fd, "new", 3, 0, &err), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(output_commit(&output, &err), 0);
	expect(path, "new");
	assert_int_equal(access(partial, F_OK), -1);
}

static void
test_dropped_output_leaves_what_was_there(void **state)
{
	struct output output;
	struct ferry_error err;

	(void)state;
	put(path, "old");
	assert_int_equal(output_open(&output, path, false, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "--force"));
	assert_int_equal(output_open(&output, path, true, &err), 0);
	assert_int_equal(file_write_at(output.fd, "new", 3, 0, &err), 0);
	output_release(&output);
	expect(path, "old");
	assert_int_equal(access(partial, F_OK), -1);
}

static void
test_a_rival_that_appears_is_not_overwritten(void **state)
{
	struct output output;
	struct ferry_error err;

	(void)state;
	assert_int_equal(output_open(&output, path, false, &err), 0);
	put(path, "another's");
	assert_int_equal(output_commit(&output, &err), FERRY_E_FAILED);
	output_release(&output);
	expect(path, "another's");
}

static void
test_odd_destinations_are_refused(void **state)
{
	static const struct {
		const char *path;
		const char *says;
	} bad[] = {
		{ "/nonexistent/folder/out", "/nonexistent/folder/out: the "
					     "folder /nonexistent/folder "
					     "does not exist" },
		{ "/dev/null", "no regular file" },
		{ "/tmp", "no regular file" },
		{ "/etc/passwd/out", "is no folder" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ferry_error err;

		assert_int_equal(output_check(bad[i].path, true, &err),
				 FERRY_E_FAILED);
		if (!strstr(err.message, bad[i].says))
			fail_msg("'%s' lacks '%s'", err.message, bad[i].says);
	}
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
		TEST(test_output_appears_with_the_commit),
		TEST(test_dropped_output_leaves_what_was_there),
		TEST(test_a_rival_that_appears_is_not_overwritten),
		TEST(test_odd_destinations_are_refused),
		TEST(test_room_knows_fat_and_ulimit),
		TEST(test_a_file_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
