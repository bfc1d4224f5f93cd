#include "codec/frame.h"

/* RFC 8878 3.1.1: magic, descriptor, window, content size; checksum. */
#define FRAMING (FRAME_HEADER + 4)
#define BLOCK_HEADER 3

uint64_t
frame_count(struct frame_run run)
{
	uint64_t length = run.length - (run.closing ? FRAME_TRAILER : 0);
	uint64_t full = (length + FRAME_CONTENT - 1) / FRAME_CONTENT;

	return full ? full : 1;
}

uint64_t
frame_content_at(struct frame_run run, uint64_t at)
{
	uint64_t left = run.length - at;
	uint64_t most = FRAME_CONTENT + (run.closing ? FRAME_TRAILER : 0);

	return left <= most ? left : FRAME_CONTENT;
}

uint64_t
frame_raw_frame_size(uint64_t content)
{
	uint64_t blocks = (content + FRAME_BLOCK - 1) / FRAME_BLOCK;

	return FRAMING + blocks * BLOCK_HEADER + content;
}

uint64_t
frame_raw_size(struct frame_run run)
{
	uint64_t full = frame_count(run) - 1;
	uint64_t last = run.length - full * FRAME_CONTENT;

	return full * frame_raw_frame_size(FRAME_CONTENT) +
	       frame_raw_frame_size(last);
}

/* Of one frame of `content`, cut behind `packed` bytes. */
static uint64_t
content_before(uint64_t packed, uint64_t content)
{
	const uint64_t block = BLOCK_HEADER + FRAME_BLOCK;
	uint64_t full;
	uint64_t rest;
	uint64_t found;

	if (packed <= FRAME_HEADER)
		return 0;
	full = (packed - FRAME_HEADER) / block;
	rest = (packed - FRAME_HEADER) % block;
	found = full * FRAME_BLOCK +
		(rest > BLOCK_HEADER ? rest - BLOCK_HEADER : 0);
	return found < content ? found : content;
}

uint64_t
frame_raw_content(struct frame_run run, uint64_t packed)
{
	const uint64_t size = frame_raw_frame_size(FRAME_CONTENT);
	uint64_t most = frame_count(run) - 1;
	uint64_t full = packed / size < most ? packed / size : most;
	uint64_t at = full * FRAME_CONTENT;

	return at +
	       content_before(packed - full * size, frame_content_at(run, at));
}
