/*
 * The options of every command that reads lists of images.
 */
#ifndef CLI_LIST_FLAGS_H
#define CLI_LIST_FLAGS_H

#include "cli/options.h"
#include "ferry/list.h"

struct list_values {
	struct text_list files;
	const char *format;
	struct text_list env_files;
	struct text_list profiles;
};

/* How each `what` is read; .env stands beside `beside`. */
#define LIST_KIND_FLAGS(values, what, beside)                                  \
	{ .name = "list-format",                                               \
	  .argument = "KIND",                                                  \
	  .help = "what each " what " is: text, compose, kubernetes or "       \
		  "definition (default: seen from its content)",               \
	  .kind = FLAG_TEXT,                                                   \
	  .offset = offsetof(values, list.format) },                           \
	{                                                                      \
		.name = "env-file", .argument = "FILE",                        \
		.help = "variables for Compose files, instead of .env "        \
			"beside " beside " (may be repeated)",                 \
		.kind = FLAG_LIST, .offset = offsetof(values, list.env_files)  \
	}

/* Rows of an option table; `values` is a struct with .list, `does` the help. */
#define LIST_FLAGS(values, does)                                               \
	{ .heading = "Which images",                                           \
	  .name = "file",                                                      \
	  .letter = 'f',                                                       \
	  .argument = "LIST",                                                  \
	  .help = does "; - is standard input (may be repeated)",              \
	  .kind = FLAG_LIST,                                                   \
	  .offset = offsetof(values, list.files) },                            \
		LIST_KIND_FLAGS(values, "LIST", "the first"),                  \
	{                                                                      \
		.name = "profile", .argument = "NAME",                         \
		.help = "of Compose services with profiles, take only those "  \
			"with this one (may be repeated; default: all)",       \
		.kind = FLAG_LIST, .offset = offsetof(values, list.profiles)   \
	}

/* FERRY_E_USAGE for a --platform that is several. */
int list_flags_platforms(const struct text_list *platforms,
			 struct ferry_error *err) MUST_CHECK;

/* Fills *out, which borrows from `values`.  FERRY_E_USAGE: no such KIND. */
int list_flags_options(struct ferry_list_options *out,
		       const struct list_values *values,
		       struct ferry_error *err) MUST_CHECK;

/* As --list-format calls it; not FERRY_LIST_ANY. */
const char *list_flags_kind(enum ferry_list_format format);

#endif
