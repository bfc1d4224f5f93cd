/*
 * libarchive over our streams.  Internal to archive/.
 */
#ifndef ARCHIVE_LIBRARY_H
#define ARCHIVE_LIBRARY_H

#include <archive.h>

#include "archive/stream.h"
#include "base/context.h"

/* What libarchive reads through: remembers why the stream failed. */
struct library_input {
	struct stream *stream;		     /* borrowed */
	const struct ferry_context *context; /* or NULL */
	struct ferry_error err;
	uint64_t taken;	      /* bytes handed over or skipped */
	uint64_t nonzero_end; /* of these, where the last that is not 0 ends */
};

/* Opens `reader`, whose format and filters are set up, over the input. */
int library_open(struct archive *reader, struct library_input *input,
		 struct ferry_error *err) MUST_CHECK;

/* The error that libarchive, or the stream below it, has just met. */
int library_failure(struct archive *reader, const struct library_input *input,
		    struct ferry_error *err);

/*
 * Whether `got` warns of no more than a name whose letters this program's
 * locale lacks (it never asks for one): the entry has the name's bytes then,
 * which are all that we compare.
 */
bool library_warns_of_letters(struct archive *reader, int got);

static inline void
cleanup_reader(struct archive **reader)
{
	if (*reader)
		archive_read_free(*reader);
}

#define AUTO_READER AUTO(cleanup_reader) struct archive

#endif
