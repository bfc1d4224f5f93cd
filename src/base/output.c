#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

/*
 * Somebody who only looks whether a file is locked holds it for a moment:
 * so often, and so many microseconds apart, it is tried before it counts.
 */
#define LOCK_TRIES 5
#define LOCK_PAUSE 2000

static const char *const suffixes[OUTPUT_NAMES] = {
	[OUTPUT_PARTIAL] = ".partial",
	[OUTPUT_JOURNAL] = ".journal",
	[OUTPUT_OLD_PARTIAL] = ".partial.old",
	[OUTPUT_OLD_JOURNAL] = ".journal.old",
};

int
output_names_init(struct output_names *out, const char *path,
		  struct ferry_error *err)
{
	AUTO(output_names_release) struct output_names names = { 0 };

	for (int i = 0; i < OUTPUT_NAMES; i++) {
		int rc = text_format(&names.text[i], err, "%s%s", path,
				     suffixes[i]);

		if (rc)
			return rc;
	}
	*out = names;
	names = (struct output_names){ 0 };
	return 0;
}

void
output_names_release(struct output_names *names)
{
	for (int i = 0; i < OUTPUT_NAMES; i++)
		free(names->text[i]);
	*names = (struct output_names){ 0 };
}

uint64_t
output_disk_bytes(const char *path)
{
	struct stat status;

	if (lstat(path, &status) || !S_ISREG(status.st_mode))
		return 0;
	return (uint64_t)status.st_blocks * 512;
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

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int
check_length(const char *path, const char *folder, struct ferry_error *err)
{
	long most = pathconf(folder, _PC_NAME_MAX);
	const char *longest = suffixes[OUTPUT_OLD_PARTIAL];
	size_t length = strlen(base_name(path)) + strlen(longest);

	if (most <= 0 || length <= (size_t)most)
		return 0;
	return error_set(err, FERRY_E_FAILED,
			 "%s: this name is too long there, with %s behind it",
			 path, longest);
}

/* Whatever has the name must be a file. */
static int
check_name(const char *name, struct ferry_error *err)
{
	struct stat status;

	if (lstat(name, &status))
		return errno == ENOENT ? 0 : error_errno(err, "%s", name);
	if (S_ISREG(status.st_mode))
		return 0;
	return error_set(err, FERRY_E_FAILED, "%s is %s; remove it", name,
			 S_ISLNK(status.st_mode) ? "a symbolic link"
						 : "no regular file");
}

static int
refuse_locked(const char *name, struct ferry_error *err)
{
	if (errno != EWOULDBLOCK)
		return error_errno(err, "%s: lock", name);
	return error_set(err, FERRY_E_FAILED, "%s: another ferry is writing it",
			 name);
}

/* Whether somebody holds the file now, without keeping it from anybody. */
static int
check_lock(const char *name, struct ferry_error *err)
{
	AUTO_CLOSE int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "%s", name);
	return flock(fd, LOCK_SH | LOCK_NB) ? refuse_locked(name, err) : 0;
}

static int
check_names(const char *path, const char *folder, struct ferry_error *err)
{
	AUTO(output_names_release) struct output_names names = { 0 };
	int rc = check_length(path, folder, err);

	if (!rc)
		rc = output_names_init(&names, path, err);
	for (int i = 0; i < OUTPUT_NAMES && !rc; i++)
		rc = check_name(names.text[i], err);
	return rc ? rc : check_lock(names.text[OUTPUT_PARTIAL], err);
}

/* What stands where the file will be. */
static int
check_path(const char *path, bool force, struct ferry_error *err)
{
	struct stat status;

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

int
output_check(const char *path, bool force, struct ferry_error *err)
{
	AUTO_FREE char *folder = NULL;
	int rc = file_folder(&folder, path, err);

	if (!rc)
		rc = check_folder(path, folder, err);
	if (!rc)
		rc = check_names(path, folder, err);
	return rc ? rc : check_path(path, force, err);
}

static bool
is_same_folder(const char *path, const char *other)
{
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *other_folder = NULL;
	struct ferry_error ignored;
	struct stat one;
	struct stat two;

	return !file_folder(&folder, path, &ignored) &&
	       !file_folder(&other_folder, other, &ignored) &&
	       !stat(folder, &one) && !stat(other_folder, &two) &&
	       one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/* Whether `other` is `name`, or one that may stand beside it. */
static bool
share_name(const char *name, const char *other)
{
	size_t length = strlen(name);
	const char *rest = other + length;

	if (strncmp(name, other, length) != 0)
		return false;
	if (!*rest)
		return true;
	for (int i = 0; i < OUTPUT_NAMES; i++)
		if (strcmp(rest, suffixes[i]) == 0)
			return true;
	return false;
}

bool
output_collides(const char *path, const char *other)
{
	const char *name = base_name(path);
	const char *other_name = base_name(other);

	return is_same_folder(path, other) &&
	       (share_name(name, other_name) || share_name(other_name, name));
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
lock(int fd)
{
	for (int i = 1; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return -1;
		usleep(LOCK_PAUSE);
	}
	return 0;
}

static int
open_locked(int *out, const char *name, int flags, struct ferry_error *err)
{
	for (;;) {
		AUTO_CLOSE int fd = open(
			name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags,
			0644);

		if (fd < 0)
			return error_errno(err, "%s", name);
		if (lock(fd))
			return refuse_locked(name, err);
		if (!still_named(fd, name))
			continue;
		*out = fd;
		fd = -1;
		return 0;
	}
}

static void
close_files(struct output *output)
{
	if (output->fd < 0)
		return;
	cleanup_close(&output->journal);
	close(output->fd);
	output->fd = output->journal = -1;
}

static bool
is_empty(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_size == 0;
}

/* The file first: who has that, has all. */
static int
open_pair(struct output *output, struct ferry_error *err)
{
	char **names = output->names.text;
	int rc = open_locked(&output->fd, names[OUTPUT_PARTIAL], 0, err);

	return rc ? rc
		  : open_locked(&output->journal, names[OUTPUT_JOURNAL],
				O_APPEND, err);
}

/* The file follows its journal; both begin anew. */
static int
set_file_aside(struct output *output, struct ferry_error *err)
{
	char **names = output->names.text;

	close_files(output);
	if (rename(names[OUTPUT_PARTIAL], names[OUTPUT_OLD_PARTIAL]))
		return error_errno(err, "%s", names[OUTPUT_OLD_PARTIAL]);
	return open_pair(output, err);
}

/* Whether a run was killed between the two renames of setting aside. */
static bool
is_half_aside(const struct output *output)
{
	char *const *names = output->names.text;

	return is_empty(output->journal) && !is_empty(output->fd) &&
	       access(names[OUTPUT_OLD_JOURNAL], F_OK) == 0 &&
	       access(names[OUTPUT_OLD_PARTIAL], F_OK) != 0;
}

/* What a run that was killed at any moment may have left half-way. */
static int
mend(struct output *output, struct ferry_error *err)
{
	if (is_half_aside(output))
		return set_file_aside(output, err);
	if (is_empty(output->fd) && ftruncate(output->journal, 0))
		return error_errno(err, "%s",
				   output->names.text[OUTPUT_JOURNAL]);
	return 0;
}

static int
open_empty(struct output *output, struct ferry_error *err)
{
	const char *name = output->names.text[OUTPUT_PARTIAL];
	int rc = open_locked(&output->fd, name, 0, err);

	if (!rc && ftruncate(output->fd, 0))
		rc = error_errno(err, "%s", name);
	return rc;
}

static int
open_as_left(struct output *output, struct ferry_error *err)
{
	int rc = open_pair(output, err);

	return rc ? rc : mend(output, err);
}

static int
open_with(struct output *output, const char *path, bool force,
	  int (*open_files)(struct output *output, struct ferry_error *err),
	  struct ferry_error *err)
{
	int rc = output_check(path, force, err);

	*output = (struct output){ .fd = -1, .journal = -1, .force = force };
	if (!rc)
		rc = text_copy(&output->path, path, err);
	if (!rc)
		rc = output_names_init(&output->names, path, err);
	if (!rc)
		rc = open_files(output, err);
	/* Before the lock was ours, a rival may have finished. */
	if (!rc)
		rc = check_path(path, force, err);
	if (!rc)
		return 0;
	output->keep = output->fd < 0 || !is_empty(output->fd);
	output_release(output);
	return rc;
}

int
output_open(struct output *output, const char *path, bool force,
	    struct ferry_error *err)
{
	return open_with(output, path, force, open_empty, err);
}

int
output_resume(struct output *output, const char *path, bool force,
	      struct ferry_error *err)
{
	return open_with(output, path, force, open_as_left, err);
}

/*
 * Files are never renamed over one of another pair: a journal is of the file
 * beside it or of none.
 */
int
output_set_aside(struct output *output, struct ferry_error *err)
{
	char **names = output->names.text;

	output_drop_old(output);
	if (rename(names[OUTPUT_JOURNAL], names[OUTPUT_OLD_JOURNAL]))
		return error_errno(err, "%s", names[OUTPUT_OLD_JOURNAL]);
	return set_file_aside(output, err);
}

void
output_drop_old(const struct output *output)
{
	unlink(output->names.text[OUTPUT_OLD_JOURNAL]);
	unlink(output->names.text[OUTPUT_OLD_PARTIAL]);
}

static int
sync_folder(const char *path, struct ferry_error *err)
{
	AUTO_FREE char *folder = NULL;
	AUTO_CLOSE int fd = -1;
	int rc = file_folder(&folder, path, err);

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
	const char *partial = output->names.text[OUTPUT_PARTIAL];
	int rc;

	if (fsync(output->fd))
		return error_errno(err, "%s: sync", partial);
	/* It is whole: nobody needs another one, which may be large. */
	if (output->journal >= 0)
		output_drop_old(output);
	if (output->force ? rename(partial, output->path)
			  : rename_new(partial, output->path))
		return error_errno(err, "%s", output->path);
	/* As long as it is locked, a rival that comes now makes none. */
	if (output->journal >= 0)
		unlink(output->names.text[OUTPUT_JOURNAL]);
	rc = sync_folder(output->path, err);
	/* Under its final name now: not ours to remove any more. */
	output->keep = true;
	output_release(output);
	return rc;
}

void
output_release(struct output *output)
{
	/* Removed before the locks fall, so that nobody's else go. */
	if (output->fd >= 0 && !output->keep) {
		if (output->journal >= 0)
			unlink(output->names.text[OUTPUT_JOURNAL]);
		unlink(output->names.text[OUTPUT_PARTIAL]);
	}
	close_files(output);
	output_names_release(&output->names);
	free(output->path);
	output->path = NULL;
}
