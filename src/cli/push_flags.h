/*
 * The options of what is pushed to a registry.
 */
#ifndef CLI_PUSH_FLAGS_H
#define CLI_PUSH_FLAGS_H

#include "cli/options.h"
#include "ferry/load.h"

struct push_values {
	const char *chunk_size;
	const char *existing_tag;
	bool deep;
};

/* Rows of an option table; `values` is a struct with .push. */
#define PUSH_FLAGS(values)                                                     \
	{ .heading = "What is pushed to a registry",                           \
	  .name = "chunk-size",                                                \
	  .argument = "SIZE",                                                  \
	  .help = "push blobs larger than this in chunks of it, which a "      \
		  "later run can go on with (64K to 1G; default: at once)",    \
	  .kind = FLAG_TEXT,                                                   \
	  .offset = offsetof(values, push.chunk_size) },                       \
		{ .name = "on-existing-tag",                                   \
		  .argument = "WHAT",                                          \
		  .help = "of a registry's tag that stands for another image " \
			  "already: overwrite, skip or fail (default "         \
			  "overwrite)",                                        \
		  .kind = FLAG_TEXT,                                           \
		  .offset = offsetof(values, push.existing_tag) },             \
	{                                                                      \
		.name = "deep",                                                \
		.help = "read every blob back from the registry, and hash it", \
		.kind = FLAG_SWITCH, .offset = offsetof(values, push.deep)     \
	}

/*
 * Fills what is about pushing in *out.  *state is the folder that remembers
 * uploads, or NULL; the caller frees it, after `out` is used.
 */
int push_flags_options(struct ferry_load_options *out,
		       const struct push_values *values, char **state,
		       struct ferry_error *err) MUST_CHECK;

#endif
