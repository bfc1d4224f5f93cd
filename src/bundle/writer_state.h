/*
 * What the files that write a bundle share.
 */
#ifndef BUNDLE_WRITER_STATE_H
#define BUNDLE_WRITER_STATE_H

#include "base/output.h"
#include "base/writeback.h"
#include "bundle/leftover.h"
#include "bundle/writer.h"
#include "codec/frame.h"
#include "codec/seek_table.h"

/* What of a raw blob is noted down at once: what goes into the file at once. */
#define NOTE_BYTES ((uint64_t)FRAME_STAGE)

struct bundle_writer {
	struct output output;
	struct writeback writeback;
	struct leftovers leftovers;
	struct journal_log log;
	struct ferry_context *context;
	const struct release *release;
	struct layout layout;
	struct frame_run front;
	uint64_t first; /* offset of the first blob in the file */
	uint64_t bytes;
	bool in_order;

	pthread_mutex_t lock; /* over next_plain and failure */
	pthread_cond_t turn;
	size_t next_plain;	    /* the plain blob whose turn it is */
	struct ferry_error failure; /* of a plain blob; code OK: none */
	/* Written by whose turn it is: */
	struct digest *frames; /* of each plain blob's frames */
	struct seek_table plain_table;
};

/* Frames on their way into the file, hashed if asked. */
struct file_sink {
	struct sink sink;
	struct bundle_writer *writer;
	uint64_t offset;
	uint64_t settled;      /* up to here the file has these very bytes */
	uint64_t pending;      /* bytes before `offset` to be written back */
	struct hasher *hasher; /* NULL: not hashed */
};

/* Begins at `offset` of the file. */
struct file_sink file_sink(struct bundle_writer *writer, uint64_t offset);

/* Begins to write to the disk what is pending, if it is `least` or more. */
void file_sink_write_back(struct file_sink *file, uint64_t least);

const char *writer_partial(const struct bundle_writer *writer);

/* Where the blob lies in the file. */
uint64_t writer_place(const struct bundle_writer *writer, size_t blob);

int writer_write_at(const struct bundle_writer *writer, const void *data,
		    size_t size, uint64_t offset, struct ferry_error *err)
	MUST_CHECK;

#endif
