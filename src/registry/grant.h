/*
 * What we may show to a registry, scope by scope.  Internal to auth.c.
 */
#ifndef REGISTRY_GRANT_H
#define REGISTRY_GRANT_H

#include <pthread.h>

#include "registry/auth.h"
#include "registry/credentials.h"

/* Lives as long as its list, so that it can be held without the list's lock. */
struct grant {
	struct grant *next;
	char *scope; /* what it stands for, in the words of token.md */
	/* Held over all that follows, and while it is being fetched. */
	pthread_mutex_t lock;
	char *asked; /* the scope that the registry asked for, or NULL */
	bool looked_up;
	struct credentials credentials;
	char *value;	/* of the Authorization header, or NULL */
	uint64_t until; /* clock_milliseconds() */
};

struct grant_list {
	pthread_mutex_t lock;
	struct grant *first;
};

void grant_list_init(struct grant_list *list);
void grant_list_release(struct grant_list *list);

/* The one grant for `scope`, made if there was none. */
int grant_find(struct grant **out, struct grant_list *list,
	       const struct auth_scope *scope, struct ferry_error *err)
	MUST_CHECK;

/* With its lock held: replaces the value. */
void grant_set(struct grant *grant, char *take_value, uint64_t until);

#endif
