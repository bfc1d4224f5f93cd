/*
 * What a run that did not finish left beside the output, and how much of it
 * serves the next one.
 */
#ifndef BUNDLE_LEFTOVER_H
#define BUNDLE_LEFTOVER_H

#include "base/context.h"
#include "base/output.h"
#include "bundle/journal.h"

/* A file and its journal.  Zeroed there is none. */
struct leftover {
	char *path; /* NULL: there is none */
	int fd;
	bool large; /* file_is_large() */
	struct journal journal;
};

/* Of some blob it has something. */
bool leftover_is_worth(const struct leftover *leftover);

/*
 * How much of the blob's content it has; *out is the blob's number there.  It
 * is all of a compressed blob or nothing.
 */
uint64_t leftover_find(const struct leftover *leftover,
		       const struct descriptor *descriptor, size_t *out);

/* Who reads, and for what. */
struct leftover_reader {
	struct ferry_context *context;
	const char *name;		 /* of the image, for the observer */
	struct frame_listener *listener; /* of compressed frames, or NULL */
};

/*
 * Pushes what there is of blob `blob` into `proof`, from its beginning.
 * FERRY_E_DIGEST where the file is not as it must be.  What comes is as good
 * as the proof that the caller finishes.
 */
int leftover_read(const struct leftover *leftover, size_t blob,
		  const struct leftover_reader *reader, struct proof *proof,
		  struct ferry_error *err) MUST_CHECK;

/* All that stands beside an output. */
struct leftovers {
	struct leftover own; /* of this very plan: it goes on in its place */
	struct leftover old; /* of another plan: it serves as a source */
	bool aside; /* `old` has the names of the output's own files yet */
};

/* `head` is the journal's head of this plan. */
int leftovers_open(struct leftovers *out, const struct output_names *names,
		   const struct buffer *head, struct ferry_error *err)
	MUST_CHECK;
void leftovers_release(struct leftovers *leftovers);

/*
 * Who has more of the blob: its content is *content bytes, 0 where nobody has
 * anything.
 */
const struct leftover *leftovers_find(const struct leftovers *leftovers,
				      const struct descriptor *descriptor,
				      size_t *blob, uint64_t *content);

#endif
