/*
 * registry/upload_record: what is kept of an upload for a later run.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "registry/upload_record.h"

#define SESSION "https://r.example/v2/a/blobs/uploads/1?_state=x"

static const struct digest layer = {
	"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
	"f"
};
static const struct upload_name upload = { "r.example", "a", &layer, 1000 };

struct place {
	char top[64];	/* made anew for each test */
	char state[80]; /* not there yet */
};

static int
make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->top, "/tmp/ferry-record-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	snprintf(place->state, sizeof(place->state), "%s/a/ferry", place->top);
	*state = place;
	return 0;
}

static int
remove_place(void **state)
{
	struct place *place = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", place->top);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	free(place);
	return 0;
}

static void
open_it(struct upload_record *record, const struct place *place)
{
	struct ferry_error why;

	upload_record_open(record, place->state, &upload, &why);
	if (why.code)
		fail_msg("%s", why.message);
}

static void
write_it(struct upload_record *record, uint64_t accepted)
{
	char session[] = SESSION;
	struct upload_progress progress = { session, accepted, 100 };
	struct ferry_error err;

	assert_int_equal(upload_record_write(record, &upload, &progress, &err),
			 0);
}

static mode_t
mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

/* The one file that is there, as a path. */
static void
path_of(char out[200], const struct place *place,
	const struct upload_record *record, const char *suffix)
{
	snprintf(out, 200, "%s/uploads/%s%s", place->state, record->hex,
		 suffix);
}

static void
what_is_written_is_read(void **state)
{
	struct place *place = *state;
	struct upload_record record = UPLOAD_RECORD;
	struct upload_progress found = { 0 };
	char path[200];

	open_it(&record, place);
	assert_false(upload_record_read(&record, &upload, &found));
	write_it(&record, 300);
	write_it(&record, 400);
	upload_record_close(&record);
	open_it(&record, place);
	assert_true(upload_record_read(&record, &upload, &found));
	assert_string_equal(found.session, SESSION);
	assert_int_equal(found.accepted, 400);
	assert_int_equal(found.chunk, 100);
	upload_progress_release(&found);
	path_of(path, place, &record, ".json");
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(mode_of(place->state), 0700);
	upload_record_remove(&record);
	assert_int_equal(access(path, F_OK), -1);
	assert_false(upload_record_read(&record, &upload, &found));
	upload_record_close(&record);
	path_of(path, place, &record, ".lock");
	assert_int_equal(access(path, F_OK), -1);
}

static void
one_at_a_time_has_it(void **state)
{
	struct place *place = *state;
	struct upload_record first = UPLOAD_RECORD;
	struct upload_record second = UPLOAD_RECORD;
	struct upload_progress found = { 0 };

	open_it(&first, place);
	write_it(&first, 300);
	open_it(&second, place);
	assert_int_equal(second.folder, -1);
	assert_false(upload_record_read(&second, &upload, &found));
	upload_record_close(&second);
	upload_record_close(&first);
	open_it(&second, place);
	assert_true(upload_record_read(&second, &upload, &found));
	upload_progress_release(&found);
	upload_record_close(&second);
}

static void
a_folder_that_others_see_is_not_used(void **state)
{
	struct place *place = *state;
	struct upload_record record = UPLOAD_RECORD;
	struct ferry_error why;
	char path[200];

	open_it(&record, place);
	upload_record_close(&record);
	assert_int_equal(chmod(place->state, 0750), 0);
	upload_record_open(&record, place->state, &upload, &why);
	assert_int_equal(record.folder, -1);
	snprintf(path, sizeof(path),
		 "%s: others may look into it (mode 750, not 700)",
		 place->state);
	assert_string_equal(why.message, path);
	assert_int_equal(chmod(place->state, 0700), 0);
	/* Nor is one that is a link to somewhere else. */
	snprintf(path, sizeof(path), "%s/link", place->top);
	assert_int_equal(symlink(place->state, path), 0);
	upload_record_open(&record, path, &upload, &why);
	assert_int_equal(record.folder, -1);
	assert_int_equal(why.code, FERRY_E_FAILED);
}

/* Another upload's, an older format's, or nonsense: as if there was none. */
static void
what_does_not_fit_is_none(void **state)
{
#define GOOD                                                                   \
	"\"registry\": \"r.example\", \"repository\": \"a\", \"session\": "    \
	"\"" SESSION "\", \"chunk\": 100, "
	static const struct {
		const char *text;
		bool good;
	} table[] = {
		{ "{" GOOD "\"version\": 1, \"digest\": \"%s\", \"accepted\": "
		  "1000, \"time\": %llu}",
		  true },
		{ "{" GOOD "\"version\": 2, \"digest\": \"%s\", \"accepted\": "
		  "1000, \"time\": %llu}",
		  false },
		{ "{" GOOD "\"version\": 1, \"digest\": \"%s\", \"accepted\": "
		  "1001, \"time\": %llu}",
		  false },
		{ "{" GOOD "\"version\": 1, \"digest\": \"x%s\", \"accepted\": "
		  "1, \"time\": %llu}",
		  false },
		{ "{" GOOD "\"version\": 1, \"digest\": \"%s\", \"accepted\": "
		  "-1, \"time\": %llu}",
		  false },
		{ "{\"version\": 1, \"digest\": \"%s\", \"time\": %llu}",
		  false },
		{ "not JSON %s %llu", false },
		{ "%.0s%.0llu", false },
	};
	struct place *place = *state;
	struct upload_record record = UPLOAD_RECORD;
	char path[200];

	open_it(&record, place);
	path_of(path, place, &record, ".json");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct upload_progress found = { 0 };
		FILE *file = fopen(path, "w");

		assert_non_null(file);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		fprintf(file, table[i].text, layer.text,
			(unsigned long long)time(NULL));
#pragma GCC diagnostic pop
		fclose(file);
		if (upload_record_read(&record, &upload, &found) !=
		    table[i].good)
			fail_msg("row %zu", i);
		upload_progress_release(&found);
	}
	upload_record_close(&record);
}

static void
what_is_old_is_none(void **state)
{
	struct place *place = *state;
	struct upload_record record = UPLOAD_RECORD;
	struct upload_progress found = { 0 };
	unsigned long long now = (unsigned long long)time(NULL);
	char path[200];
	FILE *file;

	open_it(&record, place);
	path_of(path, place, &record, ".json");
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"{" GOOD "\"version\": 1, \"digest\": \"%s\", \"accepted\": "
		"1, \"time\": %llu}",
		layer.text, now - UPLOAD_RECORD_SECONDS - 1);
	fclose(file);
	assert_false(upload_record_read(&record, &upload, &found));
	upload_record_close(&record);
}

static void
make_file(const struct place *place, const char *name, time_t age)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     { .tv_sec = time(NULL) - age } };
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/uploads/%s", place->state, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* Of uploads that nobody has gone on with, and of nothing else. */
static void
what_is_old_is_swept(void **state)
{
#define OLD (UPLOAD_RECORD_SECONDS + 60)
#define YOUNG (UPLOAD_RECORD_SECONDS - 60)
#define HEX "89abcdef0123456789abcdef0123456789abcdef0123456789abcdef012345"
	static const struct {
		const char *name;
		time_t age;
		bool stays;
	} table[] = {
		{ HEX "00.json", OLD, false },	{ HEX "00.lock", OLD, false },
		{ HEX "01.lock", OLD, false },	{ HEX "02.new", OLD, false },
		{ HEX "03.json", YOUNG, true }, { HEX "03.new", YOUNG, true },
		{ HEX "04.json", YOUNG, true }, { HEX "04.new", OLD, true },
		{ HEX "x5.json", OLD, true },	{ "notes", OLD, true },
	};
	struct place *place = *state;
	struct upload_record record = UPLOAD_RECORD;
	char path[200];

	open_it(&record, place);
	upload_record_close(&record);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		make_file(place, table[i].name, table[i].age);
	open_it(&record, place);
	upload_record_close(&record);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(path, sizeof(path), "%s/uploads/%s", place->state,
			 table[i].name);
		if ((access(path, F_OK) == 0) != table[i].stays)
			fail_msg("%s", table[i].name);
	}
}

/* It has been for a week on its way, and is not done. */
static void
what_is_at_work_is_not_swept(void **state)
{
	struct place *place = *state;
	const struct upload_name other = { "r.example", "b", &layer, 1000 };
	struct upload_record busy = UPLOAD_RECORD;
	struct upload_record record = UPLOAD_RECORD;
	struct ferry_error why;
	char name[DIGEST_HEX + 8];
	char path[200];

	open_it(&busy, place);
	write_it(&busy, 300);
	snprintf(name, sizeof(name), "%s.json", busy.hex);
	make_file(place, name, OLD);
	upload_record_open(&record, place->state, &other, &why);
	assert_true(record.folder >= 0);
	upload_record_close(&record);
	path_of(path, place, &busy, ".json");
	assert_int_equal(access(path, F_OK), 0);
	path_of(path, place, &busy, ".lock");
	assert_int_equal(access(path, F_OK), 0);
	upload_record_close(&busy);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(one_at_a_time_has_it),
		TEST(a_folder_that_others_see_is_not_used),
		TEST(what_does_not_fit_is_none),
		TEST(what_is_old_is_none),
		TEST(what_is_old_is_swept),
		TEST(what_is_at_work_is_not_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
