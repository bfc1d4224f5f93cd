#include "codec/frame.h"

#include <string.h>
#include <xxhash.h>

#include "base/file.h"

/*
 * RFC 8878 3.1.1.1: a frame with a window descriptor, a content size of four
 * bytes and a checksum.  The window is one block: nothing refers back.
 */
#define DESCRIPTOR 0x84
#define WINDOW 0x38 /* 2^(10 + 7) */
#define BLOCK_HEADER 3
#define CHECKSUM 4
#define WINDOW_BYTES ((size_t)1 << 20)

static const uint8_t magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };

static void
store(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static void
frame_header(uint8_t out[FRAME_HEADER], uint64_t content)
{
	memcpy(out, magic, sizeof(magic));
	out[4] = DESCRIPTOR;
	out[5] = WINDOW;
	store(out + 6, content, 4);
}

/* RFC 8878 3.1.1.2: last block, type 0 (raw), size. */
static void
block_header(uint8_t out[BLOCK_HEADER], uint64_t size, bool last)
{
	store(out, size << 3 | last, BLOCK_HEADER);
}

static void
frame_checksum(uint8_t out[CHECKSUM], XXH64_state_t *state)
{
	store(out, XXH64_digest(state), CHECKSUM);
}

int
frame_raw_parse_header(uint64_t *content, const uint8_t header[FRAME_HEADER],
		       struct ferry_error *err)
{
	uint8_t expected[FRAME_HEADER];
	uint64_t size = 0;

	for (int i = 3; i >= 0; i--)
		size = size << 8 | header[6 + i];
	frame_header(expected, size);
	if (memcmp(header, expected, FRAME_HEADER) != 0 || size == 0 ||
	    size > FRAME_CONTENT + FRAME_TRAILER)
		return error_set(err, FERRY_E_DAMAGED,
				 "no frame of a bundle where one must be");
	*content = size;
	return 0;
}

int
frame_raw_flush(struct frame_encoder *encoder, struct ferry_error *err)
{
	size_t staged = encoder->staged;

	encoder->staged = 0;
	return staged ? sink_write(encoder->out, encoder->stage, staged, err)
		      : 0;
}

static int
stage(struct frame_encoder *encoder, const void *data, size_t size,
      struct ferry_error *err)
{
	const uint8_t *at = data;

	encoder->frame_packed += size;
	while (size) {
		size_t room = FRAME_STAGE - encoder->staged;
		size_t part = size < room ? size : room;
		int rc;

		memcpy(encoder->stage + encoder->staged, at, part);
		encoder->staged += part;
		at += part;
		size -= part;
		rc = encoder->staged == FRAME_STAGE
			     ? frame_raw_flush(encoder, err)
			     : 0;
		if (rc)
			return rc;
	}
	return 0;
}

static int
begin_frame(struct frame_encoder *encoder, struct ferry_error *err)
{
	uint8_t header[FRAME_HEADER];

	encoder->frame_content = frame_content_at(encoder->run, encoder->at);
	encoder->frame_left = encoder->frame_content;
	encoder->frame_packed = 0;
	XXH64_reset(encoder->state, 0);
	frame_header(header, encoder->frame_content);
	return stage(encoder, header, sizeof(header), err);
}

static int
begin_block(struct frame_encoder *encoder, struct ferry_error *err)
{
	uint8_t header[BLOCK_HEADER];
	bool last = encoder->frame_left <= FRAME_BLOCK;

	encoder->block_left = last ? encoder->frame_left : FRAME_BLOCK;
	block_header(header, encoder->block_left, last);
	return stage(encoder, header, sizeof(header), err);
}

static int
end_frame(struct frame_encoder *encoder, struct ferry_error *err)
{
	uint8_t checksum[CHECKSUM];
	int rc;

	frame_checksum(checksum, encoder->state);
	rc = stage(encoder, checksum, sizeof(checksum), err);
	if (!rc && encoder->listener)
		rc = encoder->listener->frame(encoder->listener,
					      encoder->frame_packed,
					      encoder->frame_content, err);
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
			rc = begin_frame(encoder, err);
		if (!rc && !encoder->block_left)
			rc = begin_block(encoder, err);
		if (rc)
			return rc;
		part = size < encoder->block_left ? size : encoder->block_left;
		XXH64_update(encoder->state, at, part);
		rc = stage(encoder, at, part, err);
		at += part;
		size -= part;
		encoder->at += part;
		encoder->block_left -= part;
		encoder->frame_left -= part;
		if (!rc && !encoder->frame_left)
			rc = end_frame(encoder, err);
	}
	return rc;
}

int
frame_raw_begin(struct frame_encoder *encoder, struct frame_run run,
		struct sink *out, struct frame_listener *listener,
		struct ferry_error *err)
{
	*encoder = (struct frame_encoder){ .sink = { .write = encode },
					   .out = out,
					   .listener = listener,
					   .run = run };
	encoder->state = XXH64_createState();
	encoder->stage = malloc(FRAME_STAGE);
	if (!encoder->state || !encoder->stage)
		return error_nomem(err);
	return 0;
}

int
frame_raw_finish(struct frame_encoder *encoder, struct ferry_error *err)
{
	return frame_raw_flush(encoder, err);
}

void
frame_raw_release(struct frame_encoder *encoder)
{
	XXH64_freeState(encoder->state);
	free(encoder->stage);
	encoder->state = NULL;
	encoder->stage = NULL;
}

/* A run being read: a window of it that moves forward. */
struct scanner {
	struct input *from;
	uint64_t offset; /* in the bundle, of the next window */
	uint64_t left;	 /* to be read, not yet in a window */
	uint8_t *window;
	size_t at;
	size_t filled;
};

/* What was to be read has been, though the run goes on. */
#define ENDED 1

static int
refill(struct scanner *scanner, struct ferry_error *err)
{
	size_t most =
		scanner->left < WINDOW_BYTES ? scanner->left : WINDOW_BYTES;
	size_t size = 0;
	int rc;

	if (!most)
		return ENDED;
	rc = scanner->from->read(scanner->from, scanner->window, most, &size,
				 err);
	if (rc)
		return rc;
	scanner->offset += size;
	scanner->left -= size;
	scanner->filled = size;
	scanner->at = 0;
	return 0;
}

/* Fails unless exactly these bytes come next; `what` is wrong otherwise. */
static int
expect(struct scanner *scanner, const uint8_t *bytes, size_t size,
       const char *what, struct ferry_error *err)
{
	for (size_t i = 0; i < size; i++) {
		int rc = scanner->at == scanner->filled ? refill(scanner, err)
							: 0;

		if (rc)
			return rc;
		if (scanner->window[scanner->at++] != bytes[i])
			return error_set(err, FERRY_E_DAMAGED,
					 "%s near byte %llu", what,
					 (unsigned long long)(scanner->offset -
							      scanner->filled +
							      scanner->at - 1));
	}
	return 0;
}

static int
pass_content(struct scanner *scanner, uint64_t size, XXH64_state_t *state,
	     struct sink *to, struct ferry_error *err)
{
	while (size) {
		size_t part;
		int rc = scanner->at == scanner->filled ? refill(scanner, err)
							: 0;

		if (rc)
			return rc;
		part = scanner->filled - scanner->at;
		if (part > size)
			part = size;
		XXH64_update(state, scanner->window + scanner->at, part);
		rc = sink_write(to, scanner->window + scanner->at, part, err);
		if (rc)
			return rc;
		scanner->at += part;
		size -= part;
	}
	return 0;
}

static int
decode_frame(struct scanner *scanner, uint64_t content, XXH64_state_t *state,
	     struct sink *to, struct ferry_error *err)
{
	static const char framing[] = "wrong framing";
	uint8_t bytes[FRAME_HEADER];
	int rc;

	frame_header(bytes, content);
	rc = expect(scanner, bytes, FRAME_HEADER, framing, err);
	XXH64_reset(state, 0);
	while (content && !rc) {
		bool last = content <= FRAME_BLOCK;
		uint64_t block = last ? content : FRAME_BLOCK;

		block_header(bytes, block, last);
		rc = expect(scanner, bytes, BLOCK_HEADER, framing, err);
		if (!rc)
			rc = pass_content(scanner, block, state, to, err);
		content -= block;
	}
	if (rc)
		return rc;
	frame_checksum(bytes, state);
	return expect(scanner, bytes, CHECKSUM, "content unlike its checksum",
		      err);
}

int
frame_raw_read(struct input *from, uint64_t offset, uint64_t packed,
	       struct frame_run run, struct sink *to, struct ferry_error *err)
{
	size_t most = packed < WINDOW_BYTES ? packed : WINDOW_BYTES;
	AUTO_FREE uint8_t *window = malloc(most + !most);
	struct scanner scanner = {
		.from = from, .offset = offset, .left = packed, .window = window
	};
	XXH64_state_t *state = XXH64_createState();
	uint64_t at = 0;
	int rc = window && state ? 0 : error_nomem(err);

	while (!rc && at < run.length) {
		uint64_t content = frame_content_at(run, at);

		rc = decode_frame(&scanner, content, state, to, err);
		at += content;
	}
	XXH64_freeState(state);
	return rc == ENDED ? 0 : rc;
}

int
frame_raw_decode_start(int fd, uint64_t offset, uint64_t packed,
		       struct frame_run run, struct sink *to,
		       struct ferry_error *err)
{
	struct file_input input;

	file_input_init(&input, fd, offset);
	return frame_raw_read(&input.input, offset, packed, run, to, err);
}

int
frame_raw_decode(int fd, uint64_t offset, struct frame_run run, struct sink *to,
		 struct ferry_error *err)
{
	return frame_raw_decode_start(fd, offset, frame_raw_size(run), run, to,
				      err);
}

/* How much of its frame comes from there on. */
static uint64_t
left_in_frame(struct frame_run run, uint64_t at)
{
	uint64_t last = frame_count(run) - 1;
	uint64_t frame = at / FRAME_CONTENT;

	return frame < last ? (frame + 1) * FRAME_CONTENT - at
			    : run.length - at;
}

/* Where a byte of content lies behind the run's beginning, and its block. */
static uint64_t
locate(struct frame_run run, uint64_t at, uint64_t *block_left)
{
	uint64_t last = frame_count(run) - 1;
	uint64_t frame = at / FRAME_CONTENT < last ? at / FRAME_CONTENT : last;
	uint64_t inside = at - frame * FRAME_CONTENT;
	uint64_t block = inside / FRAME_BLOCK;

	*block_left = (block + 1) * FRAME_BLOCK - inside;
	return frame * frame_raw_frame_size(FRAME_CONTENT) + FRAME_HEADER +
	       (block + 1) * BLOCK_HEADER + inside;
}

int
frame_raw_read_at(int fd, uint64_t offset, struct frame_run run, uint64_t at,
		  void *data, size_t size, struct ferry_error *err)
{
	uint8_t *out = data;

	while (size) {
		uint64_t left;
		uint64_t place = locate(run, at, &left);
		uint64_t in_frame = left_in_frame(run, at);
		size_t part = size;
		int rc;

		if (part > left)
			part = left;
		if (part > in_frame)
			part = in_frame;
		rc = file_read_at(fd, out, part, offset + place, err);
		if (rc)
			return rc;
		out += part;
		at += part;
		size -= part;
	}
	return 0;
}
