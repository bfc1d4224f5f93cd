/*
 * Output that appears under its name only when it is whole, and what a run
 * that did not get there leaves for the next one.
 */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What may stand beside PATH until it is there. */
enum output_name {
	OUTPUT_PARTIAL,	    /* PATH.partial: the file in the making */
	OUTPUT_JOURNAL,	    /* PATH.journal: what is in it */
	OUTPUT_OLD_PARTIAL, /* PATH.partial.old: one that was set aside */
	OUTPUT_OLD_JOURNAL, /* PATH.journal.old */
	OUTPUT_NAMES,
};

struct output_names {
	char *text[OUTPUT_NAMES];
};

int output_names_init(struct output_names *out, const char *path,
		      struct ferry_error *err) MUST_CHECK;
void output_names_release(struct output_names *names);

/* The disk space that a file takes; 0 when there is none. */
uint64_t output_disk_bytes(const char *path);

/* PATH.partial, open and locked against a second writer; perhaps a journal. */
struct output {
	int fd;	     /* -1: not open */
	int journal; /* to append to; -1: it has none */
	bool force;
	bool keep; /* leave all there when released without a commit */
	char *path;
	struct output_names names;
};

/*
 * Begins PATH.partial, empty, without a journal.
 *
 * Fails when `path` exists (unless `force`), it or one of the names beside it
 * is no regular file or too long, its folder does not exist or cannot be
 * written, or another process is writing it.
 */
int output_open(struct output *output, const char *path, bool force,
		struct ferry_error *err) MUST_CHECK;

/*
 * The same with PATH.journal, both as the last run left them, or new and
 * empty.  A journal beside no file, or an empty one, has been emptied.
 */
int output_resume(struct output *output, const char *path, bool force,
		  struct ferry_error *err) MUST_CHECK;

/* What output_open() would check, without making anything. */
int output_check(const char *path, bool force, struct ferry_error *err)
	MUST_CHECK;

/*
 * Whether outputs at both paths would get into each other's way: they are one,
 * or one has a name that may stand beside the other.
 */
bool output_collides(const char *path, const char *other);

/*
 * Renames both files to the old ones' names, over what has these, and begins
 * empty ones in their place.
 */
int output_set_aside(struct output *output, struct ferry_error *err) MUST_CHECK;

/* Removes what was set aside. */
void output_drop_old(const struct output *output);

/*
 * Syncs, renames, removes all else that stands beside, and syncs the folder:
 * from here on the file is there.
 */
int output_commit(struct output *output, struct ferry_error *err) MUST_CHECK;

/* Without a commit: removes what it opened unless `keep`.  Harmless on a closed
 * one. */
void output_release(struct output *output);

#endif
