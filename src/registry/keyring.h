/*
 * The credentials for one registry, from some files and the helpers they
 * name: the first file that has any counts.  Shared by all workers; a file is
 * read, and a helper run, at most once.
 */
#ifndef REGISTRY_KEYRING_H
#define REGISTRY_KEYRING_H

#include <pthread.h>

#include "base/context.h"
#include "registry/credentials.h"

/* One file's part; zeroed, it has not been read. */
struct keyring_file {
	json_t *config;
	bool helped;
	struct credentials from_helper;
};

struct keyring {
	struct ferry_context *context;
	const char *const *paths;
	size_t count; /* 0: no credentials at all */
	const char *host;
	pthread_mutex_t lock; /* over all that follows */
	struct keyring_file *files;
};

/* All is borrowed. */
int keyring_init(struct keyring *keyring, struct ferry_context *context,
		 const char *const *paths, size_t count, const char *host,
		 struct ferry_error *err) MUST_CHECK;
void keyring_release(struct keyring *keyring);

/* *out stays empty if there is nothing. */
int keyring_find(struct keyring *keyring, const char *repository,
		 struct credentials *out, struct ferry_error *err) MUST_CHECK;

/* Whether a file has an entry, if only an empty one, for `host`. */
bool keyring_mentions(struct keyring *keyring, const char *host);

#endif
