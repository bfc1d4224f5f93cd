#include "registry/limit.h"

#include <time.h>

/* Somebody who waits looks so often whether it was interrupted. */
#define LOOK_EVERY 100 /* milliseconds */

void
limit_init(struct limit *limit, unsigned most)
{
	*limit = (struct limit){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.most = most,
		.now = most < LIMIT_FIRST ? most : LIMIT_FIRST,
		.calm = most,
	};
	pthread_cond_init(&limit->room, NULL);
}

void
limit_release(struct limit *limit)
{
	pthread_cond_destroy(&limit->room);
	pthread_mutex_destroy(&limit->lock);
}

static void
wait_a_moment(struct limit *limit)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOK_EVERY * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&limit->room, &limit->lock, &until);
}

int
limit_enter(struct limit *limit, const struct ferry_context *context,
	    unsigned *round, struct ferry_error *err)
{
	int rc;

	pthread_mutex_lock(&limit->lock);
	for (;;) {
		rc = context_check(context, err);
		if (rc || limit->busy < limit->now)
			break;
		wait_a_moment(limit);
	}
	if (!rc) {
		limit->busy++;
		*round = limit->round;
	}
	pthread_mutex_unlock(&limit->lock);
	return rc;
}

static void
grow(struct limit *limit)
{
	unsigned enough = limit->now < limit->calm ? 1 : limit->now;

	if (++limit->well < enough || limit->now >= limit->most)
		return;
	limit->now++;
	limit->well = 0;
}

static void
halve(struct limit *limit)
{
	limit->now = limit->now > 1 ? limit->now / 2 : 1;
	limit->calm = limit->now;
	limit->well = 0;
	limit->round++;
}

void
limit_leave(struct limit *limit, unsigned round, enum limit_sign sign)
{
	pthread_mutex_lock(&limit->lock);
	limit->busy--;
	if (sign == LIMIT_WELL)
		grow(limit);
	else if (sign == LIMIT_ILL && round == limit->round)
		halve(limit);
	pthread_cond_broadcast(&limit->room);
	pthread_mutex_unlock(&limit->lock);
}

unsigned
limit_round(struct limit *limit)
{
	unsigned round;

	pthread_mutex_lock(&limit->lock);
	round = limit->round;
	pthread_mutex_unlock(&limit->lock);
	return round;
}

void
limit_note(struct limit *limit, unsigned round, enum limit_sign sign)
{
	pthread_mutex_lock(&limit->lock);
	if (sign == LIMIT_ILL && round == limit->round)
		halve(limit);
	pthread_mutex_unlock(&limit->lock);
}

enum limit_sign
limit_sign_of(int rc, const struct http_response *response)
{
	if (rc)
		return response->broken || response->unreachable
			       ? LIMIT_ILL
			       : LIMIT_NOTHING;
	switch (response->status) {
	case 429:
	case 503:
	case 504:
		return LIMIT_ILL;
	default:
		return response->broken ? LIMIT_ILL : LIMIT_WELL;
	}
}
