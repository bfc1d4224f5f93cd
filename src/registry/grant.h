/*
 * What we may show to a registry, scope by scope.  Internal to auth.c.
 */
#ifndef REGISTRY_GRANT_H
#define REGISTRY_GRANT_H

#include <pthread.h>

#include "registry/auth.h"
#include "registry/credentials.h"

/* Lives as long as its set, so that it can be held without the set's lock. */
struct grant {
	char *scope; /* what it stands for, in the words of token.md */
	/* Held over all that follows, and while it is being fetched. */
	pthread_mutex_t lock;
	char *asked; /* the scope that the registry asked for, or NULL */
	bool looked_up;
	struct credentials credentials;
	char *value;	/* of the Authorization header, or NULL */
	uint64_t until; /* clock_milliseconds() */
};

/* A release may have as many repositories as images, each with its scope. */
struct grant_set {
	pthread_mutex_t lock;
	void *tree; /* of struct grant, as tsearch(3) keeps it */
};

void grant_set_init(struct grant_set *set);
void grant_set_release(struct grant_set *set);

/* The one grant for `scope`, made if there was none. */
int grant_find(struct grant **out, struct grant_set *set,
	       const struct auth_scope *scope, struct ferry_error *err)
	MUST_CHECK;

/* With its lock held: replaces the value. */
void grant_replace(struct grant *grant, char *take_value, uint64_t until);

#endif
