/*
 * What Docker answers while it loads an archive: one JSON object a line, with
 * status 200 whether it works or not.
 */
#ifndef TARGET_DOCKER_STREAM_H
#define TARGET_DOCKER_STREAM_H

#include <stdbool.h>

#include "base/context.h"
#include "base/sink.h"
#include "json/json.h"

/* Errors of Docker quote what a whole process printed; no line is longer. */
#define DOCKER_LINE_MAX ((size_t)256 << 10)
/* As many names as a message can hold. */
#define DOCKER_LOADED_MAX 1024

struct docker_stream {
	struct sink sink; /* the answer's body goes in here; never fails */
	struct ferry_context *context;
	uint64_t told_at;   /* when progress was told last; milliseconds */
	struct buffer line; /* the begun one */
	bool too_long;	    /* it is, and its rest is dropped */
	bool failed;
	struct ferry_error err; /* the first that went wrong, if failed */
	/*
	 * Images that were loaded and could not be unpacked, by the names that
	 * Docker calls them: why, as text.  NULL: none.
	 */
	json_t *broken;
	json_t *names; /* all that it said to have loaded, each true; or NULL */
	char loaded[DOCKER_LOADED_MAX]; /* "redis:7, nginx:1", as far as it fits
					 */
};

/* What Docker says of its progress becomes notices. */
void docker_stream_init(struct docker_stream *stream,
			struct ferry_context *context);
void docker_stream_release(struct docker_stream *stream);

/* Adds what Docker said to have loaded to the message of a failure. */
void docker_stream_tell(const struct docker_stream *stream,
			struct ferry_error *err);

/*
 * The answer is over.  Fails with Docker's own words, and with what it said
 * to have loaded before them, if there was an error; or with the first line
 * that cannot be understood, since it may have been one.
 */
int docker_stream_finish(struct docker_stream *stream, struct ferry_error *err)
	MUST_CHECK;

#endif
