#include "archive/tarball.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/cursor.h"
#include "archive/member_table.h"
#include "base/file.h"

#define PIECE ((size_t)256 << 10)

struct tarball {
	struct member_table table;
	struct ferry_context *context;
	/* Of a file: */
	int fd; /* -1: a stream */
	uint64_t size;
	struct opener unpacker; /* of a compressed one */
	/* Bytes are read at their offset, or by the one who has the cursor. */
	bool plain;
	struct cursor cursor;
};

static int
open_unpacked(struct opener *base, struct stream **out, struct ferry_error *err)
{
	struct tarball *tarball =
		(struct tarball *)((char *)base -
				   offsetof(struct tarball, unpacker));
	struct stream *packed;
	int rc = stream_of_file(&packed, tarball->fd, tarball->size, err);

	return rc ? rc : stream_unpacked(out, packed, err);
}

static int
open_file(const char *path, int *out, struct ferry_error *err)
{
	/* Of a FIFO that nobody writes open() would wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(err, FERRY_E_NOT_FOUND, "no such file");
	if (fd < 0)
		return error_errno(err, "open");
	*out = fd;
	return 0;
}

static int
find_size(struct tarball *tarball, struct ferry_error *err)
{
	struct stat status;

	if (fstat(tarball->fd, &status))
		return error_errno(err, "stat");
	if (!S_ISREG(status.st_mode))
		return error_set(err, FERRY_E_FAILED,
				 S_ISDIR(status.st_mode) ? "it is a folder"
							 : "it is no regular "
							   "file");
	tarball->size = (uint64_t)status.st_size;
	return 0;
}

static const struct form {
	const char *magic;
	size_t size;
	const char *refusal; /* NULL: a form that is unpacked */
} forms[] = {
	{ "\x1f\x8b", 2, NULL },
	{ "\x28\xb5\x2f\xfd", 4, NULL },
	{ "\xfd"
	  "7zXZ",
	  5, "it is compressed by xz" },
	{ "BZh", 3, "it is compressed by bzip2" },
	{ "\x04\x22\x4d\x18", 4, "it is compressed by lz4" },
	{ "PK\x03\x04", 4, "it is a zip archive" },
};

static int
find_form(const struct tarball *tarball, struct ferry_error *err)
{
	uint8_t magic[TARBALL_HEAD] = { 0 };
	size_t size = tarball->size < sizeof(magic) ? (size_t)tarball->size
						    : sizeof(magic);
	int rc = size ? file_read_at(tarball->fd, magic, size, 0, err)
		      : error_set(err, FERRY_E_FAILED, "it is empty");

	if (rc)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (memcmp(magic, forms[i].magic, forms[i].size) != 0)
			continue;
		if (!forms[i].refusal)
			return 1;
		error_set(err, FERRY_E_FAILED,
			  "%s; ferry takes tar, plain or compressed by gzip or "
			  "zstd",
			  forms[i].refusal);
		return -1;
	}
	return 0;
}

static int
scan(struct tarball *tarball, struct opener *opener, struct ferry_error *err)
{
	struct stream *stream;
	int rc = opener ? opener->open(opener, &stream, err)
			: stream_of_file(&stream, tarball->fd, tarball->size,
					 err);

	if (rc)
		return rc;
	rc = member_table_scan(&tarball->table, stream, !tarball->plain,
			       tarball->context, err);
	stream_close(stream);
	return rc;
}

static int
read_file_members(struct tarball *tarball, struct ferry_error *err)
{
	int form;
	int rc = find_size(tarball, err);

	if (rc)
		return rc;
	form = find_form(tarball, err);
	if (form < 0)
		return err->code;
	tarball->plain = form == 0;
	tarball->unpacker.open = open_unpacked;
	tarball->cursor.opener = &tarball->unpacker;
	return scan(tarball, tarball->plain ? NULL : &tarball->unpacker, err);
}

static struct tarball *
new_tarball(struct ferry_context *context)
{
	struct tarball *tarball = calloc(1, sizeof(*tarball));

	if (!tarball)
		return NULL;
	tarball->context = context;
	tarball->fd = -1;
	member_table_init(&tarball->table);
	cursor_init(&tarball->cursor, NULL, context);
	return tarball;
}

int
tarball_open(struct tarball **out, const char *path,
	     struct ferry_context *context, struct ferry_error *err)
{
	int fd = -1;
	int rc = open_file(path, &fd, err);

	return rc ? rc : tarball_open_file(out, fd, context, err);
}

int
tarball_open_file(struct tarball **out, int take_fd,
		  struct ferry_context *context, struct ferry_error *err)
{
	struct tarball *tarball = new_tarball(context);
	int rc;

	if (!tarball) {
		close(take_fd);
		return error_nomem(err);
	}
	tarball->fd = take_fd;
	rc = read_file_members(tarball, err);
	if (rc)
		tarball_close(tarball);
	else
		*out = tarball;
	return rc;
}

int
tarball_open_stream(struct tarball **out, struct opener *opener,
		    struct ferry_context *context, struct ferry_error *err)
{
	struct tarball *tarball = new_tarball(context);
	int rc;

	if (!tarball)
		return error_nomem(err);
	tarball->cursor.opener = opener;
	rc = scan(tarball, opener, err);
	if (rc)
		tarball_close(tarball);
	else
		*out = tarball;
	return rc;
}

void
tarball_close(struct tarball *tarball)
{
	if (!tarball)
		return;
	cursor_release(&tarball->cursor);
	member_table_release(&tarball->table);
	if (tarball->fd >= 0)
		close(tarball->fd);
	free(tarball);
}

const struct tarball_member *
tarball_find(const struct tarball *tarball, const char *name)
{
	return member_table_find(&tarball->table, name);
}

const struct tarball_member *
tarball_members(const struct tarball *tarball, size_t *count)
{
	*count = tarball->table.count;
	return tarball->table.members;
}

static int
read_file(const struct tarball *tarball, uint64_t offset, uint64_t size,
	  struct sink *to, struct ferry_error *err)
{
	AUTO_FREE uint8_t *piece = malloc(PIECE);
	int rc = piece ? 0 : error_nomem(err);

	while (!rc && size) {
		size_t part = size < PIECE ? (size_t)size : PIECE;

		rc = context_check(tarball->context, err);
		if (!rc && file_read_at(tarball->fd, piece, part, offset, err))
			rc = error_set(err, FERRY_E_FAILED,
				       "the file is shorter than it was, or "
				       "cannot be read");
		if (!rc)
			rc = sink_write(to, piece, part, err);
		offset += part;
		size -= part;
	}
	return rc;
}

int
tarball_read(struct tarball *tarball, const struct tarball_member *member,
	     uint64_t from, struct sink *to, struct ferry_error *err)
{
	if (member->kind == TARBALL_LINK)
		member = member->target;
	if (from >= member->size)
		return 0;
	if (member->kept.size)
		return sink_write(to, member->kept.data + from,
				  (size_t)(member->size - from), err);
	return tarball->plain
		       ? read_file(tarball, member->offset + from,
				   member->size - from, to, err)
		       : cursor_read(&tarball->cursor, member->offset + from,
				     member->size - from, to, err);
}

void
tarball_rest(struct tarball *tarball)
{
	cursor_rest(&tarball->cursor);
}

int
tarball_load(struct tarball *tarball, const struct tarball_member *member,
	     struct buffer *out, struct ferry_error *err)
{
	struct buffer_sink sink;

	buffer_sink_init(&sink, out);
	return tarball_read(tarball, member, 0, &sink.sink, err);
}
