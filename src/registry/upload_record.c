#include "registry/upload_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "json/json.h"

#define VERSION 1
#define RECORD_MAX 32768 /* bytes; a URL with its signature is a tenth */
#define LOCK_TRIES 8

/* A file's name: HEX and what it is. */
struct record_name {
	char text[DIGEST_HEX + 8];
};

static struct record_name
name_of(const struct upload_record *record, const char *suffix)
{
	struct record_name name;

	snprintf(name.text, sizeof(name.text), "%s%s", record->hex, suffix);
	return name;
}

void
upload_progress_release(struct upload_progress *progress)
{
	free(progress->session);
	*progress = (struct upload_progress){ 0 };
}

/* The XDG base directory specification wants what is missing made 0700. */
static int
make_folders(const char *path, struct ferry_error *err)
{
	AUTO_FREE char *copy = NULL;
	int rc = text_copy(&copy, path, err);

	for (char *at = rc ? NULL : strchr(copy + 1, '/'); at;
	     at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST)
			return error_errno(err, "%s", copy);
		*at = '/';
	}
	if (!rc && mkdir(copy, 0700) && errno != EEXIST)
		return error_errno(err, "%s", copy);
	return rc;
}

static int
check_owner(int fd, const char *path, struct ferry_error *err)
{
	struct stat status;

	if (fstat(fd, &status))
		return error_errno(err, "%s", path);
	if (status.st_uid != geteuid())
		return error_set(err, FERRY_E_FAILED, "%s: it is not ours",
				 path);
	if (status.st_mode & 077)
		return error_set(err, FERRY_E_FAILED,
				 "%s: others may look into it (mode %o, not "
				 "700)",
				 path, status.st_mode & 07777);
	return 0;
}

/* Both FOLDER and what is in it: whoever may rename can put another there. */
static int
open_folder(int *out, const char *state, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int above = -1;
	AUTO_CLOSE int fd = -1;
	int rc = text_format(&path, err, "%s/uploads", state);

	if (!rc)
		rc = make_folders(path, err);
	if (rc)
		return rc;
	above = open(state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (above < 0)
		return error_errno(err, "%s", state);
	fd = openat(above, "uploads",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", path);
	rc = check_owner(above, state, err);
	if (!rc)
		rc = check_owner(fd, path, err);
	if (rc)
		return rc;
	*out = fd;
	fd = -1;
	return 0;
}

/* Whether the file that was locked still has the name. */
static bool
is_current(int folder, const char *name, int fd)
{
	struct stat ours;
	struct stat named;

	return fstat(fd, &ours) == 0 &&
	       fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* -1 with code 0: somebody else has it. */
static int
take_lock(int folder, const char *name, struct ferry_error *why)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		int fd =
			openat(folder, name,
			       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0) {
			error_errno(why, "%s", name);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			close(fd);
			return -1;
		}
		if (is_current(folder, name, fd))
			return fd;
		close(fd);
	}
	return -1;
}

/* Who has it open meanwhile sees that it has lost its name. */
static void
drop_lock(const struct upload_record *record)
{
	unlinkat(record->folder, name_of(record, ".lock").text, 0);
	close(record->lock);
}

static bool
is_old(int folder, const char *name)
{
	struct stat status;

	return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       status.st_mtime + UPLOAD_RECORD_SECONDS < time(NULL);
}

/* What `file` belongs to, unless somebody is at it or has just been. */
static void
sweep_record(int folder, const char *file)
{
	struct upload_record record = { .folder = folder };
	struct ferry_error ignored;
	struct record_name json;

	memcpy(record.hex, file, DIGEST_HEX);
	json = name_of(&record, ".json");
	record.lock =
		take_lock(folder, name_of(&record, ".lock").text, &ignored);
	if (record.lock < 0)
		return;
	if (faccessat(folder, json.text, F_OK, AT_SYMLINK_NOFOLLOW) ||
	    is_old(folder, json.text))
		upload_record_remove(&record);
	drop_lock(&record);
}

static bool
is_of_record(const char *file)
{
	return strspn(file, "0123456789abcdef") == DIGEST_HEX &&
	       file[DIGEST_HEX] == '.';
}

/* Who was killed and never came again would leave files for ever. */
static void
sweep(int folder)
{
	AUTO_CLOSE int fd =
		openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *file;

	if (!files)
		return;
	fd = -1; /* it is theirs now */
	while ((file = readdir(files)))
		if (is_of_record(file->d_name) && is_old(folder, file->d_name))
			sweep_record(folder, file->d_name);
	closedir(files);
}

static int
name_record(struct upload_record *record, const struct upload_name *name,
	    struct ferry_error *err)
{
	AUTO_FREE char *text = NULL;
	struct digest digest;
	int rc = text_format(&text, err, "%s\n%s\n%s", name->registry,
			     name->repository, name->digest->text);

	if (!rc)
		rc = digest_of(&digest, text, strlen(text), err);
	if (!rc)
		snprintf(record->hex, sizeof(record->hex), "%s",
			 digest_hex(&digest));
	return rc;
}

void
upload_record_open(struct upload_record *record, const char *state,
		   const struct upload_name *name, struct ferry_error *why)
{
	AUTO_CLOSE int folder = -1;

	*record = (struct upload_record)UPLOAD_RECORD;
	*why = (struct ferry_error){ 0 };
	if (name_record(record, name, why) || open_folder(&folder, state, why))
		return;
	sweep(folder);
	record->lock = take_lock(folder, name_of(record, ".lock").text, why);
	if (record->lock < 0)
		return;
	record->folder = folder;
	folder = -1;
}

static int
load(int folder, const char *name, struct buffer *out, struct ferry_error *err)
{
	AUTO_CLOSE int fd = openat(
		folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	int rc;

	if (fd < 0 || fstat(fd, &status))
		return error_errno(err, "%s", name);
	if (!S_ISREG(status.st_mode) || status.st_size > RECORD_MAX)
		return error_set(err, FERRY_E_FAILED, "%s: no record", name);
	rc = buffer_reserve(out, (size_t)status.st_size, err);
	if (!rc)
		rc = file_read_at(fd, out->data, (size_t)status.st_size, 0,
				  err);
	if (!rc)
		out->size = (size_t)status.st_size;
	return rc;
}

static bool
says(const json_t *json, const char *key, const char *wanted)
{
	struct ferry_error ignored;
	const char *text = "";

	return json_get_text(json, key, &text, &ignored) == 0 &&
	       strcmp(text, wanted) == 0;
}

static bool
number(const json_t *json, const char *key, uint64_t *out)
{
	struct ferry_error ignored;

	return json_get_size(json, key, out, &ignored) == 0;
}

/* Of this upload, not too old, and possible. */
static bool
fits(const json_t *json, const struct upload_name *name,
     struct upload_progress *found)
{
	uint64_t now = (uint64_t)time(NULL);
	uint64_t version;
	uint64_t at;

	return number(json, "version", &version) && version == VERSION &&
	       says(json, "registry", name->registry) &&
	       says(json, "repository", name->repository) &&
	       says(json, "digest", name->digest->text) &&
	       number(json, "accepted", &found->accepted) &&
	       number(json, "chunk", &found->chunk) &&
	       number(json, "time", &at) && found->accepted <= name->size &&
	       now < at + UPLOAD_RECORD_SECONDS;
}

bool
upload_record_read(struct upload_record *record, const struct upload_name *name,
		   struct upload_progress *out)
{
	AUTO_BUFFER text = BUFFER(RECORD_MAX);
	AUTO_JSON *json = NULL;
	struct upload_progress found = { 0 };
	struct ferry_error ignored;
	const char *session = NULL;

	if (record->folder < 0 ||
	    load(record->folder, name_of(record, ".json").text, &text,
		 &ignored) ||
	    json_parse(&json, text.data, text.size, &ignored) ||
	    !fits(json, name, &found) ||
	    json_get_text(json, "session", &session, &ignored) ||
	    text_copy(&found.session, session, &ignored))
		return false;
	*out = found;
	return true;
}

static int
write_text(struct buffer *text, const struct upload_name *name,
	   const struct upload_progress *progress, struct ferry_error *err)
{
	AUTO_JSON *json = json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "version", VERSION,
		"registry", name->registry, "repository", name->repository,
		"digest", name->digest->text, "session", progress->session,
		"accepted", (json_int_t)progress->accepted, "chunk",
		(json_int_t)progress->chunk, "time", (json_int_t)time(NULL));

	return json ? json_write_pretty(json, text, err) : error_nomem(err);
}

int
upload_record_write(struct upload_record *record,
		    const struct upload_name *name,
		    const struct upload_progress *progress,
		    struct ferry_error *err)
{
	struct record_name made = name_of(record, ".new");
	AUTO_BUFFER text = BUFFER(RECORD_MAX);
	AUTO_CLOSE int fd = -1;
	int rc;

	if (record->folder < 0)
		return 0;
	rc = write_text(&text, name, progress, err);
	if (rc)
		return rc;
	unlinkat(record->folder, made.text, 0);
	fd = openat(record->folder, made.text,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "%s", made.text);
	rc = file_write_at(fd, text.data, text.size, 0, err);
	if (!rc && renameat(record->folder, made.text, record->folder,
			    name_of(record, ".json").text))
		rc = error_errno(err, "%s", made.text);
	return rc;
}

void
upload_record_remove(struct upload_record *record)
{
	if (record->folder < 0)
		return;
	unlinkat(record->folder, name_of(record, ".new").text, 0);
	unlinkat(record->folder, name_of(record, ".json").text, 0);
}

void
upload_record_close(struct upload_record *record)
{
	if (record->folder < 0)
		return;
	drop_lock(record);
	close(record->folder);
	*record = (struct upload_record)UPLOAD_RECORD;
}
