/*
 * Running a small helper program: no shell, bounded in time and output.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/buffer.h"
#include "base/context.h"

/* The input is put into a pipe beforehand, which must hold it: PIPE_BUF. */
#define PROCESS_INPUT_MAX 4096

/*
 * Runs argv[0], looked up in PATH, with `input` as its standard input, and
 * appends what it prints to `out`.  It is killed once it prints more than
 * out's limit, takes more than `milliseconds`, or the context is interrupted.
 * *status is its exit status when it ended by itself, whatever that is;
 * FERRY_E_NOT_FOUND when there is no such program.
 */
int process_run(struct ferry_context *context, const char *const *argv,
		const char *input, uint64_t milliseconds, struct buffer *out,
		int *status, struct ferry_error *err) MUST_CHECK;

#endif
