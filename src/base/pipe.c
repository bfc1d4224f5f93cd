#include "base/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define WAKE_EVERY 100		  /* milliseconds, to see an interruption */
#define TELL_EVERY (30ULL * 1000) /* milliseconds of silence */

bool
pipe_is(const char *path)
{
	struct stat status;

	if (strcmp(path, "-") == 0)
		return true;
	return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void
tell_silence(const struct pipe *pipe, uint64_t silent)
{
	char passed[TEXT_SIZE_MAX];

	context_notice(pipe->context,
		       "%s: nothing has come for %llu seconds (%s so far); "
		       "still waiting, Ctrl-C ends it",
		       pipe->name, (unsigned long long)(silent / 1000),
		       text_size(passed, sizeof(passed), pipe->passed));
}

/*
 * In poll(), since signals restart read(), and since read() of a FIFO that
 * nobody has opened for writing yet would say that it has ended.
 */
static int
wait_for_bytes(const struct pipe *pipe, struct ferry_error *err)
{
	struct pollfd wanted = { .fd = pipe->fd, .events = POLLIN };
	uint64_t begun = clock_milliseconds();
	uint64_t told = begun;

	for (;;) {
		uint64_t now;
		int ready = poll(&wanted, 1, WAKE_EVERY);
		int rc = context_check(pipe->context, err);

		if (rc)
			return rc;
		if (ready < 0 && errno != EINTR)
			return error_errno(err, "wait");
		if (ready > 0)
			return 0;
		now = clock_milliseconds();
		if (now - told >= TELL_EVERY) {
			tell_silence(pipe, now - begun);
			told = now;
		}
	}
}

static int
read_some(struct pipe *pipe, void *data, size_t size, size_t *got,
	  struct ferry_error *err)
{
	ssize_t found;

	do {
		int rc = wait_for_bytes(pipe, err);

		if (rc)
			return rc;
		found = read(pipe->fd, data, size);
	} while (found < 0 && (errno == EINTR || errno == EAGAIN));
	if (found < 0)
		return error_errno(err, "read");
	pipe->ended = found == 0;
	*got = (size_t)found;
	return 0;
}

int
pipe_read(struct pipe *pipe, void *data, size_t size, size_t *got,
	  struct ferry_error *err)
{
	size_t left = pipe->head_size - pipe->head_at;

	*got = 0;
	if (left) {
		*got = size < left ? size : left;
		memcpy(data, pipe->head + pipe->head_at, *got);
		pipe->head_at += *got;
	} else if (!pipe->ended) {
		int rc = read_some(pipe, data, size, got, err);

		if (rc)
			return error_wrap(err, "%s", pipe->name);
	}
	pipe->passed += *got;
	return 0;
}

#define BROKEN                                                                 \
	"the command that fills it failed, its connection broke, or the file " \
	"it sends is cut off"

static int
ended_early(const struct pipe *pipe, struct ferry_error *err)
{
	char passed[TEXT_SIZE_MAX];
	char expected[TEXT_SIZE_MAX];

	text_size(passed, sizeof(passed), pipe->passed);
	if (!pipe->expected)
		return error_set(err, FERRY_E_FAILED,
				 "%s: the pipe ended after %s, within the "
				 "first part of a bundle: " BROKEN,
				 pipe->name, passed);
	text_size(expected, sizeof(expected), pipe->expected);
	if (strcmp(passed, expected) == 0)
		return error_set(err, FERRY_E_FAILED,
				 "%s: the pipe ended after %s, %" PRIu64
				 " bytes too early: " BROKEN,
				 pipe->name, passed,
				 pipe->expected - pipe->passed);
	return error_set(err, FERRY_E_FAILED,
			 "%s: the pipe ended after %s of %s: " BROKEN,
			 pipe->name, passed, expected);
}

static int
read_input(struct input *input, void *data, size_t size, size_t *got,
	   struct ferry_error *err)
{
	struct pipe *pipe = (struct pipe *)input;
	int rc = pipe_read(pipe, data, size, got, err);

	if (rc)
		return rc;
	return *got ? 0 : ended_early(pipe, err);
}

static int
fill_head(struct pipe *pipe, struct ferry_error *err)
{
	while (pipe->head_size < PIPE_HEAD && !pipe->ended) {
		size_t got = 0;
		int rc = read_some(pipe, pipe->head + pipe->head_size,
				   PIPE_HEAD - pipe->head_size, &got, err);

		if (rc)
			return error_wrap(err, "%s", pipe->name);
		pipe->head_size += got;
	}
	if (!pipe->head_size)
		return error_set(err, FERRY_E_FAILED,
				 "%s: nothing came through the pipe: the "
				 "command that should fill it failed",
				 pipe->name);
	return 0;
}

static int
open_standard_input(struct pipe *pipe, struct ferry_error *err)
{
	pipe->fd = STDIN_FILENO;
	if (isatty(STDIN_FILENO))
		return error_set(err, FERRY_E_USAGE,
				 "standard input is a terminal; send a bundle "
				 "through a pipe: ssh HOST 'cat BUNDLE' | "
				 "ferry load -");
	return text_copy(&pipe->name, "standard input", err);
}

/* Of a FIFO that nobody writes yet open() would wait, and no Ctrl-C end it. */
static int
open_fifo(struct pipe *pipe, const char *path, struct ferry_error *err)
{
	pipe->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (pipe->fd < 0)
		return error_errno(err, "%s", path);
	pipe->owned = true;
	return text_copy(&pipe->name, path, err);
}

int
pipe_open(struct pipe **out, const char *path, struct ferry_context *context,
	  struct ferry_error *err)
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));
	int rc;

	if (!pipe)
		return error_nomem(err);
	pipe->input.read = read_input;
	pipe->context = context;
	rc = strcmp(path, "-") == 0 ? open_standard_input(pipe, err)
				    : open_fifo(pipe, path, err);
	if (!rc)
		rc = fill_head(pipe, err);
	if (rc)
		pipe_close(pipe);
	else
		*out = pipe;
	return rc;
}

void
pipe_close(struct pipe *pipe)
{
	if (!pipe)
		return;
	if (pipe->owned)
		close(pipe->fd);
	free(pipe->name);
	free(pipe);
}
