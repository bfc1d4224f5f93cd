/*
 * A bundle from outside: opened, listed and verified; and the same bytes as
 * they come through a pipe, of which the same must be thought.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

#include "base/file.h"
#include "bundle/stream.h"
#include "bundle/verify.h"
#include "codec/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most,
			       unsigned seed);
/* Only a fuzzer has it; a replay calls nothing that would. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size,
					      size_t most);

#define FRAME_SUM 4
#define BLOCK_HEAD 3

/* Sets the sum of a tar header as POSIX wants it. */
static void
mend_header(uint8_t *header)
{
	unsigned sum = 8 * ' ';

	for (int i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : header[i];
	snprintf((char *)header + 148, 8, "%06o", sum);
	header[155] = ' ';
}

/*
 * Mends the sums of a frame of one block, or else no change would ever get
 * past them; returns its size, or 0.
 */
static size_t
mend_frame(uint8_t *frame, size_t size)
{
	uint8_t *content = frame + FRAME_HEADER + BLOCK_HEAD;
	struct ferry_error ignored;
	uint64_t length;
	uint64_t sum;

	if (size < FRAME_HEADER ||
	    frame_raw_parse_header(&length, frame, &ignored) ||
	    length > FRAME_BLOCK || size < frame_raw_frame_size(length))
		return 0;
	for (uint64_t at = 0; at + TAR_BLOCK <= length; at += TAR_BLOCK)
		if (memcmp(content + at + 257, "ustar", 6) == 0)
			mend_header(content + at);
	sum = XXH64(content, length, 0);
	memcpy(content + length, &sum, FRAME_SUM);
	return frame_raw_frame_size(length);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	size_t at = 0;
	size_t frame;

	size = LLVMFuzzerMutate(data, size, most);
	if (seed % 8 == 0)
		return size;
	while ((frame = mend_frame(data + at, size - at)))
		at += frame;
	return size;
}

/* Whether it is whole. */
static bool
verify(struct bundle *bundle)
{
	struct ferry_context *context = ferry_context_new();
	struct ferry_verification *found = NULL;
	struct ferry_error err;
	bool whole;

	if (!context)
		abort();
	/* All of the file is there, so whatever is wrong is a finding. */
	if (bundle_verify(bundle, context, 1, &found, &err) &&
	    err.code != FERRY_E_NOMEM)
		abort();
	whole = found && !found->damage_count;
	ferry_verification_free(found);
	ferry_context_free(context);
	return whole;
}

static bool
read_file(const char *path)
{
	struct bundle *bundle = NULL;
	struct ferry_error err;
	bool whole;

	if (bundle_open(&bundle, path, &err)) {
		if (err.code != FERRY_E_DAMAGED && err.code != FERRY_E_NOMEM)
			abort();
		return false;
	}
	whole = verify(bundle);
	bundle_close(bundle);
	return whole;
}

static bool
read_stream(const char *path)
{
	struct ferry_context *context = ferry_context_new();
	struct bundle *bundle = NULL;
	struct pipe *pipe = NULL;
	struct ferry_error err = { 0 };
	int rc;

	if (!context)
		abort();
	rc = pipe_open(&pipe, path, context, &err);
	if (!rc)
		rc = bundle_open_stream(&bundle, pipe, &err);
	if (!rc)
		rc = bundle_stream_finish(bundle, &err);
	bundle_close(bundle);
	ferry_context_free(context);
	/* A pipe that ends early has failed, and is not damaged. */
	if (rc && rc != FERRY_E_DAMAGED && rc != FERRY_E_FAILED &&
	    rc != FERRY_E_NOMEM)
		abort();
	return !rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_CLOSE int fd = memfd_create("bundle", MFD_CLOEXEC);
	char path[64];
	struct ferry_error err;

	if (fd < 0 || file_write_at(fd, data, size, 0, &err))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (read_file(path) != read_stream(path))
		abort();
	return 0;
}
