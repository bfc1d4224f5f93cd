/* base/pipe: what comes, how much of it, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pipe.h"

static struct ferry_context *context;

/* A FIFO that a child fills, and closes. */
struct filled {
	char path[64];
	pid_t child;
};

static void
fill(struct filled *out, size_t size)
{
	uint8_t bytes[2048];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	snprintf(out->path, sizeof(out->path), "/tmp/ferry-pipe-%d", getpid());
	unlink(out->path);
	assert_int_equal(mkfifo(out->path, 0600), 0);
	alarm(20); /* rather than wait for ever */
	out->child = fork();
	if (out->child == 0) {
		int end = open(out->path, O_WRONLY);
		ssize_t put = write(end, bytes, size);

		_exit(put == (ssize_t)size ? 0 : 1);
	}
}

static void
clean_up(struct filled *filled)
{
	kill(filled->child, SIGKILL);
	waitpid(filled->child, NULL, 0);
	unlink(filled->path);
	alarm(0);
}

static void
what_came_is_read_once(void **state)
{
	struct filled filled;
	struct pipe *pipe = NULL;
	struct ferry_error err;
	uint8_t bytes[2048];
	size_t got;

	(void)state;
	fill(&filled, 1500);
	assert_true(pipe_is(filled.path) && pipe_is("-"));
	assert_false(pipe_is("/dev/null"));
	assert_int_equal(pipe_open(&pipe, filled.path, context, &err), 0);
	assert_int_equal(pipe->head_size, PIPE_HEAD);
	assert_int_equal(pipe->passed, 0);
	assert_int_equal(input_read(&pipe->input, bytes, 1500, &err), 0);
	for (size_t i = 0; i < 1500; i++)
		assert_int_equal(bytes[i], (uint8_t)i);
	assert_int_equal(pipe->passed, 1500);
	assert_int_equal(pipe_read(pipe, bytes, 1, &got, &err), 0);
	assert_int_equal(got, 0);
	pipe->expected = 3000;
	assert_int_equal(input_read(&pipe->input, bytes, 1, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message,
			       "the pipe ended after 1.5 KiB of 2.9 KiB: "));
	pipe_close(pipe);
	clean_up(&filled);
}

static void
an_interruption_ends_the_waiting(void **state)
{
	struct filled filled;
	struct pipe *pipe = NULL;
	struct ferry_error err;

	(void)state;
	fill(&filled, 100);
	ferry_interrupt(context);
	assert_int_equal(pipe_open(&pipe, filled.path, context, &err),
			 FERRY_E_INTERRUPTED);
	clean_up(&filled);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_is_read_once),
		cmocka_unit_test(an_interruption_ends_the_waiting),
	};
	int failed;

	context = ferry_context_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ferry_context_free(context);
	return failed;
}
