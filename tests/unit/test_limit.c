/*
 * registry/limit: how many uploads go at once, as outcomes move it.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/limit.h"

/* Letters of a script: uploads that end, one after the other. */
static void
play(struct limit *limit, const char *script)
{
	static const enum limit_sign signs[] = {
		['+'] = LIMIT_WELL, ['-'] = LIMIT_ILL, ['.'] = LIMIT_NOTHING
	};
	struct ferry_context *context = ferry_context_new();
	struct ferry_error err;

	for (; *script; script++) {
		unsigned round = 0;

		assert_int_equal(limit_enter(limit, context, &round, &err), 0);
		limit_leave(limit, round, signs[(unsigned char)*script]);
	}
	ferry_context_free(context);
}

static void
outcomes_move_it(void **state)
{
	static const struct {
		unsigned jobs;
		const char *script;
		unsigned now;
	} table[] = {
		/* It begins with few, or fewer. */
		{ 8, "", LIMIT_FIRST },
		{ 2, "", 2 },
		{ 1, "", 1 },
		/* One more with each good end, up to the jobs. */
		{ 8, "+", 5 },
		{ 8, "++++", 8 },
		{ 8, "++++++++", 8 },
		{ 2, "+++", 2 },
		/* What ends for our own reasons says nothing. */
		{ 8, "....", LIMIT_FIRST },
		/* Half of it with each bad one, never none. */
		{ 8, "-", 2 },
		{ 8, "--", 1 },
		{ 8, "-----", 1 },
		{ 8, "++++-", 4 },
		/* Slowly up again: as many good ends as go at once. */
		{ 8, "-+", 2 },
		{ 8, "-++", 3 },
		{ 8, "-+++++", 4 },
		{ 8, "--+", 2 },
		{ 8, "--+++", 3 },
		{ 8, "-++++++++++++++++++++++++++++++++++++", 8 },
		/* A bad end begins the count anew. */
		{ 8, "++++-+++", 4 },
		{ 8, "++++-+++-", 2 },
		{ 8, "++++-+++-+", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct limit limit;

		limit_init(&limit, table[i].jobs);
		play(&limit, table[i].script);
		if (limit.now != table[i].now || limit.busy)
			fail_msg("%u jobs, \"%s\": %u", table[i].jobs,
				 table[i].script, limit.now);
		limit_release(&limit);
	}
}

/* A line that breaks breaks all that is on it: that is one piece of news. */
static void
what_breaks_together_counts_once(void **state)
{
	struct ferry_context *context = ferry_context_new();
	struct ferry_error err;
	struct limit limit;
	unsigned round[4];

	(void)state;
	limit_init(&limit, 8);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(limit_enter(&limit, context, &round[i], &err),
				 0);
	for (size_t i = 0; i < 4; i++)
		limit_leave(&limit, round[i], LIMIT_ILL);
	assert_int_equal(limit.now, 2);
	/* So does a small request of the same time; a later one does not. */
	limit_note(&limit, round[0], LIMIT_ILL);
	assert_int_equal(limit.now, 2);
	limit_note(&limit, limit_round(&limit), LIMIT_WELL);
	assert_int_equal(limit.now, 2);
	limit_note(&limit, limit_round(&limit), LIMIT_ILL);
	assert_int_equal(limit.now, 1);
	limit_release(&limit);
	ferry_context_free(context);
}

struct crowd {
	struct limit limit;
	struct ferry_context *context;
	unsigned busy, most;
	pthread_mutex_t lock;
};

static void *
join(void *data)
{
	struct crowd *crowd = data;
	struct ferry_error err;
	unsigned round;

	if (limit_enter(&crowd->limit, crowd->context, &round, &err))
		return crowd; /* interrupted */
	pthread_mutex_lock(&crowd->lock);
	if (++crowd->busy > crowd->most)
		crowd->most = crowd->busy;
	pthread_mutex_unlock(&crowd->lock);
	(void)!context_sleep(crowd->context, 5, &err);
	pthread_mutex_lock(&crowd->lock);
	crowd->busy--;
	pthread_mutex_unlock(&crowd->lock);
	limit_leave(&crowd->limit, round, LIMIT_NOTHING);
	return NULL;
}

static void
others_wait(void **state)
{
	struct crowd crowd = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[12];

	(void)state;
	crowd.context = ferry_context_new();
	limit_init(&crowd.limit, 3);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, join, &crowd), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *said;

		pthread_join(threads[i], &said);
		assert_null(said);
	}
	assert_true(crowd.most >= 2 && crowd.most <= 3);
	limit_release(&crowd.limit);
	ferry_context_free(crowd.context);
}

static void
who_waits_can_be_interrupted(void **state)
{
	struct crowd crowd = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct ferry_error err;
	unsigned round;
	pthread_t thread;
	void *said;

	(void)state;
	crowd.context = ferry_context_new();
	limit_init(&crowd.limit, 1);
	assert_int_equal(limit_enter(&crowd.limit, crowd.context, &round, &err),
			 0);
	assert_int_equal(pthread_create(&thread, NULL, join, &crowd), 0);
	ferry_interrupt(crowd.context);
	pthread_join(thread, &said);
	assert_ptr_equal(said, &crowd);
	limit_leave(&crowd.limit, round, LIMIT_NOTHING);
	limit_release(&crowd.limit);
	ferry_context_free(crowd.context);
}

static void
answers_are_signs(void **state)
{
	static const struct {
		int rc;
		struct http_response response;
		enum limit_sign sign;
	} table[] = {
		{ 0, { .status = 201 }, LIMIT_WELL },
		{ 0, { .status = 404 }, LIMIT_WELL },
		{ 0, { .status = 413 }, LIMIT_WELL },
		{ 0, { .status = 429 }, LIMIT_ILL },
		{ 0, { .status = 503 }, LIMIT_ILL },
		{ 0, { .status = 504 }, LIMIT_ILL },
		{ 0, { .status = 413, .broken = true }, LIMIT_ILL },
		{ FERRY_E_FAILED, { .broken = true }, LIMIT_ILL },
		{ FERRY_E_FAILED, { .unreachable = true }, LIMIT_ILL },
		{ FERRY_E_DAMAGED, { 0 }, LIMIT_NOTHING },
		{ FERRY_E_INTERRUPTED, { 0 }, LIMIT_NOTHING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (limit_sign_of(table[i].rc, &table[i].response) !=
		    table[i].sign)
			fail_msg("row %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_move_it),
		cmocka_unit_test(what_breaks_together_counts_once),
		cmocka_unit_test(others_wait),
		cmocka_unit_test(who_waits_can_be_interrupted),
		cmocka_unit_test(answers_are_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
