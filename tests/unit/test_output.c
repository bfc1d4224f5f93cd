/* base/output.h: output that appears whole or not at all, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/output.h"

static char folder[] = "/tmp/ferry-output-XXXXXX";
static char path[64];
static struct output_names names;

static int
set_up(void **state)
{
	struct ferry_error err;

	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/out", folder);
	return output_names_init(&names, path, &err);
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	for (int i = 0; i < OUTPUT_NAMES; i++)
		unlink(names.text[i]);
	output_names_release(&names);
	return rmdir(folder);
}

static void
put(const char *name, const char *text)
{
	AUTO_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* `text` NULL: there is no such file. */
static void
expect(const char *name, const char *text)
{
	AUTO_BUFFER content = BUFFER(1000);
	struct ferry_error err;
	const char *found;

	if (!text) {
		assert_int_equal(access(name, F_OK), -1);
		return;
	}
	assert_int_equal(file_load(name, &content, &err), 0);
	assert_int_equal(buffer_text(&content, &found, &err), 0);
	assert_string_equal(found, text);
}

/* What stands beside the output, by enum output_name. */
static void
expect_all(const char *const texts[OUTPUT_NAMES])
{
	for (int i = 0; i < OUTPUT_NAMES; i++)
		expect(names.text[i], texts[i]);
}

static void
open_output(struct output *output)
{
	struct ferry_error err;

	if (output_resume(output, path, false, &err))
		fail_msg("%s", err.message);
}

static void
test_output_appears_with_the_commit(void **state)
{
	struct output output;
	struct ferry_error err;

	(void)state;
	put(names.text[OUTPUT_PARTIAL], "left by a killed run, and longer");
	assert_int_equal(output_open(&output, path, false, &err), 0);
	assert_int_equal(file_write_at(output.fd, "new", 3, 0, &err), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(output_commit(&output, &err), 0);
	expect(path, "new");
	assert_int_equal(access(names.text[OUTPUT_PARTIAL], F_OK), -1);
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
	assert_int_equal(access(names.text[OUTPUT_PARTIAL], F_OK), -1);
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

/* What the last run left, what is there after opening, and why. */
static void
test_what_is_found(void **state)
{
	static const struct {
		const char *why;
		const char *before[OUTPUT_NAMES];
		const char *after[OUTPUT_NAMES];
	} cases[] = {
		{ "nothing", { 0 }, { "", "", NULL, NULL } },
		{ "a pair",
		  { "file", "journal", NULL, NULL },
		  { "file", "journal", NULL, NULL } },
		{ "two pairs",
		  { "file", "journal", "old", "old journal" },
		  { "file", "journal", "old", "old journal" } },
		{ "a file without a journal",
		  { "file", NULL, NULL, NULL },
		  { "file", "", NULL, NULL } },
		{ "a journal without a file",
		  { NULL, "journal", NULL, NULL },
		  { "", "", NULL, NULL } },
		{ "a journal with an empty file",
		  { "", "journal", NULL, NULL },
		  { "", "", NULL, NULL } },
		{ "a pair that was half set aside",
		  { "file", NULL, NULL, "journal" },
		  { "", "", "file", "journal" } },
		{ "an old journal without its file",
		  { "file", "journal", NULL, "old journal" },
		  { "file", "journal", NULL, "old journal" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct output output;

		for (int k = 0; k < OUTPUT_NAMES; k++) {
			unlink(names.text[k]);
			if (cases[i].before[k])
				put(names.text[k], cases[i].before[k]);
		}
		print_message("%s\n", cases[i].why);
		open_output(&output);
		expect_all(cases[i].after);
		output.keep = true;
		output_release(&output);
		expect_all(cases[i].after);
	}
}

static void
test_setting_aside_replaces_what_was(void **state)
{
	static const char *const aside[] = { "", "", "file", "journal" };
	static const char *const dropped[] = { "", "", NULL, NULL };
	static const char *const nothing[OUTPUT_NAMES];
	struct ferry_error err;
	struct output output;

	(void)state;
	put(names.text[OUTPUT_PARTIAL], "file");
	put(names.text[OUTPUT_JOURNAL], "journal");
	put(names.text[OUTPUT_OLD_PARTIAL], "older");
	put(names.text[OUTPUT_OLD_JOURNAL], "older journal");
	open_output(&output);
	assert_int_equal(output_set_aside(&output, &err), 0);
	expect_all(aside);
	output_drop_old(&output);
	expect_all(dropped);
	output_release(&output);
	expect_all(nothing);
}

static void
test_the_commit_removes_all_else(void **state)
{
	static const char *const nothing[OUTPUT_NAMES];
	struct ferry_error err;
	struct output output;

	(void)state;
	put(names.text[OUTPUT_PARTIAL], "file");
	put(names.text[OUTPUT_JOURNAL], "journal");
	put(names.text[OUTPUT_OLD_PARTIAL], "old");
	put(names.text[OUTPUT_OLD_JOURNAL], "old journal");
	open_output(&output);
	assert_int_equal(output_commit(&output, &err), 0);
	expect(path, "file");
	expect_all(nothing);
}

/* A kill behind the rename must not leave a large file that nobody needs. */
static void
test_what_was_set_aside_goes_before_the_rename(void **state)
{
	static const char *const left[OUTPUT_NAMES] = { "file", "journal" };
	struct ferry_error err;
	struct output output;

	(void)state;
	put(names.text[OUTPUT_PARTIAL], "file");
	put(names.text[OUTPUT_JOURNAL], "journal");
	put(names.text[OUTPUT_OLD_PARTIAL], "old");
	put(names.text[OUTPUT_OLD_JOURNAL], "old journal");
	open_output(&output);
	put(path, "another's");
	assert_int_equal(output_commit(&output, &err), FERRY_E_FAILED);
	expect_all(left);
	output_release(&output);
}

/* Whoever holds either file is writing; nothing is changed or left. */
static void
test_a_rival_is_refused(void **state)
{
	(void)state;
	for (int i = OUTPUT_PARTIAL; i <= OUTPUT_JOURNAL; i++) {
		AUTO_CLOSE int fd = -1;
		struct ferry_error err;
		struct output output;

		put(names.text[i], "rival");
		fd = open(names.text[i], O_RDWR);
		assert_int_equal(flock(fd, LOCK_EX), 0);
		assert_int_equal(output_resume(&output, path, false, &err),
				 FERRY_E_FAILED);
		assert_non_null(strstr(err.message, names.text[i]));
		assert_non_null(
			strstr(err.message, "another ferry is writing it"));
		expect(names.text[i], "rival");
		expect(names.text[!i], NULL);
		unlink(names.text[i]);
	}
}

/* Who only looks is in nobody's way, and sees who writes. */
static void
test_looking_does_not_lock(void **state)
{
	struct ferry_error err;
	struct output output;

	(void)state;
	put(names.text[OUTPUT_PARTIAL], "file");
	assert_int_equal(output_check(path, false, &err), 0);
	open_output(&output);
	assert_int_equal(output_check(path, false, &err), FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "another ferry is writing it"));
	output_release(&output);
	expect(names.text[OUTPUT_PARTIAL], NULL);
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
		TEST(test_what_is_found),
		TEST(test_setting_aside_replaces_what_was),
		TEST(test_the_commit_removes_all_else),
		TEST(test_what_was_set_aside_goes_before_the_rename),
		TEST(test_a_rival_is_refused),
		TEST(test_looking_does_not_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
