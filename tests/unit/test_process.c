/*
 * base/process: helpers that behave, and helpers that do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"

static int
run(const char *script, const char *input, uint64_t milliseconds,
    struct buffer *out, int *status, struct ferry_error *err)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct ferry_context *context = ferry_context_new();
	int rc = process_run(context, argv, input, milliseconds, out, status,
			     err);

	ferry_context_free(context);
	return rc;
}

static void
output_and_status_come_back(void **state)
{
	static const struct {
		const char *script;
		const char *input;
		const char *output;
		int status;
	} table[] = {
		{ "cat", "quay.io", "quay.io", 0 },
		{ "cat; exit 3", "x", "x", 3 },
		{ "exit 1", "nobody reads this", "", 1 },
		{ "cat /dev/stdin", "x", "x", 0 },
		{ "echo noise >&2; printf a; printf b", "", "ab", 0 },
		{ "exec >&-; exit 4", "", "", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_BUFFER out = BUFFER(64);
		struct ferry_error err = { 0 };
		const char *text = NULL;
		int status = -1;

		if (run(table[i].script, table[i].input, 10000, &out, &status,
			&err))
			fail_msg("%s: %s", table[i].script, err.message);
		assert_int_equal(status, table[i].status);
		assert_int_equal(buffer_text(&out, &text, &err), 0);
		assert_string_equal(text, table[i].output);
	}
}

static void
misbehaviour_is_ended(void **state)
{
	static const struct {
		const char *script;
		const char *message;
	} table[] = {
		{ "sleep 60", "sh: took too long" },
		{ "exec >&-; sleep 60", "sh: took too long" },
		{ "while :; do echo endless; done",
		  "sh: prints: more than 64 bytes" },
		{ "kill -9 $$", "sh: ended by signal 9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t before = clock_milliseconds();
		AUTO_BUFFER out = BUFFER(64);
		struct ferry_error err = { 0 };
		int status = -1;

		assert_int_equal(
			run(table[i].script, "", 300, &out, &status, &err),
			FERRY_E_FAILED);
		assert_string_equal(err.message, table[i].message);
		assert_int_equal(status, -1);
		assert_in_range(clock_milliseconds() - before, 0, 5000);
	}
}

static void
a_missing_program_is_told_apart(void **state)
{
	const char *const argv[] = { "ferry-no-such-program", NULL };
	struct ferry_context *context = ferry_context_new();
	AUTO_BUFFER out = BUFFER(64);
	struct ferry_error err = { 0 };
	int status;

	(void)state;
	assert_int_equal(
		process_run(context, argv, "", 1000, &out, &status, &err),
		FERRY_E_NOT_FOUND);
	assert_string_equal(err.message,
			    "ferry-no-such-program: no such program");
	ferry_context_free(context);
}

static void
an_interruption_ends_it(void **state)
{
	const char *const argv[] = { "sleep", "60", NULL };
	struct ferry_context *context = ferry_context_new();
	AUTO_BUFFER out = BUFFER(64);
	struct ferry_error err = { 0 };
	int status;

	(void)state;
	ferry_interrupt(context);
	assert_int_equal(
		process_run(context, argv, "", 60000, &out, &status, &err),
		FERRY_E_INTERRUPTED);
	ferry_context_free(context);
}

#define PATIENCE 700 /* milliseconds */

/* Feeds `size` bytes in pieces to `script`; returns what failed first. */
static int
feed(struct process *process, struct ferry_context *context, const char *script,
     size_t size, struct buffer *printed, int *status, struct ferry_error *err)
{
	static const char piece[32768];
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct process_options options = { .argv = argv,
						 .out = printed,
						 .milliseconds = PATIENCE };
	int rc = process_start(process, context, &options, err);

	while (!rc && size) {
		size_t part = size < sizeof(piece) ? size : sizeof(piece);

		rc = sink_write(&process->sink, piece, part, err);
		size -= part;
	}
	if (!rc || process->closed)
		rc = process_finish(process, status, err);
	return rc;
}

#define MB ((size_t)1 << 20)

static void
what_is_fed_arrives(void **state)
{
	static const struct {
		const char *script;
		size_t size;
		const char *printed;
		const char *words;
		int status;
		bool closed;
	} table[] = {
		{ "wc -c", 40 * MB, "41943040\n", "", 0, false },
		{ "wc -c; echo no >&2; exit 7", 0, "0\n", "no", 7, false },
		/* Ends early, or closes its input only. */
		{ "head -c 9 | wc -c; echo full >&2; exit 1", 8 * MB, "9\n",
		  "full", 1, true },
		{ "exit 3", 8 * MB, "", "", 3, true },
		{ "exec <&-; sleep 0.1; echo late", 8 * MB, "late\n", "", 0,
		  true },
		/* Talks a lot before, while and after it reads. */
		{ "head -c 300000 /dev/zero >&2; wc -c; "
		  "head -c 300000 /dev/zero >&2; echo; echo end >&2",
		  8 * MB, "8388608\n\n", NULL, 0, false },
		/* As long as it does something, time does not matter. */
		{ "for i in 1 2 3 4 5 6 7 8; do sleep 0.1; head -c 100000 "
		  ">/dev/null; done; cat >/dev/null; for i in 1 2 3 4 5 6 7 8; do "
		  "sleep 0.1; echo $i; done",
		  2 * MB, "1\n2\n3\n4\n5\n6\n7\n8\n", "", 0, false },
		/* A child of its own that stays behind holds nobody up. */
		{ "cat >/dev/null; sleep 2 & echo gone", 4, "gone\n", "", 0,
		  false },
		{ "printf 'one\\n\\ntwo\\nthree\\r\\nfour\\n\\n' >&2", 0, "",
		  "two; three; four", 0, false },
	};
	struct ferry_context *context = ferry_context_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(process_release) struct process process = { 0 };
		AUTO_BUFFER printed = BUFFER(256);
		struct ferry_error err = { 0 };
		char words[PROCESS_WORDS_MAX];
		const char *text = NULL;
		int status = -1;

		if (feed(&process, context, table[i].script, table[i].size,
			 &printed, &status, &err))
			fail_msg("%s: %s", table[i].script, err.message);
		assert_int_equal(status, table[i].status);
		assert_int_equal(process.closed, table[i].closed);
		assert_int_equal(buffer_text(&printed, &text, &err), 0);
		assert_string_equal(text, table[i].printed);
		if (table[i].words)
			assert_string_equal(process_words(&process, words),
					    table[i].words);
	}
	ferry_context_free(context);
}

static void
what_does_not_eat_is_ended(void **state)
{
	static const struct {
		const char *script;
		size_t size;
		bool wanted; /* somebody wants to read what it prints */
		const char *message;
	} table[] = {
		{ "sleep 60", 8 * MB, true, "sh: stood still for too long" },
		{ "sleep 60", 1, true, "sh: stood still for too long" },
		{ "head -c 100000 >/dev/null; sleep 60", 8 * MB, true,
		  "sh: stood still for too long" },
		{ "exec >&- 2>&-; sleep 60", 1, true,
		  "sh: stood still for too long" },
		{ "head -c 1G /dev/zero", 8 * MB, true,
		  "sh: prints: more than 256 bytes" },
		{ "head -c 1G /dev/zero", 8 * MB, false,
		  "sh: prints without end" },
		{ "head -c 1G /dev/zero >&2; exit 0", 0, true,
		  "sh: prints without end" },
		{ "head -c 100000 >/dev/null; kill -9 $$", 8 * MB, true,
		  "sh: ended by signal 9" },
		{ "kill -TERM $$", 0, true, "sh: ended by signal 15" },
	};
	struct ferry_context *context = ferry_context_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t before = clock_milliseconds();
		AUTO(process_release) struct process process = { 0 };
		AUTO_BUFFER printed = BUFFER(256);
		struct ferry_error err = { 0 };
		int status = -1;

		assert_int_equal(
			feed(&process, context, table[i].script, table[i].size,
			     table[i].wanted ? &printed : NULL, &status, &err),
			FERRY_E_FAILED);
		assert_string_equal(err.message, table[i].message);
		assert_int_equal(status, -1);
		process_release(&process);
		assert_in_range(clock_milliseconds() - before, 0, 5000);
	}
	ferry_context_free(context);
}

/* A helper's helpers end with it, and so does the pipe that they hold. */
static void
the_release_ends_its_children_too(void **state)
{
	const char *const argv[] = { "sh", "-c", "sleep 61 & wait", NULL };
	struct ferry_context *context = ferry_context_new();
	int witness[2];
	char byte;
	struct process process;
	struct ferry_error err = { 0 };
	const struct process_options options = { .argv = argv,
						 .milliseconds = 60000 };

	(void)state;
	/* Inherited on purpose: at its end when the last of them has gone. */
	assert_int_equal(pipe(witness), 0);
	assert_int_equal(process_start(&process, context, &options, &err), 0);
	close(witness[1]);
	process_release(&process);
	assert_int_equal(read(witness[0], &byte, 1), 0);
	close(witness[0]);
	ferry_context_free(context);
}

static void
an_interruption_stops_the_feeding(void **state)
{
	const char *const argv[] = { "sleep", "60", NULL };
	struct ferry_context *context = ferry_context_new();
	AUTO(process_release) struct process process = { 0 };
	const struct process_options options = { .argv = argv,
						 .milliseconds = 60000 };
	struct ferry_error err = { 0 };
	int status;

	(void)state;
	assert_int_equal(process_start(&process, context, &options, &err), 0);
	ferry_interrupt(context);
	assert_int_equal(sink_write(&process.sink, "x", 1, &err),
			 FERRY_E_INTERRUPTED);
	assert_int_equal(process_finish(&process, &status, &err),
			 FERRY_E_INTERRUPTED);
	process_release(&process);
	ferry_context_free(context);
}

/* Hopes twice. */
static int
hope_a_little(const void *cookie, struct ferry_error *err)
{
	unsigned *asked = *(unsigned *const *)cookie;

	return ++*asked < 3
		       ? 0
		       : error_set(err, FERRY_E_NOT_FOUND, "gone for good");
}

static void
what_waits_in_vain_is_ended(void **state)
{
	const char *const argv[] = { "sleep", "60", NULL };
	struct ferry_context *context = ferry_context_new();
	AUTO(process_release) struct process process = { 0 };
	unsigned asked = 0;
	unsigned *const counter = &asked;
	const struct process_options options = { .argv = argv,
						 .milliseconds = 60000,
						 .hope = hope_a_little,
						 .cookie = &counter,
						 .doubt = 100 };
	struct ferry_error err = { 0 };
	int status;

	(void)state;
	assert_int_equal(process_start(&process, context, &options, &err), 0);
	assert_int_equal(process_finish(&process, &status, &err),
			 FERRY_E_NOT_FOUND);
	assert_string_equal(err.message, "sleep: gone for good");
	assert_int_equal(asked, 3);
	assert_false(process.still);
	process_release(&process);
	ferry_context_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_come_back),
		cmocka_unit_test(misbehaviour_is_ended),
		cmocka_unit_test(a_missing_program_is_told_apart),
		cmocka_unit_test(an_interruption_ends_it),
		cmocka_unit_test(what_is_fed_arrives),
		cmocka_unit_test(what_does_not_eat_is_ended),
		cmocka_unit_test(the_release_ends_its_children_too),
		cmocka_unit_test(an_interruption_stops_the_feeding),
		cmocka_unit_test(what_waits_in_vain_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
