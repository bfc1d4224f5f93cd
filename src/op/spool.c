#include "op/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define PIECE ((size_t)256 << 10)

/* Not all file systems have files without a name from the start. */
static int
open_named(const char *folder, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	int fd;

	if (text_format(&path, err, "%s/ferry-spool-XXXXXX", folder))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		error_errno(err, "%s", folder);
	else
		unlink(path);
	return fd;
}

static int
open_spool(int *out, const char *folder, struct ferry_error *err)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = open_named(folder, err);
	else if (fd < 0)
		error_errno(err, "%s", folder);
	if (fd < 0)
		return err->code;
	*out = fd;
	return 0;
}

static int
keep(int fd, const uint8_t *piece, size_t size, uint64_t offset,
     const char *folder, struct ferry_error *err)
{
	char kept[TEXT_SIZE_MAX];
	int rc = file_write_at(fd, piece, size, offset, err);

	if (!rc)
		return 0;
	error_wrap(err, "%s: after %s", folder,
		   text_size(kept, sizeof(kept), offset));
	return error_add(err, "; --spool needs room for all that comes");
}

/* How much comes nobody knows: it is shown without an end. */
static int
copy(int fd, struct pipe *pipe, const char *folder, struct ferry_error *err)
{
	AUTO_FREE uint8_t *piece = malloc(PIECE);
	struct transfer transfer;
	uint64_t offset = 0;
	size_t got = 0;
	int rc = piece ? 0 : error_nomem(err);

	transfer_start(&transfer, pipe->context, "spool", 0);
	while (!rc) {
		rc = pipe_read(pipe, piece, PIECE, &got, err);
		if (rc || !got)
			break;
		rc = keep(fd, piece, got, offset, folder, err);
		offset += got;
		transfer_set(&transfer, offset);
	}
	transfer_end(&transfer);
	return rc;
}

int
spool_pipe(int *out, struct pipe *pipe, const char *folder,
	   struct ferry_error *err)
{
	int fd = -1;
	int rc = open_spool(&fd, folder, err);

	if (rc)
		return error_wrap(err, "--spool");
	rc = copy(fd, pipe, folder, err);
	if (rc) {
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}
