/*
 * A blob as a member of the bundle's tar: head, content, padding, and behind
 * the last one the end of the archive.  docs/format.md, "Members".
 */
#ifndef BUNDLE_MEMBER_H
#define BUNDLE_MEMBER_H

#include "base/context.h"
#include "codec/digest.h"
#include "codec/frame.h"
#include "codec/tar.h"

/* What a blob of `size` bytes takes as a run of frames. */
struct frame_run member_run(uint64_t size, bool last);

/* Writes what stands before and behind the content. */
int member_begin(struct sink *to, const struct digest *digest, uint64_t size,
		 struct ferry_error *err) MUST_CHECK;
int member_end(struct sink *to, uint64_t size, bool last,
	       struct ferry_error *err) MUST_CHECK;

/*
 * Takes a member's run apart: hands the content on to `content` and refuses
 * whatever else is not exactly as member_begin() and member_end() write it.
 */
struct member_reader {
	struct sink sink;
	struct sink *content; /* borrowed */
	uint8_t head[TAR_HEAD_MAX];
	size_t head_size;
	uint64_t size;
	uint64_t at; /* in the run */
};

void member_reader_init(struct member_reader *reader,
			const struct digest *digest, uint64_t size,
			struct sink *content);

/*
 * Whether the frames that take `packed` bytes of `fd` are the ones with this
 * digest: what zstd would tolerate, a digest does not.  FERRY_E_DIGEST if not.
 */
int member_prove_frames(int fd, uint64_t offset, uint64_t packed,
			const struct digest *frames,
			const struct ferry_context *context,
			struct ferry_error *err) MUST_CHECK;

#endif
