#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define LOOK_EVERY 100 /* milliseconds, for interruptions */
#define DOUBT_EVERY 1000

/* So much goes into the pipe at once: fewer turns of both sides. */
#define PIPE_SIZE (1 << 20)
/* A process that is ending needs some milliseconds after its last word. */
#define END_LOOK_EVERY 5
/* What it says last, it says in so many lines. */
#define WORDS_LINES 3

void
process_release(struct process *process)
{
	int *const ends[] = { &process->in, &process->out, &process->err };

	if (!process->context)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (*ends[i] >= 0)
			close(*ends[i]);
	if (process->pid) {
		kill(process->fed ? -process->pid : process->pid, SIGKILL);
		while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*process = (struct process){ 0 };
}

/*
 * The child must not inherit what threads of ours block, nor that we ignore
 * SIGPIPE.
 */
static int
set_attributes(posix_spawnattr_t *attributes, bool fed)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none;
	sigset_t defaults;
	int rc;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	if (fed)
		flags |= POSIX_SPAWN_SETPGROUP;
	rc = posix_spawnattr_setsigmask(attributes, &none);
	if (!rc)
		rc = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (!rc)
		rc = posix_spawnattr_setpgroup(attributes, 0);
	if (!rc)
		rc = posix_spawnattr_setflags(attributes, flags);
	return rc;
}

/* What becomes the child's 0, 1 and 2. */
static int
set_files(posix_spawn_file_actions_t *actions, const int files[3])
{
	int rc = 0;

	for (int i = 0; i < 3 && !rc; i++)
		rc = posix_spawn_file_actions_adddup2(actions, files[i], i);
	return rc;
}

/* Returns an errno. */
static int
spawn(struct process *process, const char *const *argv, const int files[3])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (!rc) {
		rc = set_attributes(&attributes, process->fed);
		if (!rc)
			rc = set_files(&actions, files);
		/* It only reads the strings; POSIX's prototype is older. */
		if (!rc)
			rc = posix_spawnp(
				&process->pid, argv[0], &actions, &attributes,
				(char *const *)(uintptr_t)argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		process->pid = 0;
	return rc;
}

/* One end for us, which does not block, and one for the child. */
static int
make_pipe(int *ours, int *theirs, bool we_write, struct ferry_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return error_errno(err, "pipe");
	*ours = ends[we_write];
	*theirs = ends[!we_write];
	if (fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
		return error_errno(err, "pipe");
	return 0;
}

static int
start_child(struct process *process, const char *const *argv,
	    struct ferry_error *err)
{
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;
	AUTO_CLOSE int said = -1;
	int rc = make_pipe(&process->in, &in, true, err);

	if (!rc)
		rc = make_pipe(&process->out, &out, false, err);
	if (!rc)
		rc = make_pipe(&process->err, &said, false, err);
	if (rc)
		return rc;
	/* What the system allows: without it, it is only slower. */
	fcntl(process->in, F_SETPIPE_SZ, PIPE_SIZE);
	rc = spawn(process, argv, (const int[]){ in, out, said });
	if (!rc)
		return 0;
	if (rc == ENOENT)
		return error_set(err, FERRY_E_NOT_FOUND, "no such program");
	errno = rc;
	return error_errno(err, "cannot be started");
}

static void
be_patient(struct process *process)
{
	uint64_t now = clock_milliseconds();

	if (!process->fed)
		return;
	process->deadline = now + process->patience;
	process->doubted_at = now + process->doubt;
}

/* Whether it can be waited for at all. */
static int
check_hope(struct process *process, struct ferry_error *err)
{
	uint64_t now = clock_milliseconds();

	if (!process->hope || now < process->doubted_at)
		return 0;
	process->doubted_at = now + DOUBT_EVERY;
	return process->hope(process->cookie, err);
}

/* Whether it is high time to give up. */
static int
check_time(struct process *process, struct ferry_error *err)
{
	int rc = context_check(process->context, err);

	if (!rc)
		rc = check_hope(process, err);
	if (rc || clock_milliseconds() < process->deadline)
		return rc;
	process->still = process->fed;
	return error_set(err, FERRY_E_FAILED,
			 process->fed ? "stood still for too long"
				      : "took too long");
}

static int
keep_printed(struct process *process, const char *piece, size_t size,
	     struct ferry_error *err)
{
	if (process->printed) {
		if (buffer_append(process->printed, piece, size, err))
			return error_wrap(err, "prints");
		return 0;
	}
	process->dropped += size;
	if (process->dropped > PROCESS_PRINTS_MAX)
		return error_set(err, FERRY_E_FAILED, "prints without end");
	return 0;
}

/* Only the end counts: a program says last what it died of. */
static int
keep_words(struct process *process, const char *piece, size_t size,
	   struct ferry_error *err)
{
	size_t room = sizeof(process->words);
	size_t kept;

	if (size > room) {
		piece += size - room;
		size = room;
	}
	kept = process->words_size < room - size ? process->words_size
						 : room - size;
	memmove(process->words, process->words + (process->words_size - kept),
		kept);
	memcpy(process->words + kept, piece, size);
	process->words_size = kept + size;
	process->dropped += size;
	if (process->dropped > PROCESS_PRINTS_MAX)
		return error_set(err, FERRY_E_FAILED, "prints without end");
	return 0;
}

/* Takes what is there on one of its outputs, and closes that at its end. */
static int
drain(struct process *process, int *fd,
      int (*keep)(struct process *process, const char *piece, size_t size,
		  struct ferry_error *err),
      struct ferry_error *err)
{
	char piece[4096];
	int rc = 0;

	while (*fd >= 0 && !rc) {
		ssize_t got = read(*fd, piece, sizeof(piece));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got < 0)
			return error_errno(err, "read");
		if (got == 0) {
			close(*fd);
			*fd = -1;
			break;
		}
		be_patient(process);
		rc = keep(process, piece, (size_t)got, err);
		if (!rc)
			rc = context_check(process->context, err);
	}
	explicit_bzero(piece, sizeof(piece));
	return rc;
}

static int
drain_both(struct process *process, struct ferry_error *err)
{
	int rc = drain(process, &process->out, keep_printed, err);

	return rc ? rc : drain(process, &process->err, keep_words, err);
}

/* Waits until there is something to do, for a moment at most. */
static int
turn(struct process *process, bool write, int milliseconds,
     struct ferry_error *err)
{
	struct pollfd wanted[] = {
		{ .fd = process->out, .events = POLLIN },
		{ .fd = process->err, .events = POLLIN },
		{ .fd = write ? process->in : -1, .events = POLLOUT },
	};
	int rc = check_time(process, err);

	if (rc)
		return rc;
	poll(wanted, ARRAY_SIZE(wanted), milliseconds);
	return drain_both(process, err);
}

/*
 * write(2) without the SIGPIPE, which would end a program that uses the
 * library and does not ignore it.
 */
static ssize_t
write_quietly(int fd, const void *data, size_t size)
{
	static const struct timespec now = { 0 };
	sigset_t pipe;
	sigset_t pending;
	sigset_t before;
	ssize_t got;
	int why;

	sigpending(&pending);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	got = write(fd, data, size);
	why = errno;
	if (got < 0 && why == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = why;
	return got;
}

/* *written may be 0: it does not read just now. */
static int
write_some(struct process *process, const void *data, size_t size,
	   size_t *written, struct ferry_error *err)
{
	ssize_t got = write_quietly(process->in, data, size);

	*written = got > 0 ? (size_t)got : 0;
	if (got > 0)
		be_patient(process);
	if (got >= 0 || errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno != EPIPE)
		return error_errno(err, "write");
	process->closed = true;
	return error_set(err, FERRY_E_FAILED, "stopped reading");
}

static int
write_all(struct process *process, const char *data, size_t size,
	  struct ferry_error *err)
{
	while (size) {
		size_t written;
		int rc = context_check(process->context, err);

		if (!rc)
			rc = write_some(process, data, size, &written, err);
		if (rc)
			return rc;
		data += written;
		size -= written;
		if (size)
			rc = turn(process, true, LOOK_EVERY, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int
write_input(struct sink *sink, const void *data, size_t size,
	    struct ferry_error *err)
{
	struct process *process = (struct process *)sink;

	if (write_all(process, data, size, err))
		return error_wrap(err, "%s", process->name);
	return 0;
}

/* Whether it has ended; *how is as waitpid() says it. */
static int
has_ended(struct process *process, bool *ended, int *how,
	  struct ferry_error *err)
{
	pid_t pid = waitpid(process->pid, how, WNOHANG);

	*ended = pid == process->pid;
	if (pid < 0 && errno != EINTR) {
		process->pid = 0;
		return error_errno(err, "wait");
	}
	if (*ended)
		process->pid = 0;
	return 0;
}

/*
 * It has ended when it has: a child of its own may hold its outputs open for
 * good, and what it said itself is in the pipes by then.
 */
static int
wait_for(struct process *process, int *how, struct ferry_error *err)
{
	bool ended = false;
	int rc = 0;

	while (!ended && !rc) {
		bool silent = process->out < 0 && process->err < 0;

		rc = turn(process, false, silent ? END_LOOK_EVERY : LOOK_EVERY,
			  err);
		if (!rc)
			rc = has_ended(process, &ended, how, err);
	}
	return rc ? rc : drain_both(process, err);
}

static int
finish(struct process *process, int *status, struct ferry_error *err)
{
	int how = 0;
	int rc;

	if (process->in >= 0)
		close(process->in);
	process->in = -1;
	be_patient(process);
	rc = wait_for(process, &how, err);
	if (rc)
		return rc;
	if (!WIFEXITED(how))
		return error_set(err, FERRY_E_FAILED, "ended by signal %d",
				 WTERMSIG(how));
	*status = WEXITSTATUS(how);
	return 0;
}

int
process_finish(struct process *process, int *status, struct ferry_error *err)
{
	if (finish(process, status, err))
		return error_wrap(err, "%s", process->name);
	return 0;
}

static int
start(struct process *out, struct ferry_context *context,
      const struct process_options *options, bool fed, struct ferry_error *err)
{
	const uint64_t now = clock_milliseconds();
	AUTO(process_release)
	struct process process = { .sink = { .write = write_input },
				   .context = context,
				   .name = options->argv[0],
				   .fed = fed,
				   .in = -1,
				   .out = -1,
				   .err = -1,
				   .patience = options->milliseconds,
				   .deadline = now + options->milliseconds,
				   .hope = options->hope,
				   .cookie = options->cookie,
				   .doubt = options->doubt,
				   .doubted_at = now + options->doubt,
				   .printed = options->out };

	if (start_child(&process, options->argv, err))
		return error_wrap(err, "%s", process.name);
	*out = process;
	process = (struct process){ 0 };
	return 0;
}

int
process_start(struct process *out, struct ferry_context *context,
	      const struct process_options *options, struct ferry_error *err)
{
	return start(out, context, options, true, err);
}

const char *
process_words(const struct process *process, char out[PROCESS_WORDS_MAX])
{
	char text[PROCESS_WORDS_MAX + 1];
	const char *lines[WORDS_LINES] = { NULL };
	char *rest = text;
	char *line;
	size_t used = 0;

	memcpy(text, process->words, process->words_size);
	text[process->words_size] = '\0';
	while ((line = strsep(&rest, "\r\n")))
		if (*line) {
			memmove(lines, lines + 1,
				sizeof(lines) - sizeof(lines[0]));
			lines[WORDS_LINES - 1] = line;
		}
	out[0] = '\0';
	for (size_t i = 0; i < WORDS_LINES; i++)
		if (lines[i] && used < PROCESS_WORDS_MAX)
			used += (size_t)snprintf(
				out + used, PROCESS_WORDS_MAX - used, "%s%s",
				used ? "; " : "", lines[i]);
	return out;
}

int
process_run(struct ferry_context *context, const char *const *argv,
	    const char *input, uint64_t milliseconds, struct buffer *out,
	    int *status, struct ferry_error *err)
{
	const struct process_options options = { .argv = argv,
						 .out = out,
						 .milliseconds = milliseconds };
	AUTO(process_release) struct process process = { 0 };
	int rc = start(&process, context, &options, false, err);

	if (!rc)
		rc = sink_write(&process.sink, input, strlen(input), err);
	if (rc && !process.closed)
		return rc;
	return process_finish(&process, status, err);
}
