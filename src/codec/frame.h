/*
 * Content in zstd frames (RFC 8878), as a bundle has it: docs/format.md,
 * "Frames".
 *
 * A run of content is cut into frames of FRAME_CONTENT bytes, the last one
 * shorter.  A run may be closing: it ends with the archive's end marker, and
 * that stays in one frame with what is before it, since dockerd 23 to 27 may
 * crash on a frame left unread behind the marker.
 *
 * In raw frames each block stores its bytes as they are, so the size of the
 * run in the file follows from its length alone, and every byte of framing is
 * known beforehand.
 */
#ifndef CODEC_FRAME_H
#define CODEC_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/input.h"
#include "base/sink.h"

#define FRAME_TRAILER 1024 /* two zero blocks: the end of a tar archive */
#define FRAME_CONTENT (((uint64_t)8 << 20) - FRAME_TRAILER)
#define FRAME_BLOCK ((uint64_t)128 << 10) /* the most RFC 8878 allows */
#define FRAME_WINDOW_LOG 20 /* the most a bundle asks of its decoder */

/*
 * Raw frames go out in pieces of so many bytes.  A kill costs the one that is
 * not full yet, which is why it is no more than keeps system calls cheap.
 */
#define FRAME_STAGE ((size_t)64 << 10)

/* A run of content: its length, the trailer of a closing run included. */
struct frame_run {
	uint64_t length;
	bool closing;
};

uint64_t frame_count(struct frame_run run);

/* The content of the frame that begins `at` bytes into the run. */
uint64_t frame_content_at(struct frame_run run, uint64_t at);

/* The bytes that a run takes in raw frames; one raw frame of `content`. */
uint64_t frame_raw_size(struct frame_run run);
uint64_t frame_raw_frame_size(uint64_t content);

/* How much of the run's content lies in the first `packed` bytes of its raw
 * frames. */
uint64_t frame_raw_content(struct frame_run run, uint64_t packed);

/* The most that a run takes when it is compressed. */
uint64_t frame_zstd_bound(struct frame_run run);

/* Told of each frame that an encoder has finished. */
struct frame_listener {
	int (*frame)(struct frame_listener *listener, uint64_t packed,
		     uint64_t content, struct ferry_error *err);
};

/*
 * Turns content into frames.  begin(); write exactly the run's content to
 * ->sink; finish() a raw one; release() in any case.
 */
struct frame_encoder {
	struct sink sink;
	struct sink *out; /* borrowed; takes the frames */
	struct frame_listener *listener;
	struct frame_run run;
	uint64_t at;	     /* content taken so far */
	uint64_t frame_left; /* content still to come in this frame */
	uint64_t frame_packed;
	uint64_t frame_content;
	uint64_t block_left;
	void *state;	/* XXH64_state_t or ZSTD_CCtx */
	uint8_t *stage; /* raw: frames to go out; zstd: content to pack */
	size_t staged;
};

/* `listener` may be NULL. */
int frame_raw_begin(struct frame_encoder *encoder, struct frame_run run,
		    struct sink *out, struct frame_listener *listener,
		    struct ferry_error *err) MUST_CHECK;
/* Hands on what has been taken so far; as often as is wanted. */
int frame_raw_flush(struct frame_encoder *encoder, struct ferry_error *err)
	MUST_CHECK;
int frame_raw_finish(struct frame_encoder *encoder, struct ferry_error *err)
	MUST_CHECK;
void frame_raw_release(struct frame_encoder *encoder);

int frame_zstd_begin(struct frame_encoder *encoder, struct frame_run run,
		     struct sink *out, struct frame_listener *listener,
		     struct ferry_error *err) MUST_CHECK;
int frame_zstd_finish(struct frame_encoder *encoder, struct ferry_error *err)
	MUST_CHECK;
void frame_zstd_release(struct frame_encoder *encoder);

/*
 * Read a run and push its content into `to`.  Every byte
 * of raw framing must be what the encoder writes; zstd frames must fill
 * `packed` bytes exactly, and each hold the content it should.
 * FERRY_E_DAMAGED otherwise.  Of `from`, no byte is taken beyond `packed`;
 * `offset` is what messages call its first.
 */
int frame_raw_read(struct input *from, uint64_t offset, uint64_t packed,
		   struct frame_run run, struct sink *to,
		   struct ferry_error *err) MUST_CHECK;
int frame_zstd_read(struct input *from, uint64_t packed, struct frame_run run,
		    struct sink *to, struct frame_listener *listener,
		    struct ferry_error *err) MUST_CHECK;

/* The same at `offset` of a file. */
int frame_raw_decode(int fd, uint64_t offset, struct frame_run run,
		     struct sink *to, struct ferry_error *err) MUST_CHECK;
/* The same of no more than the first `packed` bytes of the run's frames. */
int frame_raw_decode_start(int fd, uint64_t offset, uint64_t packed,
			   struct frame_run run, struct sink *to,
			   struct ferry_error *err) MUST_CHECK;
int frame_zstd_decode(int fd, uint64_t offset, uint64_t packed,
		      struct frame_run run, struct sink *to,
		      struct frame_listener *listener, struct ferry_error *err)
	MUST_CHECK;

/*
 * Reads `size` bytes of a run's content from `at` on, which must lie in it.
 * The framing around them is left alone: who reads so proves the content.
 */
int frame_raw_read_at(int fd, uint64_t offset, struct frame_run run,
		      uint64_t at, void *data, size_t size,
		      struct ferry_error *err) MUST_CHECK;

/*
 * The content of the raw frame whose first FRAME_HEADER bytes are `header`.
 * FERRY_E_DAMAGED when it is not the header of a raw frame of ours.
 */
#define FRAME_HEADER 10
int frame_raw_parse_header(uint64_t *content,
			   const uint8_t header[FRAME_HEADER],
			   struct ferry_error *err) MUST_CHECK;

#endif
