/*
 * A pipe that is read once, from its first byte to its end: standard input or
 * a FIFO.
 *
 * It waits for as long as the other side takes, since that may be a person who
 * types a password; now and then it says so, and an interruption ends it.
 */
#ifndef BASE_PIPE_H
#define BASE_PIPE_H

#include <stdbool.h>

#include "base/context.h"
#include "base/input.h"

/* Enough to tell what comes: as much as a tar header. */
#define PIPE_HEAD ((size_t)512)

struct pipe {
	/* What comes next; its end is FERRY_E_FAILED. */
	struct input input;
	struct ferry_context *context;
	char *name; /* for messages: "standard input" */
	int fd;
	bool owned;	   /* the fd */
	uint64_t passed;   /* bytes handed out */
	uint64_t expected; /* bytes in all; 0: not known yet */
	uint8_t head[PIPE_HEAD];
	size_t head_size, head_at;
	bool ended;
};

/* Whether it names a pipe: "-", or a FIFO. */
bool pipe_is(const char *path);

/*
 * Opens it and waits for its first PIPE_HEAD bytes, or its end.  A terminal is
 * FERRY_E_USAGE, nothing at all FERRY_E_FAILED.  `context` is borrowed.
 */
int pipe_open(struct pipe **out, const char *path,
	      struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;
void pipe_close(struct pipe *pipe);

/* As the input's read(), but at the end *got is 0. */
int pipe_read(struct pipe *pipe, void *data, size_t size, size_t *got,
	      struct ferry_error *err) MUST_CHECK;

#endif
