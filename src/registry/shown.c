#include "registry/shown.h"

#define AFTER 1000 /* milliseconds */
#define TRIES 3

int
shown_wait(struct ferry_context *context,
	   int (*look)(void *cookie, bool *there, struct ferry_error *err),
	   void *cookie, bool *there, struct ferry_error *err)
{
	bool found = false;
	int rc = 0;

	for (unsigned i = 0; i < TRIES && !rc && !found; i++) {
		if (i)
			rc = context_sleep(context, AFTER, err);
		if (!rc)
			rc = look(cookie, &found, err);
	}
	if (!rc)
		*there = found;
	return rc;
}
