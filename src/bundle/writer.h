/*
 * Writing a bundle: blobs into their places, from several threads at once,
 * then what depends on all of them, then its name.
 */
#ifndef BUNDLE_WRITER_H
#define BUNDLE_WRITER_H

#include "base/context.h"
#include "bundle/draft.h"
#include "codec/digest.h"

struct bundle_writer;

/* `path` and `force` as for output_open(). */
struct bundle_writer_options {
	const char *path;
	bool force;
	bool fresh; /* use nothing that an unfinished run left: remove it */
	struct ferry_context *context;
};

/*
 * `options` and what it points to, and `release`, are borrowed until free.
 * Goes on with what an unfinished run left beside `path`.
 */
int bundle_writer_new(struct bundle_writer **out,
		      const struct bundle_writer_options *options,
		      const struct release *release, struct ferry_error *err)
	MUST_CHECK;

/*
 * Without a commit, what has been written stays for the next run, with a
 * journal, if a blob is among it.
 */
void bundle_writer_free(struct bundle_writer *writer);

/* Adds to the message of a failure what stays where. */
void bundle_writer_tell(const struct bundle_writer *writer,
			struct ferry_error *err);

/*
 * Whether the blobs should be begun in their order: where no room can be
 * reserved, the file grows from the front.
 */
bool bundle_writer_in_order(const struct bundle_writer *writer);

/*
 * Pushes a blob's content into `proof` from proof->seen on, and finishes that,
 * or fails.
 */
struct bundle_filler {
	int (*fill)(struct bundle_filler *filler, const struct blob *blob,
		    struct proof *proof, struct ferry_error *err);
};

/*
 * Writes one blob, as far as it is not there yet; one whose bytes were not as
 * named is filled once more, from its beginning.
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
