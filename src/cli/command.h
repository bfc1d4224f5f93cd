/*
 * A command of ferry, and what it runs with.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/options.h"
#include "cli/progress.h"
#include "ferry/ferry.h"
#include "json/json.h"

struct session {
	struct common common;
	struct text_list operands;
	struct ferry_context *context;
	struct progress progress;
	/* With --json: what will be printed at the end, even after an error. */
	json_t *document;
	bool printed; /* the command has printed its document itself */
};

struct command {
	const char *name;
	const char *summary;  /* in the list of commands */
	const char *synopsis; /* behind the name */
	const char *about;
	const struct flag *flags;
	size_t flag_count;
	size_t values_size;  /* of the struct that the flags fill */
	const char *operand; /* what the first operand is called */
	unsigned operands_least, operands_most;
	int (*run)(struct session *session, const void *values,
		   struct ferry_error *err);
};

/* For AUTO(). */
static inline void
command_close_bundle(struct ferry_bundle **bundle)
{
	ferry_bundle_close(*bundle);
}

extern const struct command command_pack;
extern const struct command command_load;
extern const struct command command_map;
extern const struct command command_verify;
extern const struct command command_list;
extern const struct command command_inspect;
extern const struct command command_diff;
extern const struct command command_serve;
extern const struct command command_host;

#endif
