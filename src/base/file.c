#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
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

/* The folder part of `path`: "." for a bare name. */
static int
folder_of(char **out, const char *path, struct ferry_error *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return text_copy(out, ".", err);
	if (slash == path)
		return text_copy(out, "/", err);
	return text_format(out, err, "%.*s", (int)(slash - path), path);
}

static int
check_folder(const char *path, const char *folder, struct ferry_error *err)
{
	struct stat status;

	if (stat(folder, &status))
		return errno == ENOENT
			       ? error_set(err, FERRY_E_FAILED,
					   "%s: the folder %s does not exist",
					   path, folder)
			       : error_errno(err, "%s: its folder", path);
	if (!S_ISDIR(status.st_mode))
		return error_set(err, FERRY_E_FAILED, "%s: %s is no folder",
				 path, folder);
	return access(folder, W_OK | X_OK)
		       ? error_errno(err, "%s: its folder", path)
		       : 0;
}

/* What would stand in the way of the name that it is written under. */
static int
check_partial(const char *path, const char *folder, struct ferry_error *err)
{
	AUTO_FREE char *partial = NULL;
	long most = pathconf(folder, _PC_NAME_MAX);
	const char *slash;
	struct stat status;
	int rc = text_format(&partial, err, "%s.partial", path);

	if (rc)
		return rc;
	slash = strrchr(partial, '/');
	if (most > 0 && strlen(slash ? slash + 1 : partial) > (size_t)most)
		return error_set(err, FERRY_E_FAILED,
				 "%s: this name is too long there, with "
				 ".partial behind it",
				 path);
	if (lstat(partial, &status))
		return errno == ENOENT ? 0 : error_errno(err, "%s", partial);
	if (S_ISREG(status.st_mode))
		return 0;
	return error_set(err, FERRY_E_FAILED, "%s is %s; remove it", partial,
			 S_ISLNK(status.st_mode) ? "a symbolic link"
						 : "no regular file");
}

int
output_check(const char *path, bool force, struct ferry_error *err)
{
	AUTO_FREE char *folder = NULL;
	struct stat status;
	int rc = folder_of(&folder, path, err);

	if (!rc)
		rc = check_folder(path, folder, err);
	if (!rc)
		rc = check_partial(path, folder, err);
	if (rc)
		return rc;
	if (lstat(path, &status))
		return errno == ENOENT ? 0 : error_errno(err, "%s", path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, FERRY_E_FAILED,
				 "%s exists and is no regular file", path);
	if (!force)
		return error_set(err, FERRY_E_FAILED,
				 "%s exists; --force replaces it", path);
	return 0;
}

/* Whether `fd` is still what `path` names: a rival may have renamed it. */
static bool
still_named(int fd, const char *path)
{
	struct stat open_file;
	struct stat named;

	return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
	       open_file.st_dev == named.st_dev &&
	       open_file.st_ino == named.st_ino;
}

static int
open_locked(int *out, const char *partial, struct ferry_error *err)
{
	for (;;) {
		AUTO_CLOSE int fd =
			open(partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			     0644);

		if (fd < 0)
			return error_errno(err, "%s", partial);
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			if (errno != EWOULDBLOCK)
				return error_errno(err, "%s: lock", partial);
			return error_set(err, FERRY_E_FAILED,
					 "%s: another ferry is writing it",
					 partial);
		}
		if (!still_named(fd, partial))
			continue;
		if (ftruncate(fd, 0))
			return error_errno(err, "%s", partial);
		*out = fd;
		fd = -1;
		return 0;
	}
}

int
output_open(struct output *output, const char *path, bool force,
	    struct ferry_error *err)
{
	int rc = output_check(path, force, err);

	*output = (struct output){ .fd = -1, .force = force };
	if (!rc)
		rc = text_copy(&output->path, path, err);
	if (!rc)
		rc = text_format(&output->partial, err, "%s.partial", path);
	if (!rc)
		rc = open_locked(&output->fd, output->partial, err);
	if (rc)
		output_release(output);
	return rc;
}

static int
sync_folder(const char *path, struct ferry_error *err)
{
	AUTO_FREE char *folder = NULL;
	AUTO_CLOSE int fd = -1;
	int rc = folder_of(&folder, path, err);

	if (rc)
		return rc;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", folder);
	/* Some file systems cannot sync a folder and say so: not our loss. */
	if (fsync(fd) && errno != EINVAL && errno != ENOTSUP)
		return error_errno(err, "%s: sync", folder);
	return 0;
}

/* Where a rename cannot refuse to replace, a last look must do. */
static int
rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (access(to, F_OK) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(from, to);
}

int
output_commit(struct output *output, struct ferry_error *err)
{
	int rc;

	if (fsync(output->fd))
		return error_errno(err, "%s: sync", output->partial);
	if (output->force ? rename(output->partial, output->path)
			  : rename_new(output->partial, output->path))
		return error_errno(err, "%s", output->path);
	rc = sync_folder(output->path, err);
	/* Under its final name now: not ours to remove any more. */
	close(output->fd);
	output->fd = -1;
	output_release(output);
	return rc;
}

void
output_release(struct output *output)
{
	if (output->fd >= 0) {
		/* Removed before the lock falls, so that nobody's else goes. */
		unlink(output->partial);
		close(output->fd);
		output->fd = -1;
	}
	free(output->path);
	free(output->partial);
	output->path = NULL;
	output->partial = NULL;
}

uint64_t
file_system_limit(uint64_t type)
{
	return type == MSDOS_MAGIC ? FAT_LARGEST : UINT64_MAX;
}

/* What a killed run left under the temporary name: it will be overwritten. */
static uint64_t
stale_bytes(const char *path)
{
	struct ferry_error ignored;
	AUTO_FREE char *partial = NULL;
	struct stat status;

	if (text_format(&partial, &ignored, "%s.partial", path) ||
	    lstat(partial, &status) || !S_ISREG(status.st_mode))
		return 0;
	return (uint64_t)status.st_blocks * 512;
}

int
file_room(const char *path, struct file_room *out, struct ferry_error *err)
{
	AUTO_FREE char *folder = NULL;
	struct statvfs space;
	struct statfs kind;
	struct rlimit limit;
	int rc = folder_of(&folder, path, err);

	if (rc)
		return rc;
	if (statvfs(folder, &space) || statfs(folder, &kind))
		return error_errno(err, "%s", folder);
	out->free =
		(uint64_t)space.f_bavail * space.f_frsize + stale_bytes(path);
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
