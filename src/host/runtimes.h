/*
 * Container runtimes, found by their sockets.
 */
#ifndef HOST_RUNTIMES_H
#define HOST_RUNTIMES_H

#include "ferry/host.h"

/*
 * Fills in at most `room`, in order of preference; returns how many.  Only
 * the system's sockets: where a user's own are, the environment says, which
 * the library does not read.
 */
size_t runtimes_find(struct ferry_runtime *out, size_t room);

#endif
