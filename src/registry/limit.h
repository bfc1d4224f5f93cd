/*
 * How many uploads a registry, and the way to it, bear at once.
 *
 * As TCP finds out what a line bears (RFC 5681): it begins with few, lets one
 * more go with each that ended well, and halves them when the registry pushes
 * back or connections break.  Registries forget what was under way when a
 * connection breaks, so fewer at once is less to send again.
 */
#ifndef REGISTRY_LIMIT_H
#define REGISTRY_LIMIT_H

#include <pthread.h>

#include "base/context.h"
#include "net/http.h"

#define LIMIT_FIRST 4 /* or fewer, where fewer are wanted */

/* What the end of a request tells. */
enum limit_sign {
	LIMIT_NOTHING, /* it ended for a reason of ours */
	LIMIT_WELL,
	LIMIT_ILL, /* pushed back, stalled, or broken */
};

struct limit {
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t room;
	unsigned most;	/* never more than so many */
	unsigned now;	/* so many may be under way */
	unsigned busy;	/* so many are */
	unsigned calm;	/* below it each good end counts for one more, above it
			   only as many as are under way do */
	unsigned well;	/* ended well since `now` changed */
	unsigned round; /* how often it was halved */
};

void limit_init(struct limit *limit, unsigned most);
void limit_release(struct limit *limit);

/*
 * Waits for room: before a source is read, never in the midst of it, since
 * those who have room may wait for their turn at the source.  *round is for
 * limit_leave(): what began before the last halving ends ill for the same
 * reason as that, and does not count again.
 */
int limit_enter(struct limit *limit, const struct ferry_context *context,
		unsigned *round, struct ferry_error *err) MUST_CHECK;
void limit_leave(struct limit *limit, unsigned round, enum limit_sign sign);

/*
 * The same for a request that needs no room of its own, of which only an ill
 * end counts: begins with limit_round().
 */
unsigned limit_round(struct limit *limit);
void limit_note(struct limit *limit, unsigned round, enum limit_sign sign);

/* `rc` and `response` as http_perform() leaves them. */
enum limit_sign limit_sign_of(int rc, const struct http_response *response);

#endif
