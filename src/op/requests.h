/*
 * What is asked for, and what came of it: lists, made into a release.
 */
#ifndef OP_REQUESTS_H
#define OP_REQUESTS_H

#include "ferry/pack.h"
#include "op/lock.h"
#include "source/source.h"

/* One image asked for. */
struct request {
	const struct wanted *wanted; /* in the list */
	struct resolved resolved;    /* when it was not refused */
	struct ferry_error refusal;  /* code FERRY_OK: none */
};

/* Zeroed is empty. */
struct requests {
	struct ferry_context *context;
	struct list list;
	struct request
		*items; /* one for each item of the list, once resolved */
	struct source *source; /* borrowed */
};

/*
 * Reads the lists and images of `options`.  `context` is borrowed until
 * release, and told what is odd.
 */
int requests_read(struct requests *out, struct ferry_context *context,
		  const struct ferry_pack_options *options,
		  struct ferry_error *err) MUST_CHECK;

/*
 * Asks `source` (borrowed until release) for all of it, with `jobs` threads.
 * What cannot be had is refused, each by itself: that is no error.
 */
int requests_resolve(struct requests *requests, struct source *source,
		     unsigned jobs, struct ferry_error *err) MUST_CHECK;

/*
 * Adds what was resolved to `lock`, if that is to be written or if two places
 * may have had one image each of the same name: that is FERRY_E_USAGE.
 */
int requests_pin(const struct requests *requests, struct lock *lock,
		 struct ferry_error *err) MUST_CHECK;

/* Hands what was resolved over to a release. */
int requests_take_release(struct requests *requests, struct release *out,
			  struct ferry_error *err) MUST_CHECK;

void requests_release(struct requests *requests);

#endif
