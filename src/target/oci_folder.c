#include "target/oci_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/text.h"
#include "oci/catalog.h"

#define LAYOUT "oci-layout"
#define LAYOUT_MAX 4096
#define LAYOUT_VERSION "1.0.0"
#define BLOBS "blobs"
#define SHA256 "sha256"
#define TEMPORARY ".ferry-"
#define TEMPORARY_MAX (sizeof(TEMPORARY) + DIGEST_HEX)
#define PIECE ((size_t)256 << 10)

/* "DIR/blobs/sha256/NAME: ..." or "DIR/NAME: ..." in front of a failure. */
static int
wrap(const struct oci_folder *folder, int at, const char *name,
     struct ferry_error *err)
{
	return error_wrap(err, "%s%s/%s", folder->path,
			  at == folder->fd ? "" : "/" BLOBS "/" SHA256, name);
}

/* *out stays -1 where there is no such folder. */
static int
open_folder(int *out, int at, const char *name, struct ferry_error *err)
{
	int fd = openat(at, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return error_set(err, FERRY_E_FAILED,
				 "it is a link or no folder; a layout has a "
				 "folder there");
	if (fd < 0)
		return error_errno(err, "open");
	*out = fd;
	return 0;
}

static int
open_blobs(struct oci_folder *folder, struct ferry_error *err)
{
	AUTO_CLOSE int blobs = -1;
	int rc = open_folder(&blobs, folder->fd, BLOBS, err);

	if (rc)
		return error_wrap(err, "%s/" BLOBS, folder->path);
	if (blobs < 0)
		return 0;
	rc = open_folder(&folder->blobs, blobs, SHA256, err);
	return rc ? error_wrap(err, "%s/" BLOBS "/" SHA256, folder->path) : 0;
}

/* Whether nothing is in it but what a run of ours that was killed has left. */
static int
check_empty(const struct oci_folder *folder, struct ferry_error *err)
{
	int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool empty = true;

	if (!list) {
		cleanup_close(&fd);
		return error_errno(err, "%s", folder->path);
	}
	while (empty && (entry = readdir(list)))
		empty = strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0 ||
			text_starts(entry->d_name, TEMPORARY);
	closedir(list);
	return empty ? 0
		     : error_set(err, FERRY_E_FAILED,
				 "%s: a folder with other things in it, and no "
				 "OCI image layout (it has no " LAYOUT
				 "); name an empty or a new one",
				 folder->path);
}

static int
check_version(const struct oci_folder *folder, const struct buffer *bytes,
	      struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	const char *version = NULL;
	int rc = json_parse(&json, bytes->data, bytes->size, err);

	if (!rc)
		rc = json_get_text(json, "imageLayoutVersion", &version, err);
	if (rc)
		return wrap(folder, folder->fd, LAYOUT, err);
	if (strcmp(version, LAYOUT_VERSION) != 0)
		return error_set(err, FERRY_E_FAILED,
				 "%s: an OCI image layout of version %.100s; "
				 "ferry knows " LAYOUT_VERSION,
				 folder->path, version);
	return 0;
}

static int
check_writable(const struct oci_folder *folder, int at, const char *path,
	       struct ferry_error *err)
{
	if (at < 0 || faccessat(at, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return error_errno(err, "%s%s", folder->path, path);
}

/* What the folder is, now that it is open. */
static int
check(struct oci_folder *folder, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(LAYOUT_MAX);
	int rc = file_load_at(folder->fd, LAYOUT, &bytes, err);

	if (rc == FERRY_E_NOT_FOUND)
		rc = check_empty(folder, err);
	else if (rc)
		rc = wrap(folder, folder->fd, LAYOUT, err);
	else
		rc = check_version(folder, &bytes, err);
	if (!rc)
		rc = check_writable(folder, folder->fd, "", err);
	if (!rc)
		rc = open_blobs(folder, err);
	return rc ? rc
		  : check_writable(folder, folder->blobs, "/" BLOBS "/" SHA256,
				   err);
}

/* Where the folder is to be made. */
static int
check_parent(const struct oci_folder *folder, struct ferry_error *err)
{
	AUTO_FREE char *parent = NULL;
	int rc = file_folder(&parent, folder->path, err);

	if (rc)
		return rc;
	if (access(parent, F_OK) && errno == ENOENT)
		return error_set(err, FERRY_E_FAILED,
				 "%s: the folder %s does not exist",
				 folder->path, parent);
	return access(parent, W_OK | X_OK)
		       ? error_errno(err, "%s: its folder", folder->path)
		       : 0;
}

static int
open_path(struct oci_folder *folder, struct ferry_error *err)
{
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd >= 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR)
		return error_set(err, FERRY_E_FAILED,
				 "%s: it is no folder, and a layout is one",
				 folder->path);
	return error_errno(err, "%s", folder->path);
}

int
oci_folder_look(struct oci_folder *out, struct ferry_context *context,
		const char *path, struct ferry_error *err)
{
	struct oci_folder folder = { .context = context,
				     .fd = -1,
				     .blobs = -1 };
	int rc = text_copy(&folder.path, path, err);

	if (!rc)
		rc = open_path(&folder, err);
	if (!rc)
		rc = folder.fd < 0 ? check_parent(&folder, err)
				   : check(&folder, err);
	if (rc)
		oci_folder_release(&folder);
	else
		*out = folder;
	return rc;
}

void
oci_folder_release(struct oci_folder *folder)
{
	if (!folder->path)
		return;
	cleanup_close(&folder->blobs);
	cleanup_close(&folder->fd);
	free(folder->path);
	*folder = (struct oci_folder){ .fd = -1, .blobs = -1 };
}

/* Some file systems over a network have no locks on folders. */
static int
lock(const struct oci_folder *folder, struct ferry_error *err)
{
	if (flock(folder->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return error_set(err, FERRY_E_FAILED,
				 "%s: another ferry is writing it",
				 folder->path);
	context_notice(folder->context,
		       "%s: it cannot be locked (%s), so see to it that nobody "
		       "else writes it now",
		       folder->path, strerror(errno));
	return 0;
}

static int
make_folder(const struct oci_folder *folder, int at, const char *name,
	    struct ferry_error *err)
{
	if (mkdirat(at, name, 0755) == 0 || errno == EEXIST)
		return 0;
	return error_errno(err, "%s: make the folder %s", folder->path, name);
}

/* Its name has to be on the disk as well. */
static int
make_path(struct oci_folder *folder, struct ferry_error *err)
{
	AUTO_FREE char *parent = NULL;
	AUTO_CLOSE int fd = -1;
	int rc = file_folder(&parent, folder->path, err);

	if (!rc)
		rc = make_folder(folder, AT_FDCWD, folder->path, err);
	if (rc)
		return rc;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd); /* some file systems cannot */
	return open_path(folder, err);
}

static int
make_blobs(struct oci_folder *folder, struct ferry_error *err)
{
	AUTO_CLOSE int blobs = -1;
	int rc = make_folder(folder, folder->fd, BLOBS, err);

	if (!rc)
		rc = open_folder(&blobs, folder->fd, BLOBS, err);
	if (!rc)
		rc = make_folder(folder, blobs, SHA256, err);
	if (!rc && fsync(blobs))
		rc = error_errno(err, "%s/" BLOBS ": sync", folder->path);
	return rc ? rc : open_blobs(folder, err);
}

/* What was to be called NAME until it was whole. */
static void
remove_leftovers(int at)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!list) {
		cleanup_close(&fd);
		return;
	}
	while ((entry = readdir(list)))
		if (text_starts(entry->d_name, TEMPORARY))
			(void)unlinkat(at, entry->d_name, 0);
	closedir(list);
}

static int
write_file(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct oci_file *file = (struct oci_file *)sink;

	if (file_write_at(file->fd, data, size, file->size, err))
		return wrap(file->folder, file->at, file->name, err);
	file->size += size;
	file->pending += size;
	if (file->pending >= WRITEBACK_PIECE) {
		writeback_begin(&file->writeback, file->size - file->pending,
				file->pending);
		file->pending = 0;
	}
	return 0;
}

static const char *
temporary_name(char out[TEMPORARY_MAX], const struct oci_file *file)
{
	snprintf(out, TEMPORARY_MAX, TEMPORARY "%s", file->name);
	return out;
}

static int
create(const struct oci_folder *folder, int at, const char *name, uint64_t size,
       struct oci_file *out, struct ferry_error *err)
{
	char temporary[TEMPORARY_MAX];

	*out = (struct oci_file){ .sink = { .write = write_file },
				  .folder = folder,
				  .at = at,
				  .fd = -1 };
	snprintf(out->name, sizeof(out->name), "%s", name);
	(void)unlinkat(at, temporary_name(temporary, out), 0);
	out->fd = openat(at, temporary,
			 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			 0644);
	if (out->fd < 0) {
		error_errno(err, "create");
		return wrap(folder, at, name, err);
	}
	writeback_init(&out->writeback, out->fd, file_is_large(size));
	return 0;
}

int
oci_folder_create(const struct oci_folder *folder,
		  const struct descriptor *blob, struct oci_file *out,
		  struct ferry_error *err)
{
	return create(folder, folder->blobs, digest_hex(&blob->digest),
		      blob->size, out, err);
}

int
oci_file_commit(struct oci_file *file, struct ferry_error *err)
{
	char temporary[TEMPORARY_MAX];

	temporary_name(temporary, file);
	if (fsync(file->fd))
		error_errno(err, "sync");
	else if (renameat(file->at, temporary, file->at, file->name))
		error_errno(err, "rename");
	else {
		cleanup_close(&file->fd);
		file->fd = -1;
		return 0;
	}
	return wrap(file->folder, file->at, file->name, err);
}

void
oci_file_release(struct oci_file *file)
{
	char temporary[TEMPORARY_MAX];

	if (!file->folder || file->fd < 0)
		return;
	cleanup_close(&file->fd);
	file->fd = -1;
	(void)unlinkat(file->at, temporary_name(temporary, file), 0);
}

static int
sync_folder(const struct oci_folder *folder, int at, struct ferry_error *err)
{
	return fsync(at) ? error_errno(err, "%s: sync", folder->path) : 0;
}

static int
store(const struct oci_folder *folder, const char *name, const void *data,
      size_t size, struct ferry_error *err)
{
	AUTO(oci_file_release) struct oci_file file = { .fd = -1 };
	int rc = create(folder, folder->fd, name, size, &file, err);

	if (!rc)
		rc = sink_write(&file.sink, data, size, err);
	if (!rc)
		rc = oci_file_commit(&file, err);
	return rc ? rc : sync_folder(folder, folder->fd, err);
}

static int
make_layout(struct oci_folder *folder, struct ferry_error *err)
{
	int rc = 0;

	if (faccessat(folder->fd, LAYOUT, F_OK, AT_SYMLINK_NOFOLLOW))
		rc = store(folder, LAYOUT, CATALOG_LAYOUT,
			   strlen(CATALOG_LAYOUT), err);
	if (!rc && folder->blobs < 0)
		rc = make_blobs(folder, err);
	return rc;
}

/* What was there at the first look may have changed until it is ours. */
int
oci_folder_begin(struct oci_folder *folder, struct ferry_error *err)
{
	int rc = 0;

	cleanup_close(&folder->blobs);
	folder->blobs = -1;
	if (folder->fd < 0)
		rc = make_path(folder, err);
	if (!rc)
		rc = lock(folder, err);
	if (!rc)
		rc = check(folder, err);
	if (!rc)
		rc = make_layout(folder, err);
	if (rc)
		return rc;
	remove_leftovers(folder->fd);
	remove_leftovers(folder->blobs);
	return 0;
}

uint64_t
oci_folder_room(const struct oci_folder *folder)
{
	struct ferry_error ignored;
	struct file_room room;
	struct statvfs disk;

	if (folder->fd < 0)
		return file_room(folder->path, &room, &ignored) ? 0 : room.free;
	if (fstatvfs(folder->fd, &disk))
		return 0;
	return (uint64_t)disk.f_bavail * disk.f_frsize;
}

int
oci_folder_load_index(const struct oci_folder *folder, struct buffer *out,
		      struct ferry_error *err)
{
	int rc;

	if (folder->fd < 0)
		return 0;
	rc = file_load_at(folder->fd, OCI_FOLDER_INDEX, out, err);
	if (!rc || rc == FERRY_E_NOT_FOUND)
		return 0;
	return wrap(folder, folder->fd, OCI_FOLDER_INDEX, err);
}

int
oci_folder_store_index(const struct oci_folder *folder,
		       const struct buffer *bytes, struct ferry_error *err)
{
	int rc = sync_folder(folder, folder->blobs, err);

	return rc ? rc
		  : store(folder, OCI_FOLDER_INDEX, bytes->data, bytes->size,
			  err);
}

bool
oci_folder_has(const struct oci_folder *folder, const struct descriptor *blob)
{
	struct stat status;

	return folder->blobs >= 0 &&
	       fstatat(folder->blobs, digest_hex(&blob->digest), &status,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode) &&
	       (uint64_t)status.st_size == blob->size;
}

static int
write_nowhere(struct sink *sink, const void *data, size_t size,
	      struct ferry_error *err)
{
	(void)sink;
	(void)data;
	(void)size;
	(void)err;
	return 0;
}

/* Reads on to the proof's end; what is too long it refuses itself. */
static int
read_all(const struct oci_folder *folder, int fd, struct proof *proof,
	 struct ferry_error *err)
{
	AUTO_FREE uint8_t *piece = malloc(PIECE);
	bool large = file_is_large(proof->size);
	uint64_t offset = 0;
	int rc = piece ? 0 : error_nomem(err);

	while (!rc && offset < proof->size) {
		uint64_t left = proof->size - offset;
		size_t part = left < PIECE ? (size_t)left : PIECE;

		rc = context_check(folder->context, err);
		if (!rc)
			rc = file_read_at(fd, piece, part, offset, err);
		if (!rc)
			rc = sink_write(&proof->sink, piece, part, err);
		if (large)
			file_forget(fd, offset, part);
		offset += part;
	}
	return rc;
}

static int
prove(const struct oci_folder *folder, const struct descriptor *blob,
      struct ferry_error *err)
{
	AUTO(proof_release) struct proof proof = { 0 };
	struct sink nowhere = { .write = write_nowhere };
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;
	int rc = file_open_at(&fd, folder->blobs, digest_hex(&blob->digest),
			      &size, err);

	if (!rc && size != blob->size)
		rc = error_set(err, FERRY_E_FAILED,
			       "it has %llu bytes instead of %llu",
			       (unsigned long long)size,
			       (unsigned long long)blob->size);
	if (!rc)
		rc = proof_init(&proof, &nowhere, &blob->digest, blob->size,
				err);
	if (!rc)
		rc = read_all(folder, fd, &proof, err);
	return rc ? rc : proof_finish(&proof, err);
}

int
oci_folder_prove(const struct oci_folder *folder, const struct descriptor *blob,
		 bool *out, struct ferry_error *err)
{
	struct ferry_error why;
	int rc = prove(folder, blob, &why);

	if (rc == FERRY_E_NOMEM || rc == FERRY_E_INTERRUPTED) {
		*err = why;
		return rc;
	}
	if (rc && rc != FERRY_E_NOT_FOUND)
		context_notice(folder->context,
			       "%s/" BLOBS "/" SHA256 "/%s is replaced: %s",
			       folder->path, digest_hex(&blob->digest),
			       why.message);
	*out = !rc;
	return 0;
}
