/*
 * When to try again, and how long to wait first.
 */
#ifndef REGISTRY_RETRY_H
#define REGISTRY_RETRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "net/http.h"

/* Waits double from the first to the longest; milliseconds. */
#define RETRY_FIRST 500
#define RETRY_LONGEST 30000
/* A server may ask for more, but not for ever. */
#define RETRY_AFTER_MAX 300000

/*
 * An attempt that moved this much has deserved a fresh count: that is more
 * than a few packets.  On a thin link that several share, none may move much
 * between two breaks.
 */
#define RETRY_PROGRESS 4096
/* After this much it was not the server's fault, who needs no rest. */
#define RETRY_AT_ONCE (1 << 20)

/* Whether a status says "not now" rather than "no". */
bool retry_status(int status);

/*
 * A Retry-After value, seconds or an HTTP date (RFC 9110, 10.2.3), as
 * milliseconds from `now`, at most RETRY_AFTER_MAX; what lies in the past is
 * 0.  False if it is neither.
 */
bool retry_after(const char *value, time_t now, uint64_t *out);

/* The wait before retry number `nth` (from 0): random, from half to all. */
uint64_t retry_backoff(unsigned nth, uint32_t random);

/*
 * What all that is tried with one host has in common.  `moved_at` is when
 * anything last came of it, by clock_milliseconds(); `patience` is for how long
 * nothing may, 0: for ever.
 */
struct retry_host {
	atomic_uint answers; /* to anybody; 0: never reached */
	atomic_ullong moved_at;
	uint64_t patience;
};

/* 0 seconds are FERRY_GIVE_UP_AFTER_DEFAULT. */
void retry_host_init(struct retry_host *host, unsigned give_up_seconds);
/* It has answered, and something comes of it. */
void retry_host_moved(struct retry_host *host);

/* One thing that is tried until it works or nobody believes in it any more. */
struct retry {
	struct ferry_context *context;
	const char *what; /* for the notice: "quay.io/a/b" */
	struct retry_host *host;
	unsigned limit;
	unsigned done;
	bool at_once;
	uint64_t began; /* clock_milliseconds(): patience counts from then */
};

/* How many bytes the last attempt has moved; if it `lasts`, for good. */
void retry_moved(struct retry *retry, uint64_t bytes, bool lasts);

/*
 * After an attempt that gave `rc` and `response`: *again tells whether to try
 * it once more; then a notice has been given, the time waited for, and 0 is
 * returned, or FERRY_E_INTERRUPTED.  If not, returns `rc` with `err` as it
 * was: 0 for an answer that has to do.  The wait for a host that was gone
 * ends when it answers anybody.  When the host's patience ends before the wait
 * would, the failure is said to be of that.
 */
int retry_next(struct retry *retry, int rc,
	       const struct http_response *response, bool *again,
	       struct ferry_error *err) MUST_CHECK;

#endif
