/*
 * Keeping what comes through a pipe, for what has to be read more than once.
 */
#ifndef OP_SPOOL_H
#define OP_SPOOL_H

#include "base/pipe.h"

/*
 * Copies the pipe, up to its end, into a file without a name in `folder`: it
 * goes when it is closed, however that comes about.  *out is the caller's.
 */
int spool_pipe(int *out, struct pipe *pipe, const char *folder,
	       struct ferry_error *err) MUST_CHECK;

#endif
