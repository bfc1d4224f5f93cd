/*
 * One function over many indexes, on several threads.
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

#include "base/error.h"

/*
 * Calls task(data, index, worker) once for each index below `count`, in
 * order of index, on up to `jobs` threads; `worker` is below `jobs` and
 * belongs to one thread at a time, so that it may name a connection.
 *
 * After a failure no further index is begun.  Returns 0 or the error of the
 * lowest index that failed, so that the report does not depend on luck.
 */
int parallel_run(size_t count, unsigned jobs,
		 int (*task)(void *data, size_t index, unsigned worker,
			     struct ferry_error *err),
		 void *data, struct ferry_error *err) MUST_CHECK;

#endif
