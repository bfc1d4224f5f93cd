/* base/parallel.h: each index once, and the error of the lowest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/parallel.h"

#define MANY 1000

struct work {
	atomic_int seen[MANY];
	atomic_int busy[8];
	size_t fails_at; /* MANY: nowhere */
	size_t slow_failure;
};

static int
task(void *data, size_t index, unsigned worker, struct ferry_error *err)
{
	struct work *work = data;

	/* A worker's number is one thread's at a time. */
	assert_int_equal(atomic_fetch_add(&work->busy[worker], 1), 0);
	atomic_fetch_add(&work->seen[index], 1);
	if (index == work->slow_failure)
		usleep(20000);
	atomic_fetch_sub(&work->busy[worker], 1);
	if (index >= work->fails_at)
		return error_set(err, FERRY_E_FAILED, "at %zu", index);
	return 0;
}

static void
test_each_index_runs_once(void **state)
{
	static const unsigned jobs[] = { 1, 2, 8 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct work work = { .fails_at = MANY, .slow_failure = MANY };
		struct ferry_error err;

		assert_int_equal(parallel_run(MANY, jobs[i], task, &work, &err),
				 0);
		for (size_t k = 0; k < MANY; k++)
			assert_int_equal(work.seen[k], 1);
	}
}

static void
test_the_lowest_failure_is_told(void **state)
{
	struct work work = { .fails_at = 100, .slow_failure = 100 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(parallel_run(MANY, 8, task, &work, &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message, "at 100");
	assert_int_equal(work.seen[MANY - 1], 0);
}

static void
test_nothing_to_do_is_done(void **state)
{
	struct work work = { .fails_at = 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(parallel_run(0, 8, task, &work, &err), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_index_runs_once),
		cmocka_unit_test(test_the_lowest_failure_is_told),
		cmocka_unit_test(test_nothing_to_do_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
