#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define LOOK_EVERY 100 /* milliseconds, for interruptions */

/* A child that has not been waited for yet; pid 0: none. */
struct child {
	pid_t pid;
	int out; /* what it prints */
	uint64_t deadline;
};

static void
child_release(struct child *child)
{
	if (child->out >= 0)
		close(child->out);
	if (!child->pid)
		return;
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* A pipe that holds `input` and then ends; *out is its reading end. */
static int
pipe_with(int *out, const char *input, struct ferry_error *err)
{
	size_t size = strlen(input);
	AUTO_CLOSE int to = -1;
	int ends[2];

	if (size > PROCESS_INPUT_MAX)
		return error_set(err, FERRY_E_FAILED, "input too long");
	if (pipe2(ends, O_CLOEXEC))
		return error_errno(err, "pipe");
	*out = ends[0];
	to = ends[1];
	/* Nobody reads yet, but nobody has closed the other end either. */
	if (write(to, input, size) != (ssize_t)size)
		return error_errno(err, "pipe");
	return 0;
}

/*
 * The child must not inherit what threads of ours block, nor that we ignore
 * SIGPIPE.  It stays in our process group: it may have to ask at the
 * terminal.
 */
static int
set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t defaults;
	int rc;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	rc = posix_spawnattr_setsigmask(attributes, &none);
	if (!rc)
		rc = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (!rc)
		rc = posix_spawnattr_setflags(attributes,
					      POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	return rc;
}

static int
set_files(posix_spawn_file_actions_t *actions, int in, int out)
{
	int rc = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

	if (!rc)
		rc = posix_spawn_file_actions_adddup2(actions, out,
						      STDOUT_FILENO);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(actions, STDERR_FILENO,
						      "/dev/null", O_WRONLY, 0);
	return rc;
}

/* Returns an errno. */
static int
spawn(pid_t *out, const char *const *argv, int in, int to)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (!rc) {
		rc = set_signals(&attributes);
		if (!rc)
			rc = set_files(&actions, in, to);
		/* It only reads the strings; POSIX's prototype is older. */
		if (!rc)
			rc = posix_spawnp(out, argv[0], &actions, &attributes,
					  (char *const *)(uintptr_t)argv,
					  environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int
start(struct child *child, const char *const *argv, const char *input,
      struct ferry_error *err)
{
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int to = -1;
	int ends[2];
	int rc = pipe_with(&in, input, err);

	if (rc)
		return rc;
	if (pipe2(ends, O_CLOEXEC))
		return error_errno(err, "pipe");
	child->out = ends[0];
	to = ends[1];
	rc = spawn(&child->pid, argv, in, to);
	if (!rc)
		return 0;
	child->pid = 0;
	if (rc == ENOENT)
		return error_set(err, FERRY_E_NOT_FOUND, "no such program");
	errno = rc;
	return error_errno(err, "cannot be started");
}

/* Whether it is high time to give up. */
static int
check_time(const struct child *child, const struct ferry_context *context,
	   struct ferry_error *err)
{
	int rc = context_check(context, err);

	if (!rc && clock_milliseconds() >= child->deadline)
		return error_set(err, FERRY_E_FAILED, "took too long");
	return rc;
}

static int
read_all(struct child *child, const struct ferry_context *context,
	 struct buffer *out, struct ferry_error *err)
{
	struct pollfd wanted = { .fd = child->out, .events = POLLIN };
	char piece[4096];
	int rc;

	for (;;) {
		ssize_t got;

		rc = check_time(child, context, err);
		if (rc)
			return rc;
		if (poll(&wanted, 1, LOOK_EVERY) <= 0)
			continue;
		got = read(child->out, piece, sizeof(piece));
		if (got < 0 && errno != EINTR)
			return error_errno(err, "read");
		if (got == 0)
			break;
		rc = got > 0 ? buffer_append(out, piece, (size_t)got, err) : 0;
		if (rc)
			return error_wrap(err, "prints");
	}
	explicit_bzero(piece, sizeof(piece));
	return 0;
}

static int
wait_for(struct child *child, struct ferry_context *context, int *status,
	 struct ferry_error *err)
{
	for (;;) {
		pid_t ended = waitpid(child->pid, status, WNOHANG);
		struct timespec nap = { .tv_nsec = 5000000 };
		int rc;

		if (ended == child->pid) {
			child->pid = 0;
			return 0;
		}
		if (ended < 0 && errno != EINTR) {
			child->pid = 0;
			return error_errno(err, "wait");
		}
		rc = check_time(child, context, err);
		if (rc)
			return rc;
		nanosleep(&nap, NULL);
	}
}

int
process_run(struct ferry_context *context, const char *const *argv,
	    const char *input, uint64_t milliseconds, struct buffer *out,
	    int *status, struct ferry_error *err)
{
	AUTO(child_release)
	struct child child = { .out = -1,
			       .deadline =
				       clock_milliseconds() + milliseconds };
	int how = 0;
	int rc = start(&child, argv, input, err);

	if (!rc)
		rc = read_all(&child, context, out, err);
	if (!rc)
		rc = wait_for(&child, context, &how, err);
	if (rc)
		return error_wrap(err, "%s", argv[0]);
	if (!WIFEXITED(how))
		return error_set(err, FERRY_E_FAILED, "%s: ended by signal %d",
				 argv[0], WTERMSIG(how));
	*status = WEXITSTATUS(how);
	return 0;
}
