/*
 * A registry, or the store behind it, may need a moment until it shows what
 * it has taken.
 */
#ifndef REGISTRY_SHOWN_H
#define REGISTRY_SHOWN_H

#include <stdbool.h>

#include "base/context.h"

/* Looks until it is there, three times, a second apart; *there tells. */
int shown_wait(struct ferry_context *context,
	       int (*look)(void *cookie, bool *there, struct ferry_error *err),
	       void *cookie, bool *there, struct ferry_error *err) MUST_CHECK;

#endif
