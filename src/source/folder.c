#include "source/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

#define PIECE ((size_t)256 << 10)
#define PART_MAX 80 /* of a name between slashes: 64 hex digits at most */

struct disk_folder {
	struct folder folder;
	int fd;
	struct ferry_context *context;
};

static int
no_such_file(struct ferry_error *err)
{
	return error_set(err, FERRY_E_NOT_FOUND, "it is not there");
}

static int
open_failed(int code, struct ferry_error *err)
{
	errno = code;
	if (code == ENOENT)
		return no_such_file(err);
	if (code == ELOOP || code == ENOTDIR || code == ENXIO)
		return error_set(err, FERRY_E_FAILED,
				 "it is a link or no regular file; a layout "
				 "has none of these");
	return error_errno(err, "open");
}

/* Part by part, so that a link nowhere leads anywhere. */
static int
open_beneath(int *out, int folder, const char *name, struct ferry_error *err)
{
	AUTO_CLOSE int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);

	for (;;) {
		char part[PART_MAX];
		size_t length = strcspn(name, "/");
		bool last = !name[length];
		int fd;

		if (at < 0 || length >= sizeof(part))
			return open_failed(at < 0 ? errno : ENAMETOOLONG, err);
		memcpy(part, name, length);
		part[length] = '\0';
		/* Of a FIFO that nobody writes open() would wait. */
		fd = openat(at, part,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
				    (last ? 0 : O_DIRECTORY));
		if (fd < 0)
			return open_failed(errno, err);
		close(at);
		at = fd;
		name += length + 1;
		if (last)
			break;
	}
	*out = at;
	at = -1;
	return 0;
}

static int
open_file(struct disk_folder *folder, const char *name, int *out,
	  uint64_t *size, struct ferry_error *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat status;
	int rc = open_beneath(&fd, folder->fd, name, err);

	if (rc)
		return rc;
	if (fstat(fd, &status))
		return error_errno(err, "stat");
	if (!S_ISREG(status.st_mode))
		return open_failed(ENXIO, err);
	*size = (uint64_t)status.st_size;
	*out = fd;
	fd = -1;
	return 0;
}

static int
size_on_disk(struct folder *base, const char *name, uint64_t *out,
	     struct ferry_error *err)
{
	AUTO_CLOSE int fd = -1;

	return open_file((struct disk_folder *)base, name, &fd, out, err);
}

static int
read_on_disk(struct folder *base, const char *name, uint64_t from,
	     struct sink *to, struct ferry_error *err)
{
	struct disk_folder *folder = (struct disk_folder *)base;
	AUTO_FREE uint8_t *piece = malloc(PIECE);
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;
	int rc = piece ? open_file(folder, name, &fd, &size, err)
		       : error_nomem(err);

	while (!rc && from < size) {
		size_t part =
			size - from < PIECE ? (size_t)(size - from) : PIECE;

		rc = context_check(folder->context, err);
		if (!rc && file_read_at(fd, piece, part, from, err)) {
			err->code = FERRY_E_FAILED;
			return FERRY_E_FAILED;
		}
		if (!rc)
			rc = sink_write(to, piece, part, err);
		from += part;
	}
	return rc;
}

static void
close_on_disk(struct folder *base)
{
	close(((struct disk_folder *)base)->fd);
	free(base);
}

int
folder_open(struct folder **out, const char *path,
	    struct ferry_context *context, struct ferry_error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct disk_folder *folder;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, FERRY_E_NOT_FOUND, "no such folder");
	if (fd < 0 && errno == ENOTDIR)
		return error_set(err, FERRY_E_FAILED,
				 "it is no folder; of an archive say "
				 "oci-archive:");
	if (fd < 0)
		return error_errno(err, "open");
	folder = calloc(1, sizeof(*folder));
	if (!folder)
		return error_nomem(err);
	folder->folder = (struct folder){ .size = size_on_disk,
					  .read = read_on_disk,
					  .close = close_on_disk };
	folder->fd = fd;
	folder->context = context;
	fd = -1;
	*out = &folder->folder;
	return 0;
}

struct tarball_folder {
	struct folder folder;
	struct tarball *tarball;
	bool owned;
};

/* NULL: there is none, and *err says why. */
static const struct tarball_member *
find_member(struct folder *base, const char *name, struct ferry_error *err)
{
	struct tarball_folder *folder = (struct tarball_folder *)base;
	const struct tarball_member *member =
		tarball_find(folder->tarball, name);

	if (!member)
		(void)no_such_file(err);
	else if (member->kind != TARBALL_FILE)
		(void)open_failed(ELOOP, err);
	else
		return member;
	return NULL;
}

static int
size_in_tarball(struct folder *base, const char *name, uint64_t *out,
		struct ferry_error *err)
{
	const struct tarball_member *member = find_member(base, name, err);

	if (!member)
		return err->code;
	*out = member->size;
	return 0;
}

static int
read_in_tarball(struct folder *base, const char *name, uint64_t from,
		struct sink *to, struct ferry_error *err)
{
	const struct tarball_member *member = find_member(base, name, err);

	return member ? tarball_read(((struct tarball_folder *)base)->tarball,
				     member, from, to, err)
		      : (int)err->code;
}

static void
close_tarball(struct folder *base)
{
	struct tarball_folder *folder = (struct tarball_folder *)base;

	if (folder->owned)
		tarball_close(folder->tarball);
	free(folder);
}

int
folder_of_tarball(struct folder **out, struct tarball *tarball, bool owned,
		  struct ferry_error *err)
{
	struct tarball_folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return error_nomem(err);
	folder->folder = (struct folder){ .size = size_in_tarball,
					  .read = read_in_tarball,
					  .close = close_tarball };
	folder->tarball = tarball;
	folder->owned = owned;
	*out = &folder->folder;
	return 0;
}

int
folder_load(struct folder *folder, const char *name, struct buffer *out,
	    struct ferry_error *err)
{
	struct buffer_sink sink;
	uint64_t size = 0;
	int rc = folder->size(folder, name, &size, err);

	if (!rc && size > out->limit - out->size)
		rc = error_set(
			err, FERRY_E_FAILED, "%llu bytes, but %zu is the limit",
			(unsigned long long)size, out->limit - out->size);
	if (rc)
		return rc;
	buffer_sink_init(&sink, out);
	return folder->read(folder, name, 0, &sink.sink, err);
}
