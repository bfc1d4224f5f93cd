#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/static.h"

/* Bytes; from there on a block goes back to the system when it is freed. */
#define LARGE_BLOCK (1 << 20)

static const struct command *const commands[] = {
	&command_pack,	 &command_load,	 &command_map,
	&command_verify, &command_list,	 &command_inspect,
	&command_diff,	 &command_serve, &command_host,
};

static const char *
command_name(const void *data, size_t index)
{
	(void)data;
	return index < ARRAY_SIZE(commands) ? commands[index]->name : NULL;
}

static const struct command *
find_command(const char *name, struct ferry_error *err)
{
	const char *meant;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	meant = suggest(name, command_name, NULL);
	error_set(err, FERRY_E_USAGE, "unknown command '%s'", name);
	if (meant)
		error_add(err, "; did you mean '%s'?", meant);
	return NULL;
}

static void
print_help(void)
{
	printf("usage: ferry COMMAND [ARGUMENT...]\n\n"
	       "Carries container images across an air gap.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s%s\n", commands[i]->name, commands[i]->summary);
	printf("\n"
	       "  ferry help COMMAND, or ferry COMMAND --help, tells more.\n"
	       "  ferry --version prints the version.\n");
}

/* "help", "--help" or "-h" in a command's place; it knows their options. */
static int
run_help(struct session *session, int argc, char **argv,
	 struct ferry_error *err)
{
	static const struct command help = { .operand = "COMMAND",
					     .operands_most = 1 };
	const struct text_list *operands = &session->operands;
	const struct command *command;
	int rc = options_parse(&help, argc, argv, &session->common, NULL,
			       &session->operands, err);

	if (rc)
		return rc;
	if (!operands->count) {
		print_help();
		return 0;
	}
	command = find_command(operands->items[0], err);
	if (!command)
		return err->code;
	options_help(command);
	return 0;
}

static bool
asks_for_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 ||
	       strcmp(word, "-h") == 0;
}

/* What stands in a command's place. */
static int
run_builtin(struct session *session, int argc, char **argv,
	    struct ferry_error *err)
{
	session->printed = true;
	if (asks_for_help(argv[0]))
		return run_help(session, argc, argv, err);
	if (strcmp(argv[0], "--version"))
		return error_set(err, FERRY_E_USAGE,
				 "unknown option '%s' before a command",
				 argv[0]);
	printf("ferry %s\n%s", FERRY_VERSION, static_versions());
	return 0;
}

static int
run_in_context(struct session *session, const struct command *command,
	       const void *values, struct ferry_error *err)
{
	enum progress_mode mode = PROGRESS_LINES;

	if (session->common.quiet)
		mode = PROGRESS_SILENT;
	else if (!session->common.json)
		mode = progress_mode_of_terminal();
	progress_init(&session->progress, session->context, mode);
	signals_catch(session->context);
	return command->run(session, values, err);
}

static int
run_command(struct session *session, const struct command *command, int argc,
	    char **argv, struct ferry_error *err)
{
	/* calloc() of nothing may return NULL. */
	void *values = calloc(1, command->values_size + 1);
	int rc;

	session->context = ferry_context_new();
	if (!values || !session->context)
		rc = error_nomem(err);
	else
		rc = options_parse(command, argc, argv, &session->common,
				   values, &session->operands, err);
	if (!rc && session->common.help)
		options_help(command);
	else if (!rc)
		rc = run_in_context(session, command, values, err);
	options_release(command, values);
	free(values);
	return rc;
}

/* For mistakes that come before a command's options are read. */
static bool
asks_for_json(char *const *argv)
{
	for (; *argv; argv++)
		if (strcmp(*argv, "--json") == 0)
			return true;
	return false;
}

static int
run(struct session *session, int argc, char **argv, const char **name,
    struct ferry_error *err)
{
	const struct command *command;

	session->common.json = asks_for_json(argv);
	if (argc < 2)
		return error_set(err, FERRY_E_USAGE, "no command given");
	if (argv[1][0] == '-' || asks_for_help(argv[1]))
		return run_builtin(session, argc - 1, argv + 1, err);
	command = find_command(argv[1], err);
	if (!command)
		return err->code;
	*name = command->name;
	session->common.json = false;
	return run_command(session, command, argc - 1, argv + 1, err);
}

/* Tells how it ended, on both outputs; returns the exit status. */
static int
finish(struct session *session, const char *name, int rc,
       struct ferry_error *err)
{
	struct ferry_error own = { 0 };
	int reason;

	if (rc)
		report_error(err, name);
	if (session->common.json && !session->common.help &&
	    (rc || !session->printed) &&
	    output_finish(&session->document, err, &own)) {
		report_error(&own, name);
		rc = own.code;
	}
	reason = output_close();
	if (!reason || (rc && reason == EPIPE))
		return report_status((enum ferry_code)rc);
	if (reason == EPIPE)
		return 128 + SIGPIPE; /* as if it had been killed by it */
	report_output(reason);
	/* Whoever takes a part for good would take part of that. */
	return rc && rc != FERRY_E_PARTIAL ? report_status((enum ferry_code)rc)
					   : 1;
}

/*
 * Left to itself, glibc keeps ever larger blocks once they have been freed,
 * in each thread's own heap; with many jobs most of the memory would be that.
 */
static void
keep_memory_low(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK);
}

/*
 * A standard file that is closed would be given to the next file opened: the
 * bundle itself.  It becomes one that fails when used.
 */
static bool
open_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null",
			 fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	struct session session = { 0 };
	struct ferry_error err = { 0 };
	const char *name = NULL;
	int status;
	int rc;

	static_begin();
	if (!open_standard_files())
		return 1;
	keep_memory_low();
	signal(SIGPIPE, SIG_IGN);
	/* A parent may have ignored it: then nobody learns how a child ends. */
	signal(SIGCHLD, SIG_DFL);
	rc = run(&session, argc, argv, &name, &err);
	status = finish(&session, name, rc, &err);
	json_decref(session.document);
	text_list_release(&session.operands);
	ferry_context_free(session.context);
	return status;
}
