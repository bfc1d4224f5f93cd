#include "codec/frame_pull.h"

#include <zstd.h>

#include "base/file.h"
#include "codec/frame.h"

#define INPUT ((size_t)64 << 10)

struct frame_pull {
	ZSTD_DCtx *context;
	int fd;
	uint64_t offset; /* of the run in the file */
	uint64_t packed; /* the run's bytes there */
	uint64_t taken;	 /* of these, bytes that are in a window or past it */
	uint64_t at;	 /* content that came out */
	struct frame_start start;
	ZSTD_inBuffer window;
	uint8_t input[INPUT];
};

int
frame_pull_new(struct frame_pull **out, struct ferry_error *err)
{
	struct frame_pull *pull = calloc(1, sizeof(*pull));

	if (pull)
		pull->context = ZSTD_createDCtx();
	if (!pull || !pull->context ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(
		    pull->context, ZSTD_d_windowLogMax, FRAME_WINDOW_LOG))) {
		frame_pull_free(pull);
		return error_nomem(err);
	}
	*out = pull;
	return 0;
}

void
frame_pull_free(struct frame_pull *pull)
{
	if (!pull)
		return;
	ZSTD_freeDCtx(pull->context);
	free(pull);
}

void
frame_pull_begin(struct frame_pull *pull, int fd, uint64_t offset,
		 uint64_t packed, struct frame_start start)
{
	ZSTD_DCtx_reset(pull->context, ZSTD_reset_session_only);
	pull->fd = fd;
	pull->offset = offset;
	pull->packed = packed;
	pull->taken = start.packed;
	pull->at = start.at;
	pull->start = start;
	pull->window = (ZSTD_inBuffer){ pull->input, 0, 0 };
}

static int
refill(struct frame_pull *pull, struct ferry_error *err)
{
	uint64_t left = pull->packed - pull->taken;
	size_t size = left < INPUT ? left : INPUT;
	int rc;

	if (!size)
		return error_set(err, FERRY_E_DAMAGED,
				 "its frames end before its content does");
	rc = file_read_at(pull->fd, pull->input, size,
			  pull->offset + pull->taken, err);
	if (rc)
		return rc;
	pull->taken += size;
	pull->window = (ZSTD_inBuffer){ pull->input, size, 0 };
	return 0;
}

static void
end_frame(struct frame_pull *pull)
{
	pull->start.packed =
		pull->taken - (pull->window.size - pull->window.pos);
	pull->start.at = pull->at;
}

int
frame_pull_read(struct frame_pull *pull, void *data, size_t size,
		struct ferry_error *err)
{
	ZSTD_outBuffer output = { data, size, 0 };

	while (output.pos < size) {
		size_t before = output.pos;
		size_t read = pull->window.pos;
		size_t code = ZSTD_decompressStream(pull->context, &output,
						    &pull->window);

		if (ZSTD_isError(code))
			return error_set(err, FERRY_E_DAMAGED, "zstd: %s",
					 ZSTD_getErrorName(code));
		pull->at += output.pos - before;
		if (code == 0)
			end_frame(pull);
		/* What is left inside libzstd comes out without new input. */
		if (output.pos < size &&
		    pull->window.pos == pull->window.size &&
		    output.pos == before && pull->window.pos == read) {
			int rc = refill(pull, err);

			if (rc)
				return rc;
		}
	}
	return 0;
}

struct frame_start
frame_pull_start(const struct frame_pull *pull)
{
	return pull->start;
}

uint64_t
frame_pull_at(const struct frame_pull *pull)
{
	return pull->at;
}
