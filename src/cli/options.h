/*
 * The options of a command: one table that both reads and explains them.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct command;

/* Arguments in the order given; they point into argv, the array is owned. */
struct text_list {
	const char **items;
	size_t count;
};

int text_list_add(struct text_list *list, const char *item,
		  struct ferry_error *err) MUST_CHECK;
void text_list_release(struct text_list *list);

enum flag_kind {
	FLAG_SWITCH, /* bool */
	FLAG_TEXT,   /* const char *, the last one given */
	FLAG_LIST,   /* struct text_list, all that were given */
	FLAG_NUMBER, /* unsigned */
};

struct flag {
	const char *heading;  /* of the options from here on; or NULL */
	const char *name;     /* without its dashes */
	const char *argument; /* as the help calls it; NULL for a switch */
	const char *help;
	enum flag_kind kind;
	size_t offset; /* in the command's struct of values */
	char letter;   /* the short form, or 0 */
	bool required;
	unsigned initial, least, most; /* of a FLAG_NUMBER */
};

/* Of load and map, whose values have a text_list "rewrite". */
#define REWRITE_FLAG(type)                                                      \
	{                                                                       \
		.name = "rewrite", .argument = "FROM=TO",                       \
		.help = "call images that begin with FROM by TO there (may be " \
			"repeated; the longest FROM counts)",                   \
		.kind = FLAG_LIST, .offset = offsetof(type, rewrite)            \
	}

/* What every command knows. */
struct common {
	bool json;
	bool quiet;
	bool help;
};

/* Most options that one command has, the common ones included. */
#define FLAGS_MAX 64

/*
 * Option `index` of `command`, the common ones last; NULL behind them.
 * *common tells whether its offset is into struct common.
 */
const struct flag *options_at(const struct command *command, size_t index,
			      bool *common);

/*
 * Reads `argv` (argv[0] is the command) into `common`, `values` (zeroed, of
 * command->values_size) and `operands`.  After a mistake, FERRY_E_USAGE, the
 * rest has been read all the same, so that `common` knows how to tell it.
 */
int options_parse(const struct command *command, int argc, char **argv,
		  struct common *common, void *values,
		  struct text_list *operands, struct ferry_error *err)
	MUST_CHECK;

/* Frees what options_parse() put into `values`. */
void options_release(const struct command *command, void *values);

/* Prints the command's help, below 80 columns. */
void options_help(const struct command *command);

/*
 * The candidate that `word` looks like a slip of, or NULL.  Candidates are
 * what next(data, i) gives for i = 0, 1, .. until NULL.
 */
const char *suggest(const char *word,
		    const char *(*next)(const void *data, size_t index),
		    const void *data);

#endif
