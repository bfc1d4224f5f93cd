/*
 * Running a helper program: no shell, bounded in time and output, and killed
 * with all of its own children when it is not wanted any more.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/sink.h"

/*
 * Runs argv[0], looked up in PATH, with `input` as its standard input, and
 * appends what it prints to `out`.  It is killed once it prints more than
 * out's limit, takes more than `milliseconds`, or the context is interrupted.
 * *status is its exit status when it ended by itself, whatever that is;
 * FERRY_E_NOT_FOUND when there is no such program.  It stays in our process
 * group: it may ask at the terminal.
 */
int process_run(struct ferry_context *context, const char *const *argv,
		const char *input, uint64_t milliseconds, struct buffer *out,
		int *status, struct ferry_error *err) MUST_CHECK;

/* What a process may print where nobody wants to read it. */
#define PROCESS_PRINTS_MAX ((size_t)16 << 20)
/* The end of what it says on standard error; more is forgotten. */
#define PROCESS_WORDS_MAX 1024

/*
 * A process that is fed: its standard input is a stream that we write, while
 * what it prints is read, so that neither waits for the other.
 *
 *	process_start(&process, ...)
 *	sink_write(&process.sink, ...)		as often as wanted
 *	process_finish(&process, &status, ...)
 *	process_release(&process)		kills it if it still runs
 */
struct process {
	/*
	 * Its standard input.  A write fails, beside the reasons of
	 * process_finish(), once the process does not read any more: `closed`
	 * is set then, and process_finish() tells how it ended.
	 */
	struct sink sink;
	bool closed;
	bool still; /* what failed is that it did nothing for too long */

	/* Internal. */
	struct ferry_context *context;
	const char *name; /* argv[0] */
	pid_t pid;	  /* 0: none that has not been waited for */
	/*
	 * Of process_start(): it leads a process group of its own, and its
	 * time begins anew whenever it reads or prints.
	 */
	bool fed;
	int in, out, err; /* our ends; -1: closed */
	uint64_t patience;
	uint64_t deadline;
	int (*hope)(const void *cookie, struct ferry_error *err);
	const void *cookie;
	uint64_t doubt;
	uint64_t doubted_at; /* when to ask for hope */
	struct buffer *printed;
	size_t dropped;
	char words[PROCESS_WORDS_MAX];
	size_t words_size;
};

struct process_options {
	const char *const *argv; /* argv[0] is looked up in PATH */
	/*
	 * Gets what it prints on standard output, up to its limit; NULL:
	 * nobody reads that.
	 */
	struct buffer *out;
	/* It is killed when it neither reads nor prints for so long. */
	uint64_t milliseconds;
	/*
	 * Once it has stood still for `doubt` milliseconds, asked every second
	 * whether what it waits for can still come; an error ends it.  NULL:
	 * it may.
	 */
	int (*hope)(const void *cookie, struct ferry_error *err);
	const void *cookie;
	uint64_t doubt;
};

/*
 * FERRY_E_NOT_FOUND when there is no such program.  What `options` points to
 * is borrowed until the release.  After a failure there is nothing to release.
 */
int process_start(struct process *out, struct ferry_context *context,
		  const struct process_options *options,
		  struct ferry_error *err) MUST_CHECK;

/*
 * Ends its standard input and waits for it.  *status is its exit status;
 * ended by a signal, still for too long, or printing more than it may is a
 * failure, and process_release() ends it.  A program that ignores SIGCHLD
 * cannot learn how its children end, and this fails.
 */
int process_finish(struct process *process, int *status,
		   struct ferry_error *err) MUST_CHECK;

/*
 * The last lines that it said on standard error, as one: "a; b".  "" if it
 * said nothing.  Foreign text: error_set() escapes it.  Returns `out`.
 */
const char *process_words(const struct process *process,
			  char out[PROCESS_WORDS_MAX]);

/* Takes a zeroed one, too. */
void process_release(struct process *process);

#endif
