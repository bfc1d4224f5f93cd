/*
 * The credentials for one registry, from the file and the helper it names.
 * Shared by all workers; the file is read, and the helper run, at most once.
 */
#ifndef REGISTRY_KEYRING_H
#define REGISTRY_KEYRING_H

#include <pthread.h>

#include "base/context.h"
#include "registry/credentials.h"

struct keyring {
	struct ferry_context *context;
	const char *path; /* NULL: no credentials at all */
	const char *host;
	pthread_mutex_t lock; /* over all that follows */
	json_t *config;
	bool helped;
	struct credentials from_helper;
};

/* All is borrowed. */
void keyring_init(struct keyring *keyring, struct ferry_context *context,
		  const char *path, const char *host);
void keyring_release(struct keyring *keyring);

/* *out stays empty if there is nothing. */
int keyring_find(struct keyring *keyring, const char *repository,
		 struct credentials *out, struct ferry_error *err) MUST_CHECK;

/* Whether the file has an entry, if only an empty one, for `host`. */
bool keyring_mentions(struct keyring *keyring, const char *host);

#endif
