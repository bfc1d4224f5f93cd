/*
 * What a verification finds, collected from several threads.
 */
#ifndef BUNDLE_FINDINGS_H
#define BUNDLE_FINDINGS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "ferry/bundle.h"

struct findings {
	pthread_mutex_t lock; /* over what follows */
	struct ferry_verification *found;
};

int findings_init(struct findings *findings, struct ferry_error *err)
	MUST_CHECK;

/* Copies a damage; beyond FERRY_DAMAGES_MAX it is dropped. */
int findings_add(struct findings *findings, const char *image,
		 size_t image_count, const char *digest, const char *what,
		 struct ferry_error *err) MUST_CHECK;

/* Ends the collection: all of it is the caller's now. */
struct ferry_verification *findings_take(struct findings *findings);

#endif
