#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/text.h"

/* linux/magic.h; FAT keeps a file's size in 32 bits. */
#define MSDOS_MAGIC 0x4d44
#define FAT_LARGEST 0xffffffffULL

int
file_read_at(int fd, void *data, size_t size, uint64_t offset,
	     struct ferry_error *err)
{
	char *at = data;

	while (size) {
		ssize_t got = pread(fd, at, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(err, "read at offset %llu",
					   (unsigned long long)offset);
		if (got == 0)
			return error_set(err, FERRY_E_DAMAGED,
					 "cut off at byte %llu",
					 (unsigned long long)offset);
		at += got;
		size -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

int
file_write_at(int fd, const void *data, size_t size, uint64_t offset,
	      struct ferry_error *err)
{
	const char *at = data;

	while (size) {
		ssize_t put = pwrite(fd, at, size, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_errno(err, "write at offset %llu",
					   (unsigned long long)offset);
		at += put;
		size -= (size_t)put;
		offset += (uint64_t)put;
	}
	return 0;
}

bool
file_is_large(uint64_t size)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return size / page > pages / 4;
}

void
file_forget(int fd, uint64_t offset, uint64_t size)
{
	(void)posix_fadvise(fd, (off_t)offset, (off_t)size,
			    POSIX_FADV_DONTNEED);
}

/*
 * Waits in poll(), which a signal ends even where its handler is installed
 * with SA_RESTART: a person at a terminal may be fed up.
 */
static int
load_from(int fd, struct buffer *out, struct ferry_error *err)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	char piece[16384];
	ssize_t got;
	int rc;

	for (;;) {
		if (poll(&wanted, 1, -1) < 0 && errno == EINTR)
			return error_set(err, FERRY_E_INTERRUPTED,
					 "interrupted");
		got = read(fd, piece, sizeof(piece));
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return error_errno(err, "read");
		if (got == 0)
			return 0;
		rc = buffer_append(out, piece, (size_t)got, err);
		if (rc)
			return rc;
	}
}

int
file_load(const char *path, struct buffer *out, struct ferry_error *err)
{
	AUTO_CLOSE int fd = -1;

	if (strcmp(path, "-") == 0)
		return load_from(STDIN_FILENO, out, err)
			       ? error_wrap(err, "standard input")
			       : 0;
	/* Of a FIFO that nobody writes yet, open() would wait too. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(err, FERRY_E_NOT_FOUND, "%s: no such file",
				 path);
	if (fd < 0)
		return error_errno(err, "%s", path);
	return load_from(fd, out, err) ? error_wrap(err, "%s", path) : 0;
}

int
file_open_at(int *out, int at, const char *name, uint64_t *size,
	     struct ferry_error *err)
{
	/* Of a FIFO that nobody writes open() would wait. */
	AUTO_CLOSE int fd = openat(
		at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, FERRY_E_NOT_FOUND, "it is not there");
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return error_errno(err, "open");
	if (fd >= 0 && fstat(fd, &status))
		return error_errno(err, "stat");
	if (fd < 0 || !S_ISREG(status.st_mode))
		return error_set(err, FERRY_E_FAILED,
				 "it is a link or no regular file");
	*size = (uint64_t)status.st_size;
	*out = fd;
	fd = -1;
	return 0;
}

int
file_load_at(int at, const char *name, struct buffer *out,
	     struct ferry_error *err)
{
	AUTO_CLOSE int fd = -1;
	AUTO_FREE uint8_t *bytes = NULL;
	uint64_t size = 0;
	int rc = file_open_at(&fd, at, name, &size, err);

	if (rc)
		return rc;
	if (size > out->limit - out->size)
		return error_set(
			err, FERRY_E_FAILED, "%llu bytes, but %zu is the limit",
			(unsigned long long)size, out->limit - out->size);
	bytes = malloc(size + 1);
	if (!bytes)
		return error_nomem(err);
	if (file_read_at(fd, bytes, size, 0, err))
		return err->code = FERRY_E_FAILED;
	return buffer_append(out, bytes, size, err);
}

int
file_folder(char **out, const char *path, struct ferry_error *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return text_copy(out, ".", err);
	if (slash == path)
		return text_copy(out, "/", err);
	return text_format(out, err, "%.*s", (int)(slash - path), path);
}

uint64_t
file_system_limit(uint64_t type)
{
	return type == MSDOS_MAGIC ? FAT_LARGEST : UINT64_MAX;
}

uint64_t
file_free_below(const char *folder)
{
	struct statvfs space;

	if (!folder || statvfs(folder, &space))
		return 0;
	return (uint64_t)space.f_bavail * space.f_frsize;
}

int
file_room(const char *path, struct file_room *out, struct ferry_error *err)
{
	AUTO_FREE char *folder = NULL;
	struct statvfs space;
	struct statfs kind;
	struct rlimit limit;
	int rc = file_folder(&folder, path, err);

	if (rc)
		return rc;
	if (statvfs(folder, &space) || statfs(folder, &kind))
		return error_errno(err, "%s", folder);
	out->free = (uint64_t)space.f_bavail * space.f_frsize;
	out->largest = file_system_limit((uint64_t)kind.f_type);
	out->why =
		out->largest == UINT64_MAX ? NULL : "the FAT file system there";
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < out->largest) {
		out->largest = limit.rlim_cur;
		out->why = "this process's file size limit (ulimit -f)";
	}
	return 0;
}
