/*
 * What a plan has to say besides: nothing is refused for it.
 */
#ifndef OP_WARNINGS_H
#define OP_WARNINGS_H

#include <stddef.h>

#include "base/error.h"

/* Zeroed is empty. */
struct warnings {
	char **items;
	size_t count;
};

/* One line, no full stop; bytes a terminal would act on are escaped. */
int warnings_add(struct warnings *warnings, struct ferry_error *err,
		 const char *format, ...) PRINTF_LIKE(3, 4) MUST_CHECK;
void warnings_release(struct warnings *warnings);

#endif
