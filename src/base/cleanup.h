/*
 * Owning locals that release themselves.
 *
 * An owning local is declared with its AUTO_ macro and initialised on that
 * line; handing the value on is STEAL().
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void
cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define AUTO(function) __attribute__((cleanup(function)))
#define AUTO_FREE AUTO(cleanup_free)
#define AUTO_CLOSE AUTO(cleanup_close)

#define STEAL(pointer)                                                         \
	({                                                                     \
		__auto_type steal_value = *(pointer);                          \
		*(pointer) = NULL;                                             \
		steal_value;                                                   \
	})

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
