/*
 * Writing a bundle: blobs into their places, from several threads at once,
 * then what depends on all of them, then its name.
 */
#ifndef BUNDLE_WRITER_H
#define BUNDLE_WRITER_H

#include "bundle/layout.h"

/* What a release would make: no file is touched. */
struct bundle_size {
	uint64_t least; /* with nothing but what is compressed already */
	uint64_t most;	/* the same, unless layers have yet to shrink */
};

int bundle_measure(struct bundle_size *out, const struct release *release,
		   struct ferry_error *err) MUST_CHECK;

struct bundle_writer;

/* `release` is borrowed until free.  `path` as for output_open(). */
int bundle_writer_new(struct bundle_writer **out, const char *path, bool force,
		      const struct release *release, struct ferry_error *err)
	MUST_CHECK;
/* Without a commit the file goes. */
void bundle_writer_free(struct bundle_writer *writer);

/* Pushes a blob's content, whole and proved, into `to`, or fails. */
struct bundle_filler {
	int (*fill)(struct bundle_filler *filler, const struct blob *blob,
		    struct sink *to, struct ferry_error *err);
};

/*
 * Writes one blob; one whose bytes were not as named is filled once more.
 *
 * May be called from several threads, for each blob once.  Plain layers must
 * be begun in their order: each waits for the one before it, whose end is
 * where it begins.  When one of them fails, those behind it fail of the same.
 */
int bundle_writer_put(struct bundle_writer *writer, size_t blob,
		      struct bundle_filler *filler, struct ferry_error *err)
	MUST_CHECK;

/* Writes front and seek table, when all blobs are there; syncs, renames. */
int bundle_writer_commit(struct bundle_writer *writer, struct ferry_error *err)
	MUST_CHECK;

/* The size of the file, after the commit. */
uint64_t bundle_writer_bytes(const struct bundle_writer *writer);

#endif
