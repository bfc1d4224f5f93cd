#include "bundle/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "bundle/member.h"

static const struct {
	const char *magic;
	size_t offset;
	size_t size;
	const char *what;
} kinds[] = {
	{ "\x1f\x8b", 0, 2, "a gzip file" },
	{ "\xfd"
	  "7zXZ",
	  0, 5, "an xz file" },
	{ "BZh", 0, 3, "a bzip2 file" },
	{ "PK\x03\x04", 0, 4, "a zip file" },
	{ "ustar", 257, 5, "a plain tar file" },
	{ "\x28\xb5\x2f\xfd", 0, 4, "another zstd file" },
};

/* Says what the file is instead of a bundle. */
static int
not_a_bundle(int fd, struct ferry_error *err)
{
	uint8_t head[TAR_BLOCK] = { 0 };
	ssize_t got = pread(fd, head, sizeof(head), 0);

	if (got == 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "no bundle: it is empty");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (memcmp(head + kinds[i].offset, kinds[i].magic,
			   kinds[i].size) == 0)
			return error_set(err, FERRY_E_DAMAGED,
					 "no bundle of ferry's: it is %s",
					 kinds[i].what);
	return error_set(err, FERRY_E_DAMAGED, "no bundle of ferry's");
}

/* Reads one frame of the front, whose end is not known yet. */
static int
read_front_frame(struct bundle *bundle, uint64_t *offset,
		 struct ferry_error *err)
{
	uint8_t header[FRAME_HEADER];
	struct buffer_sink sink;
	struct frame_run run = { 0 };
	int rc = file_read_at(bundle->fd, header, sizeof(header), *offset, err);

	if (!rc)
		rc = frame_raw_parse_header(&run.length, header, err);
	if (!rc && run.length > FRAME_CONTENT)
		rc = error_set(err, FERRY_E_DAMAGED, "a frame too large");
	if (rc)
		return rc;
	buffer_sink_init(&sink, &bundle->front);
	rc = buffer_reserve(&bundle->front, run.length, err);
	if (!rc)
		rc = frame_raw_decode(bundle->fd, *offset, run, &sink.sink,
				      err);
	*offset += frame_raw_size(run);
	return rc;
}

static int
read_front(struct bundle *bundle, struct ferry_error *err)
{
	size_t length = 0;

	while (!length) {
		size_t before = bundle->front.size;
		int rc = read_front_frame(bundle, &bundle->first, err);

		if (!rc)
			rc = front_parse(bundle->parts, &length,
					 bundle->front.data, bundle->front.size,
					 err);
		if (rc)
			return rc;
		/* So there is one way only to cut a front, and no slow one. */
		if (!length && bundle->front.size - before < FRAME_CONTENT)
			return error_set(err, FERRY_E_DAMAGED,
					 "a frame of the front is too short");
	}
	if (length != bundle->front.size)
		return error_set(err, FERRY_E_DAMAGED,
				 "the front does not end with its frame");
	return 0;
}

static int
check_files(const struct bundle *bundle, struct ferry_error *err)
{
	static const enum front_member members[STATEMENT_FILES] = {
		[STATEMENT_INDEX] = FRONT_INDEX,
		[STATEMENT_MANIFEST] = FRONT_MANIFEST,
		[STATEMENT_BLOBS] = FRONT_BLOB_TABLE,
	};

	for (int i = 0; i < STATEMENT_FILES; i++) {
		const struct statement_file *file = &bundle->statement.files[i];
		const struct front_part *part = &bundle->parts[members[i]];
		struct digest digest;
		int rc = digest_of(&digest, part->data, part->size, err);

		if (rc)
			return rc;
		if (part->size != file->size ||
		    !digest_equal(&digest, &file->digest))
			return error_set(err, FERRY_E_DAMAGED,
					 "%s is not the one that bundle.json "
					 "names",
					 statement_file_names[i]);
	}
	return 0;
}

static int
check_length(const struct bundle *bundle, struct ferry_error *err)
{
	uint64_t end;

	if (__builtin_add_overflow(bundle->first, bundle->table.end, &end) ||
	    end > bundle->file_bytes)
		return error_set(err, FERRY_E_DAMAGED,
				 "cut off: it has %llu bytes and should have "
				 "%llu at least; copy it again",
				 (unsigned long long)bundle->file_bytes,
				 (unsigned long long)end);
	return 0;
}

static int
read_metadata(struct bundle *bundle, struct ferry_error *err)
{
	const struct front_part *text = &bundle->parts[FRONT_STATEMENT];
	const struct front_part *table = &bundle->parts[FRONT_BLOB_TABLE];
	int rc = read_front(bundle, err);

	if (!rc)
		rc = statement_parse(&bundle->statement, text->data, text->size,
				     err);
	if (!rc)
		rc = check_files(bundle, err);
	if (!rc)
		rc = blob_table_parse(&bundle->table, table->data, table->size,
				      err);
	return rc ? rc : check_length(bundle, err);
}

static int
open_file(struct bundle *bundle, struct ferry_error *err)
{
	struct stat status;
	uint8_t header[FRAME_HEADER];
	struct ferry_error ignored;
	uint64_t content;

	/* Nobody may ever write into what turns out to be a FIFO. */
	bundle->fd = open(bundle->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (bundle->fd < 0 && errno == ENOENT)
		return error_set(err, FERRY_E_NOT_FOUND, "no such file");
	if (bundle->fd < 0 || fstat(bundle->fd, &status))
		return error_errno(err, "open");
	if (!S_ISREG(status.st_mode))
		return error_set(err, FERRY_E_FAILED, "not a regular file");
	bundle->file_bytes = (uint64_t)status.st_size;
	bundle->large = file_is_large(bundle->file_bytes);
	if (file_read_at(bundle->fd, header, sizeof(header), 0, &ignored) ||
	    frame_raw_parse_header(&content, header, &ignored))
		return not_a_bundle(bundle->fd, err);
	return 0;
}

int
bundle_open(struct bundle **out, const char *path, struct ferry_error *err)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	int rc;

	if (!bundle)
		return error_nomem(err);
	bundle->fd = -1;
	bundle->front.limit = FRONT_MAX;
	bundle->large_left = LARGE_DOCUMENTS;
	rc = text_copy(&bundle->path, path, err);
	if (!rc)
		rc = open_file(bundle, err);
	if (!rc)
		rc = read_metadata(bundle, err);
	if (rc) {
		bundle_close(bundle);
		return error_wrap(err, "%s", path);
	}
	*out = bundle;
	return 0;
}

void
bundle_close(struct bundle *bundle)
{
	if (!bundle)
		return;
	if (bundle->fd >= 0)
		close(bundle->fd);
	buffer_release(&bundle->front);
	statement_release(&bundle->statement);
	blob_table_release(&bundle->table);
	free(bundle->path);
	free(bundle);
}

/* What somebody has already is left out. */
struct rest {
	struct sink sink;
	struct sink *next;
	uint64_t skip;
};

static int
write_rest(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct rest *rest = (struct rest *)sink;
	size_t skip = rest->skip < size ? (size_t)rest->skip : size;

	rest->skip -= skip;
	if (skip == size)
		return 0;
	return sink_write(rest->next, (const uint8_t *)data + skip, size - skip,
			  err);
}

/*
 * What has been read of a large bundle is let go: kept, it would drive the
 * rest of the host out of memory, and its own beginning too.
 */
struct passing {
	struct sink sink;
	struct sink *next;
	int fd;
	uint64_t offset; /* in the file, of what is not let go yet */
	uint64_t read;	 /* bytes from there on */
};

#define PASSING_PIECE ((uint64_t)8 << 20)

static int
pass(struct sink *sink, const void *data, size_t size, struct ferry_error *err)
{
	struct passing *passing = (struct passing *)sink;
	int rc = sink_write(passing->next, data, size, err);

	passing->read += size;
	if (passing->read >= PASSING_PIECE) {
		file_forget(passing->fd, passing->offset, passing->read);
		passing->offset += passing->read;
		passing->read = 0;
	}
	return rc;
}

static int
decode_raw(const struct bundle *bundle, uint64_t offset, struct frame_run run,
	   struct sink *to, struct ferry_error *err)
{
	struct passing passing = { .sink = { .write = pass },
				   .next = to,
				   .fd = bundle->fd,
				   .offset = offset };

	int rc;

	if (!bundle->large)
		return frame_raw_decode(bundle->fd, offset, run, to, err);
	rc = frame_raw_decode(bundle->fd, offset, run, &passing.sink, err);
	file_forget(bundle->fd, passing.offset, passing.read);
	return rc;
}

static int
decode_blob(const struct bundle *bundle, size_t blob, struct sink *to,
	    struct frame_listener *listener, struct ferry_error *err)
{
	const struct placed_blob *b = &bundle->table.blobs[blob];
	bool last = blob + 1 == bundle->table.count;
	struct frame_run run = member_run(b->size, last);
	uint64_t packed = blob_table_packed(&bundle->table, blob);
	uint64_t offset = bundle->first + b->offset;

	if (digest_is_set(&b->frames))
		return frame_zstd_decode(bundle->fd, offset, packed, run, to,
					 listener, err);
	if (packed != frame_raw_size(run))
		return error_set(err, FERRY_E_DAMAGED,
				 "its place in the file is %llu bytes and "
				 "should be %llu",
				 (unsigned long long)packed,
				 (unsigned long long)frame_raw_size(run));
	return decode_raw(bundle, offset, run, to, err);
}

int
bundle_prove_blob(const struct bundle *bundle, size_t blob, struct proof *proof,
		  struct frame_listener *listener, struct ferry_error *err)
{
	const struct placed_blob *b = &bundle->table.blobs[blob];
	struct rest rest = { .sink = { .write = write_rest },
			     .next = &proof->sink,
			     .skip = proof->seen };
	struct member_reader reader;
	int rc;

	member_reader_init(&reader, &b->digest, b->size,
			   rest.skip ? &rest.sink : &proof->sink);
	rc = decode_blob(bundle, blob, &reader.sink, listener, err);
	if (!rc)
		rc = proof_finish(proof, err);
	if (rc == FERRY_E_DIGEST)
		rc = err->code = FERRY_E_DAMAGED;
	return rc;
}

int
bundle_read_blob(const struct bundle *bundle, size_t blob, struct sink *to,
		 struct frame_listener *listener, struct ferry_error *err)
{
	const struct placed_blob *b = &bundle->table.blobs[blob];
	AUTO(proof_release) struct proof proof = { 0 };
	int rc = proof_init(&proof, to, &b->digest, b->size, err);

	return rc ? rc : bundle_prove_blob(bundle, blob, &proof, listener, err);
}
