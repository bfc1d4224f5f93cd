/*
 * From a tar archive to the table of its members, by libarchive's reader.
 */
#include <string.h>

#include <archive_entry.h>

#include "archive/library.h"
#include "archive/member_table.h"

#define MARKER 1024 /* two zero blocks: the end of a tar archive */

struct scan {
	struct member_table *table;
	struct archive *reader;
	struct library_input input;
	bool keep;
};

/* What would be another thing to another reader, or nothing to carry. */
static int
classify(struct archive_entry *entry, enum tarball_kind *out,
	 struct ferry_error *err)
{
	if (archive_entry_hardlink(entry))
		return error_set(err, FERRY_E_FAILED, "it is a hard link");
	if (archive_entry_sparse_count(entry))
		return error_set(err, FERRY_E_FAILED, "it is a sparse file");
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		*out = TARBALL_FILE;
		return 0;
	case AE_IFDIR:
		*out = TARBALL_FOLDER;
		return 0;
	case AE_IFLNK:
		*out = TARBALL_LINK;
		return 0;
	default:
		return error_set(err, FERRY_E_FAILED,
				 "it is a device or the like");
	}
}

static int
check_size(struct archive_entry *entry, enum tarball_kind kind, uint64_t *out,
	   struct ferry_error *err)
{
	la_int64_t size = archive_entry_size(entry);

	if (size < 0 || (uint64_t)size > TARBALL_SIZE_MAX)
		return error_set(err, FERRY_E_FAILED, "a size of %lld bytes",
				 (long long)size);
	if (size && kind != TARBALL_FILE)
		return error_set(err, FERRY_E_FAILED,
				 "it is no file and has a size");
	*out = (uint64_t)size;
	return 0;
}

static int
describe(struct scan *scan, struct archive_entry *entry,
	 struct tarball_member **out, struct ferry_error *err)
{
	const char *name = archive_entry_pathname(entry);
	const char *link = archive_entry_symlink(entry);
	enum tarball_kind kind = TARBALL_FILE;
	uint64_t size = 0;
	int rc;

	if (!name || !*name)
		return error_set(err, FERRY_E_FAILED,
				 "a member without a name, or with one that is "
				 "no plain text");
	rc = classify(entry, &kind, err);
	if (!rc)
		rc = check_size(entry, kind, &size, err);
	if (rc)
		return error_wrap(err, "%.200s", name);
	rc = member_table_add(scan->table, name, kind, link ? link : "", out,
			      err);
	if (rc || !*out)
		return rc;
	(*out)->size = size;
	(*out)->offset = (uint64_t)archive_filter_bytes(scan->reader, 0);
	return 0;
}

static bool
looks_like_document(const struct tarball_member *member)
{
	return member->head_size &&
	       (member->head[0] == '{' || member->head[0] == '[');
}

static void
note_head(struct tarball_member *member, const void *piece, size_t size)
{
	size_t more = sizeof(member->head) - member->head_size;

	if (more > size)
		more = size;
	memcpy(member->head + member->head_size, piece, more);
	member->head_size += more;
}

/* Whether more of the member is to be looked at now. */
static int
note_piece(struct scan *scan, struct tarball_member *member, bool *more,
	   const void *piece, size_t size, struct ferry_error *err)
{
	struct member_table *table = scan->table;

	note_head(member, piece, size);
	*more = member->head_size < sizeof(member->head);
	if (!scan->keep || member->size > TARBALL_KEPT_MAX ||
	    !looks_like_document(member) ||
	    table->kept + member->size > TARBALL_KEPT_TOTAL)
		return 0;
	*more = true;
	return buffer_append(&member->kept, piece, size, err);
}

/* A piece may have the end of one before it, as zeros, in sparse files only. */
static int
look_into(struct scan *scan, struct tarball_member *member,
	  struct ferry_error *err)
{
	bool more = member->size > 0;
	const void *piece;
	size_t size;
	la_int64_t offset;
	int rc = 0;

	while (more && !rc) {
		int got = archive_read_data_block(scan->reader, &piece, &size,
						  &offset);

		if (got == ARCHIVE_EOF)
			break;
		rc = got == ARCHIVE_OK
			     ? note_piece(scan, member, &more, piece, size, err)
			     : library_failure(scan->reader, &scan->input, err);
	}
	if (!rc)
		scan->table->kept += member->kept.size;
	return rc;
}

static int
scan_members(struct scan *scan, struct ferry_error *err)
{
	struct tarball_member *member;
	struct archive_entry *entry;
	int rc = 0;

	while (!rc) {
		int got = archive_read_next_header(scan->reader, &entry);

		if (got == ARCHIVE_EOF)
			return 0;
		/* A warning too: of what others may read otherwise. */
		if (got != ARCHIVE_OK &&
		    !library_warns_of_letters(scan->reader, got))
			return library_failure(scan->reader, &scan->input, err);
		rc = describe(scan, entry, &member, err);
		if (!rc && member && look_into(scan, member, err))
			rc = error_wrap(err, "%.200s",
					archive_entry_pathname(entry));
	}
	return rc;
}

static int
read_padding(struct scan *scan, uint64_t end, struct ferry_error *err)
{
	struct library_input *input = &scan->input;
	const void *piece;
	size_t size = 1;

	while (size) {
		int rc = input->stream->next(input->stream, &piece, &size, err);

		if (rc)
			return rc;
		for (size_t i = 0; i < size; i++)
			if (((const uint8_t *)piece)[i])
				input->nonzero_end = input->taken + i + 1;
		input->taken += size;
		if (input->nonzero_end > end ||
		    input->taken - end > TARBALL_PADDING_MAX)
			return error_set(err, FERRY_E_FAILED,
					 "something follows the end of the "
					 "archive");
	}
	return 0;
}

/* Two readers could have two opinions on what is behind the end. */
static int
check_end(struct scan *scan, struct ferry_error *err)
{
	uint64_t end = (uint64_t)archive_read_header_position(scan->reader);
	int rc = read_padding(scan, end, err);

	if (rc)
		return rc;
	if (scan->input.taken - end < MARKER)
		return error_set(err, FERRY_E_FAILED,
				 "cut off: its end is missing");
	return 0;
}

static int
run(struct scan *scan, struct ferry_error *err)
{
	int rc = library_open(scan->reader, &scan->input, err);

	if (!rc)
		rc = scan_members(scan, err);
	if (!rc)
		rc = check_end(scan, err);
	return rc ? rc : member_table_settle(scan->table, err);
}

int
member_table_scan(struct member_table *table, struct stream *stream, bool keep,
		  struct ferry_context *context, struct ferry_error *err)
{
	AUTO_READER *reader = archive_read_new();
	struct scan scan = { .table = table,
			     .reader = reader,
			     .input = { .stream = stream, .context = context },
			     .keep = keep };

	if (!reader || archive_read_support_format_tar(reader))
		return error_nomem(err);
	return run(&scan, err);
}
