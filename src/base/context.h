/*
 * The library's side of include/ferry/context.h: asking whether to stop, and
 * telling the observer.  All of it may be called from any thread.
 */
#ifndef BASE_CONTEXT_H
#define BASE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ferry/context.h"

bool context_interrupted(const struct ferry_context *context);

/* 0, or FERRY_E_INTERRUPTED with a message. */
int context_check(const struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;

/* Sleeps, but wakes within 100 ms of an interruption and reports it. */
int context_sleep(const struct ferry_context *context, uint64_t milliseconds,
		  struct ferry_error *err) MUST_CHECK;

/*
 * Makes all that runs under the context give up as if it was interrupted, or
 * takes that back: for ending what has become vain.
 */
void context_stop(struct ferry_context *context, bool stop);

void context_image(struct ferry_context *context, const char *name,
		   const char *result);
void context_notice(struct ferry_context *context, const char *format, ...)
	PRINTF_LIKE(2, 3);

/* Bytes on their way, as the observer sees them. */
struct transfer {
	struct ferry_context *context;
	unsigned id;
	uint64_t done;
	uint64_t told_at; /* milliseconds, monotonic */
};

void transfer_start(struct transfer *transfer, struct ferry_context *context,
		    const char *what, uint64_t total);
/* Sets how much is done in all; tells at most every tenth of a second. */
void transfer_set(struct transfer *transfer, uint64_t done);
void transfer_end(struct transfer *transfer);

/* Milliseconds on a clock that never jumps. */
uint64_t clock_milliseconds(void);

#endif
