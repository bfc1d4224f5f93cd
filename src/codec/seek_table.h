/*
 * The seek table at the end of a bundle: zstd's seekable format 0.1.0, without
 * per-frame checksums.  A hint for other tools; ferry itself does not need it.
 */
#ifndef CODEC_SEEK_TABLE_H
#define CODEC_SEEK_TABLE_H

#include "codec/frame.h"

/* Below 32 KiB: with more, dockerd 23 to 27 may crash (docs/format.md). */
#define SEEK_TABLE_FRAMES 4093

/* Listens to frames in the order in which they lie in the file. */
struct seek_table {
	struct frame_listener listener;
	struct buffer entries; /* 8 bytes each */
	uint64_t frames;       /* also those that found no room */
};

#define SEEK_TABLE_BYTES (8 + (size_t)SEEK_TABLE_FRAMES * 8 + 9)

void seek_table_init(struct seek_table *table);

/* Adds the frames of a run in raw frames. */
int seek_table_add_raw(struct seek_table *table, struct frame_run run,
		       struct ferry_error *err) MUST_CHECK;

/* Adds all frames of `other`. */
int seek_table_append(struct seek_table *table, const struct seek_table *other,
		      struct ferry_error *err) MUST_CHECK;

/* Forgets the frames added since the mark, to add them anew. */
struct seek_table_mark {
	uint64_t frames;
	size_t size;
};

struct seek_table_mark seek_table_mark(const struct seek_table *table);
void seek_table_back_to(struct seek_table *table, struct seek_table_mark mark);

/* What seek_table_write() appends for so many frames. */
size_t seek_table_size(uint64_t frames);

/* Appends the skippable frame, or nothing where it would grow too large. */
int seek_table_write(const struct seek_table *table, struct buffer *out,
		     struct ferry_error *err) MUST_CHECK;
void seek_table_release(struct seek_table *table);

#endif
