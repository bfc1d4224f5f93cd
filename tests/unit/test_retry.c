/*
 * registry/retry: how long to wait, as pure functions, and whether to try
 * again at all.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "registry/retry.h"

/* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110. */
#define NOW ((time_t)784111777)

static void
retry_after_is_read_and_clamped(void **state)
{
	static const struct {
		const char *value;
		bool good;
		uint64_t wait;
	} table[] = {
		{ "0", true, 0 },
		{ "1", true, 1000 },
		{ "120", true, 120000 },
		{ "300", true, 300000 },
		{ "301", true, RETRY_AFTER_MAX },
		{ "315360000", true, RETRY_AFTER_MAX },
		{ "99999999999999999999999999", true, RETRY_AFTER_MAX },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", true, 0 },
		{ "Sun, 06 Nov 1994 08:49:42 GMT", true, 5000 },
		{ "Sun, 06 Nov 1994 08:48:00 GMT", true, 0 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", true, 0 },
		{ "Sat, 06 Nov 2004 08:49:37 GMT", true, RETRY_AFTER_MAX },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ "1.5", false, 0 },
		{ "1 s", false, 0 },
		{ "soon", false, 0 },
		/* RFC 9110 bids us take the obsolete forms too. */
		{ "Sunday, 06-Nov-94 08:49:42 GMT", true, 5000 },
		{ "Sun Nov  6 08:49:42 1994", true, 5000 },
		{ "Sun, 06 Now 1994 08:49:42 GMT", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t wait = 0;

		if (retry_after(table[i].value, NOW, &wait) != table[i].good ||
		    wait != table[i].wait)
			fail_msg("\"%s\": %llu", table[i].value,
				 (unsigned long long)wait);
	}
}

static void
backoff_doubles_up_to_a_limit(void **state)
{
	static const struct {
		unsigned nth;
		uint64_t most;
	} table[] = {
		{ 0, RETRY_FIRST },
		{ 1, 2 * RETRY_FIRST },
		{ 2, 4 * RETRY_FIRST },
		{ 5, 32 * RETRY_FIRST },
		{ 6, RETRY_LONGEST },
		{ 100, RETRY_LONGEST },
		{ UINT32_MAX, RETRY_LONGEST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t most = table[i].most;

		assert_int_equal(retry_backoff(table[i].nth, UINT32_MAX), most);
		assert_int_equal(retry_backoff(table[i].nth, 0), most / 2);
		assert_in_range(retry_backoff(table[i].nth, 1U << 31), most / 2,
				most);
	}
}

static void
only_some_statuses_are_not_final(void **state)
{
	static const int again[] = { 408, 425, 429, 500, 502, 503, 504 };
	size_t found = 0;

	(void)state;
	for (int status = 100; status < 600; status++)
		if (retry_status(status))
			assert_int_equal(status, again[found++]);
	assert_int_equal(found, ARRAY_SIZE(again));
}

struct told {
	unsigned times;
	char last[256];
};

static void
hear(void *cookie, const char *text)
{
	struct told *told = cookie;

	told->times++;
	snprintf(told->last, sizeof(told->last), "%s", text);
}

static void
attempts_are_counted_and_told(void **state)
{
	static const struct ferry_observer observer = { .notice = hear };
	struct ferry_context *context = ferry_context_new();
	struct told told = { 0 };
	struct http_response response = { .status = 503 };
	struct ferry_error err = { 0 };
	struct retry_host host = { .answers = 0 };
	struct retry retry = {
		.context = context, .what = "a/b", .host = &host, .limit = 1
	};
	bool again;

	(void)state;
	ferry_context_observe(context, &observer, &told);
	assert_int_equal(retry_next(&retry, 0, &response, &again, &err), 0);
	assert_true(again);
	assert_int_equal(host.answers, 1);
	assert_int_equal(told.times, 1);
	assert_non_null(
		strstr(told.last, "a/b: answered 503; trying again in 0."));
	assert_non_null(strstr(told.last, "s (1 of 1)"));
	assert_int_equal(retry_next(&retry, 0, &response, &again, &err), 0);
	assert_false(again);
	assert_int_equal(told.times, 1);
	ferry_context_free(context);
}

/* What is worth another try after a failure, not an answer. */
static void
failures_are_told_apart(void **state)
{
	static const struct {
		struct http_response response;
		unsigned answers;
		bool again;
	} table[] = {
		{ { .broken = true }, 0, true },
		{ { .unreachable = true }, 0, false },
		{ { .unreachable = true }, 1, true },
		/* A sink's error, memory: not the network's fault. */
		{ { .status = 200 }, 1, false },
		{ { .status = 503 }, 1, false },
	};
	struct ferry_context *context = ferry_context_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct retry_host host = { .answers = table[i].answers };
		struct retry retry = { .context = context,
				       .what = "x",
				       .host = &host,
				       .limit = 3 };
		struct ferry_error err = { .code = FERRY_E_FAILED,
					   .message = "why" };
		bool again;
		int rc = retry_next(&retry, FERRY_E_FAILED, &table[i].response,
				    &again, &err);

		assert_int_equal(again, table[i].again);
		assert_int_equal(rc, again ? 0 : FERRY_E_FAILED);
		assert_string_equal(err.message, "why");
	}
	ferry_context_free(context);
}

/* A transfer that moves may break as often as it likes. */
static void
progress_is_rewarded(void **state)
{
	static const struct {
		uint64_t moved;
		bool lasts;
		const char *said;
	} table[] = {
		{ RETRY_PROGRESS, true, " s (1 of 2)" },
		{ RETRY_PROGRESS, true, " s (1 of 2)" },
		{ RETRY_PROGRESS - 1, true, " s (2 of 2)" },
		{ RETRY_AT_ONCE, true,
		  "x: why; trying again at once (1 of 2)" },
		{ RETRY_AT_ONCE, false, "again at once (2 of 2)" },
	};
	static const struct ferry_observer observer = { .notice = hear };
	struct ferry_context *context = ferry_context_new();
	struct http_response response = { .broken = true };
	struct told told = { 0 };
	struct retry_host host = { .answers = 0 };
	struct retry retry = {
		.context = context, .what = "x", .host = &host, .limit = 2
	};
	bool again;

	(void)state;
	ferry_context_observe(context, &observer, &told);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ferry_error err = { .code = FERRY_E_FAILED,
					   .message = "why" };

		retry_moved(&retry, table[i].moved, table[i].lasts);
		assert_int_equal(retry_next(&retry, FERRY_E_FAILED, &response,
					    &again, &err),
				 0);
		assert_true(again);
		if (!strstr(told.last, table[i].said))
			fail_msg("%zu: %s", i, told.last);
	}
	ferry_context_free(context);
}

static void *
answer_soon(void *cookie)
{
	static const struct timespec soon = { .tv_nsec = 50000000 };

	nanosleep(&soon, NULL);
	atomic_fetch_add((atomic_uint *)cookie, 1);
	return NULL;
}

/* Who found the host again tells the others; they rest for a second first. */
static void
a_host_that_is_back_ends_the_wait(void **state)
{
	struct ferry_context *context = ferry_context_new();
	struct http_response response = { .unreachable = true };
	struct ferry_error err = { .code = FERRY_E_FAILED, .message = "why" };
	struct retry_host host = { .answers = 1 };
	struct retry retry = { .context = context,
			       .what = "x",
			       .host = &host,
			       .limit = 100,
			       .done = 10 };
	uint64_t began = clock_milliseconds();
	pthread_t thread;
	bool again;

	(void)state;
	assert_int_equal(
		pthread_create(&thread, NULL, answer_soon, &host.answers), 0);
	assert_int_equal(
		retry_next(&retry, FERRY_E_FAILED, &response, &again, &err), 0);
	assert_true(again);
	assert_in_range(clock_milliseconds() - began, 1000, 5000);
	pthread_join(thread, NULL);
	ferry_context_free(context);
}

static void
waiting_can_be_interrupted(void **state)
{
	struct ferry_context *context = ferry_context_new();
	struct http_response response = { .broken = true };
	struct retry_host host = { .answers = 0 };
	struct retry retry = {
		.context = context, .what = "x", .host = &host, .limit = 3
	};
	struct ferry_error err = { .code = FERRY_E_FAILED, .message = "why" };
	bool again;

	(void)state;
	ferry_interrupt(context);
	assert_int_equal(
		retry_next(&retry, FERRY_E_FAILED, &response, &again, &err),
		FERRY_E_INTERRUPTED);
	assert_string_equal(err.message, "interrupted");
	ferry_context_free(context);
}

/* However often it may be tried: waiting for nothing has an end. */
static void
patience_ends(void **state)
{
	static const struct {
		struct http_response response;
		int rc;
		uint64_t began; /* so long ago, milliseconds */
		uint64_t moved;
		const char *message; /* NULL: tried again */
	} table[] = {
		{ { .broken = true }, FERRY_E_FAILED, 1000, 1000, NULL },
		{ { .broken = true }, FERRY_E_FAILED, 90000, 1000, NULL },
		{ { .broken = true }, FERRY_E_FAILED, 1000, 90000, NULL },
		{ { .broken = true },
		  FERRY_E_FAILED,
		  90000,
		  90000,
		  "why; nothing has come of it for 60 s (--give-up-after)" },
		{ { .status = 503 },
		  0,
		  90000,
		  90000,
		  "x: answered 503, and nothing has come of it for 60 s "
		  "(--give-up-after)" },
	};
	struct ferry_context *context = ferry_context_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct retry_host host = { 0 };
		struct retry retry = { .context = context,
				       .what = "x",
				       .host = &host,
				       .limit = 3 };
		struct ferry_error err = { .code = table[i].rc,
					   .message = "why" };
		uint64_t now = clock_milliseconds();
		bool again;
		int rc;

		retry_host_init(&host, 60);
		retry.began = now - table[i].began;
		atomic_store(&host.moved_at, now - table[i].moved);
		rc = retry_next(&retry, table[i].rc, &table[i].response, &again,
				&err);
		assert_int_equal(again, !table[i].message);
		assert_int_equal(rc, table[i].message ? FERRY_E_FAILED : 0);
		if (table[i].message)
			assert_string_equal(err.message, table[i].message);
	}
	ferry_context_free(context);
}

/* It may be about to be tried again when Ctrl-C comes: the answer is old. */
static void
an_interruption_is_not_tried_again(void **state)
{
	static const struct ferry_observer observer = { .notice = hear };
	struct ferry_context *context = ferry_context_new();
	struct http_response response = { .broken = true };
	struct told told = { 0 };
	struct retry_host host = { .answers = 1 };
	struct retry retry = {
		.context = context, .what = "x", .host = &host, .limit = 3
	};
	struct ferry_error err = { .code = FERRY_E_INTERRUPTED };
	bool again;

	(void)state;
	ferry_context_observe(context, &observer, &told);
	assert_int_equal(retry_next(&retry, FERRY_E_INTERRUPTED, &response,
				    &again, &err),
			 FERRY_E_INTERRUPTED);
	assert_false(again);
	assert_string_equal(told.last, "");
	ferry_context_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_after_is_read_and_clamped),
		cmocka_unit_test(backoff_doubles_up_to_a_limit),
		cmocka_unit_test(an_interruption_is_not_tried_again),
		cmocka_unit_test(only_some_statuses_are_not_final),
		cmocka_unit_test(attempts_are_counted_and_told),
		cmocka_unit_test(failures_are_told_apart),
		cmocka_unit_test(progress_is_rewarded),
		cmocka_unit_test(a_host_that_is_back_ends_the_wait),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(waiting_can_be_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
