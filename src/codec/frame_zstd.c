#include "codec/frame.h"

#include <string.h>
#include <zstd.h>

/* The one pinned mode: format.md names it, and bytes depend on it. */
#define LEVEL 3
#define CHECKSUM 4 /* not in libzstd's bound */
#define STAGE ((size_t)256 << 10)

static int
zstd_failed(size_t code, struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED, "zstd: %s",
			 ZSTD_getErrorName(code));
}

uint64_t
frame_zstd_bound(struct frame_run run)
{
	uint64_t full = frame_count(run) - 1;
	uint64_t last = run.length - full * FRAME_CONTENT;

	return full * (ZSTD_compressBound(FRAME_CONTENT) + CHECKSUM) +
	       ZSTD_compressBound(last) + CHECKSUM;
}

static int
set_up(ZSTD_CCtx *context, struct ferry_error *err)
{
	static const struct {
		ZSTD_cParameter name;
		int value;
	} parameters[] = {
		{ ZSTD_c_compressionLevel, LEVEL },
		{ ZSTD_c_windowLog, FRAME_WINDOW_LOG },
		{ ZSTD_c_checksumFlag, 1 },
		{ ZSTD_c_contentSizeFlag, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		size_t code = ZSTD_CCtx_setParameter(
			context, parameters[i].name, parameters[i].value);
		if (ZSTD_isError(code))
			return zstd_failed(code, err);
	}
	return 0;
}

/* One call a frame: how the content arrived must not show in the bytes. */
static int
compress_frame(struct frame_encoder *encoder, struct ferry_error *err)
{
	size_t bound = ZSTD_compressBound(encoder->staged) + CHECKSUM;
	AUTO_FREE uint8_t *packed = malloc(bound);
	size_t size;
	int rc;

	if (!packed)
		return error_nomem(err);
	size = ZSTD_compress2(encoder->state, packed, bound, encoder->stage,
			      encoder->staged);
	if (ZSTD_isError(size))
		return zstd_failed(size, err);
	rc = sink_write(encoder->out, packed, size, err);
	if (!rc && encoder->listener)
		rc = encoder->listener->frame(encoder->listener, size,
					      encoder->staged, err);
	encoder->staged = 0;
	return rc;
}

static int
encode(struct sink *sink, const void *data, size_t size,
       struct ferry_error *err)
{
	struct frame_encoder *encoder = (struct frame_encoder *)sink;
	const uint8_t *at = data;
	int rc = 0;

	while (size && !rc) {
		size_t part;

		if (!encoder->frame_left)
			encoder->frame_left =
				frame_content_at(encoder->run, encoder->at);
		part = size < encoder->frame_left ? size : encoder->frame_left;
		memcpy(encoder->stage + encoder->staged, at, part);
		encoder->staged += part;
		at += part;
		size -= part;
		encoder->at += part;
		encoder->frame_left -= part;
		if (!encoder->frame_left)
			rc = compress_frame(encoder, err);
	}
	return rc;
}

int
frame_zstd_begin(struct frame_encoder *encoder, struct frame_run run,
		 struct sink *out, struct frame_listener *listener,
		 struct ferry_error *err)
{
	*encoder = (struct frame_encoder){ .sink = { .write = encode },
					   .out = out,
					   .listener = listener,
					   .run = run };
	encoder->state = ZSTD_createCCtx();
	encoder->stage = malloc(FRAME_CONTENT + FRAME_TRAILER);
	if (!encoder->state || !encoder->stage)
		return error_nomem(err);
	return set_up(encoder->state, err);
}

void
frame_zstd_release(struct frame_encoder *encoder)
{
	ZSTD_freeCCtx(encoder->state);
	free(encoder->stage);
	encoder->state = NULL;
	encoder->stage = NULL;
}

/* A run being unpacked, frame by frame. */
struct decoder {
	ZSTD_DCtx *context;
	struct input *from;
	uint64_t left; /* packed bytes not read yet */
	uint8_t *input;
	uint8_t *output;
	ZSTD_inBuffer window;
	uint64_t packed; /* of this frame */
};

/* Reads more, behind what has not been unpacked yet. */
static int
read_more(struct decoder *decoder, struct ferry_error *err)
{
	size_t unread = decoder->window.size - decoder->window.pos;
	size_t room = STAGE - unread;
	size_t size = 0;
	int rc;

	memmove(decoder->input, decoder->input + decoder->window.pos, unread);
	rc = decoder->from->read(decoder->from, decoder->input + unread,
				 decoder->left < room ? decoder->left : room,
				 &size, err);
	if (rc)
		return rc;
	decoder->left -= size;
	decoder->window = (ZSTD_inBuffer){ decoder->input, unread + size, 0 };
	return 0;
}

static int
refill(struct decoder *decoder, struct ferry_error *err)
{
	if (!decoder->left)
		return error_set(err, FERRY_E_DAMAGED,
				 "a compressed frame has no end");
	return read_more(decoder, err);
}

static int
decode_some(struct decoder *decoder, uint64_t *content, bool *ended,
	    struct sink *to, struct ferry_error *err)
{
	ZSTD_outBuffer output = { decoder->output, STAGE, 0 };
	size_t before = decoder->window.pos;
	size_t code = ZSTD_decompressStream(decoder->context, &output,
					    &decoder->window);

	if (ZSTD_isError(code))
		return error_set(err, FERRY_E_DAMAGED, "zstd: %s",
				 ZSTD_getErrorName(code));
	decoder->packed += decoder->window.pos - before;
	if (output.pos > *content)
		return error_set(err, FERRY_E_DAMAGED,
				 "a frame holds more than it should");
	*content -= output.pos;
	*ended = code == 0;
	return output.pos ? sink_write(to, decoder->output, output.pos, err)
			  : 0;
}

/* RFC 8878 3.1.1.1.1, the frame header descriptor's bits. */
#define SIZE_FLAG 0xc0
#define SINGLE_SEGMENT 0x20
#define RESERVED_BIT 0x08
#define CHECKSUM_FLAG 0x04
#define DICTIONARY_FLAG 0x03
#define HEAD 6 /* bytes: magic, descriptor, window or size */

/* RFC 8878 3.1.1.1.2: a window of 2^(10 + exponent), and eighths of it. */
static bool
fits_window(uint8_t descriptor, uint8_t next, uint64_t content)
{
	if (descriptor & SINGLE_SEGMENT)
		return content <= (uint64_t)1 << FRAME_WINDOW_LOG;
	return next <= (FRAME_WINDOW_LOG - 10) << 3;
}

/*
 * libzstd reads more than what a bundle may hold: frames without checksum or
 * size, with dictionaries, and, where it sees all of one at once, with any
 * window.
 */
static int
check_header(struct decoder *decoder, uint64_t content, struct ferry_error *err)
{
	const ZSTD_inBuffer *window = &decoder->window;
	const uint8_t *head;
	int rc = 0;

	while (!rc && window->size - window->pos < HEAD && decoder->left)
		rc = read_more(decoder, err);
	if (rc)
		return rc;
	head = decoder->input + window->pos;
	if (window->size - window->pos < HEAD ||
	    memcmp(head, "\x28\xb5\x2f\xfd", 4) != 0 ||
	    !(head[4] & (SIZE_FLAG | SINGLE_SEGMENT)) ||
	    !(head[4] & CHECKSUM_FLAG) ||
	    head[4] & (RESERVED_BIT | DICTIONARY_FLAG) ||
	    !fits_window(head[4], head[5], content))
		return error_set(err, FERRY_E_DAMAGED,
				 "no frame of a bundle where one must be");
	return 0;
}

static int
decode_frame(struct decoder *decoder, uint64_t content, struct sink *to,
	     struct ferry_error *err)
{
	bool ended = false;
	int rc = check_header(decoder, content, err);

	if (rc)
		return rc;
	decoder->packed = 0;
	ZSTD_DCtx_reset(decoder->context, ZSTD_reset_session_only);
	while (!ended) {
		rc = decoder->window.pos == decoder->window.size
			     ? refill(decoder, err)
			     : 0;

		if (!rc)
			rc = decode_some(decoder, &content, &ended, to, err);
		if (rc)
			return rc;
	}
	if (content)
		return error_set(err, FERRY_E_DAMAGED,
				 "a frame holds less than it should");
	return 0;
}

static int
decode_run(struct decoder *decoder, struct frame_run run, struct sink *to,
	   struct frame_listener *listener, struct ferry_error *err)
{
	uint64_t at = 0;

	while (at < run.length) {
		uint64_t content = frame_content_at(run, at);
		int rc = decode_frame(decoder, content, to, err);

		if (!rc && listener)
			rc = listener->frame(listener, decoder->packed, content,
					     err);
		if (rc)
			return rc;
		at += content;
	}
	if (decoder->left || decoder->window.pos != decoder->window.size)
		return error_set(err, FERRY_E_DAMAGED,
				 "bytes behind the last frame");
	return 0;
}

int
frame_zstd_read(struct input *from, uint64_t packed, struct frame_run run,
		struct sink *to, struct frame_listener *listener,
		struct ferry_error *err)
{
	AUTO_FREE uint8_t *input = malloc(STAGE);
	AUTO_FREE uint8_t *output = malloc(STAGE);
	struct decoder decoder = { .context = ZSTD_createDCtx(),
				   .from = from,
				   .left = packed,
				   .input = input,
				   .output = output };
	int rc = input && output && decoder.context ? 0 : error_nomem(err);

	if (!rc &&
	    ZSTD_isError(ZSTD_DCtx_setParameter(
		    decoder.context, ZSTD_d_windowLogMax, FRAME_WINDOW_LOG)))
		rc = error_nomem(err);
	if (!rc)
		rc = decode_run(&decoder, run, to, listener, err);
	ZSTD_freeDCtx(decoder.context);
	return rc;
}

int
frame_zstd_decode(int fd, uint64_t offset, uint64_t packed,
		  struct frame_run run, struct sink *to,
		  struct frame_listener *listener, struct ferry_error *err)
{
	struct file_input input;

	file_input_init(&input, fd, offset);
	return frame_zstd_read(&input.input, packed, run, to, listener, err);
}
