#include "bundle/member.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

static const uint8_t zeros[TAR_BLOCK + FRAME_TRAILER];

static size_t
make_head(uint8_t out[TAR_HEAD_MAX], const struct digest *digest, uint64_t size)
{
	char name[TAR_NAME_MAX + 1];

	snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(digest));
	return tar_member_head(out, name, size);
}

struct frame_run
member_run(uint64_t size, bool last)
{
	return (struct frame_run){
		.length = tar_member_head_size(size) + size +
			  tar_padding(size) + (last ? FRAME_TRAILER : 0),
		.closing = last,
	};
}

int
member_begin(struct sink *to, const struct digest *digest, uint64_t size,
	     struct ferry_error *err)
{
	uint8_t head[TAR_HEAD_MAX];
	size_t length = make_head(head, digest, size);

	return sink_write(to, head, length, err);
}

int
member_end(struct sink *to, uint64_t size, bool last, struct ferry_error *err)
{
	size_t length = tar_padding(size) + (last ? FRAME_TRAILER : 0);

	return length ? sink_write(to, zeros, length, err) : 0;
}

/* How much of `size` bytes lies before `border`. */
static size_t
up_to(uint64_t at, uint64_t border, size_t size)
{
	if (at >= border)
		return 0;
	return border - at < size ? (size_t)(border - at) : size;
}

static int
take_apart(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct member_reader *reader = (struct member_reader *)sink;
	const uint8_t *at = data;
	size_t part = up_to(reader->at, reader->head_size, size);
	int rc;

	if (memcmp(at, reader->head + (part ? reader->at : 0), part) != 0)
		return error_set(err, FERRY_E_DAMAGED, "wrong tar header");
	reader->at += part;
	at += part;
	size -= part;

	part = up_to(reader->at, reader->head_size + reader->size, size);
	rc = part ? sink_write(reader->content, at, part, err) : 0;
	if (rc)
		return rc;
	reader->at += part;
	at += part;
	size -= part;

	if (memcmp(at, zeros, size) != 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "something in the padding");
	reader->at += size;
	return 0;
}

void
member_reader_init(struct member_reader *reader, const struct digest *digest,
		   uint64_t size, struct sink *content)
{
	*reader = (struct member_reader){ .sink = { .write = take_apart },
					  .content = content,
					  .size = size };
	reader->head_size = make_head(reader->head, digest, size);
}

int
member_prove_frames(int fd, uint64_t offset, uint64_t packed,
		    const struct digest *frames,
		    const struct ferry_context *context,
		    struct ferry_error *err)
{
	AUTO(proof_release) struct proof proof = { 0 };
	uint8_t piece[16384];
	int rc = proof_init(&proof, NULL, frames, packed, err);

	for (uint64_t at = 0; at < packed && !rc; at += sizeof(piece)) {
		size_t size = packed - at < sizeof(piece) ? packed - at
							  : sizeof(piece);

		rc = context_check(context, err);
		if (!rc)
			rc = file_read_at(fd, piece, size, offset + at, err);
		if (!rc)
			rc = sink_write(&proof.sink, piece, size, err);
	}
	return rc ? rc : proof_finish(&proof, err);
}
