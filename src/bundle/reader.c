#include "bundle/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "bundle/member.h"
#include "bundle/stream.h"

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

bool
bundle_begins(const void *head, size_t size)
{
	struct ferry_error ignored;
	uint64_t content;

	return size >= FRAME_HEADER &&
	       !frame_raw_parse_header(&content, head, &ignored);
}

int
bundle_refuse(const void *head, size_t size, struct ferry_error *err)
{
	const uint8_t *bytes = head;

	if (size == 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "no bundle: it is empty");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (size >= kinds[i].offset + kinds[i].size &&
		    memcmp(bytes + kinds[i].offset, kinds[i].magic,
			   kinds[i].size) == 0)
			return error_set(err, FERRY_E_DAMAGED,
					 "no bundle of ferry's: it is %s",
					 kinds[i].what);
	return error_set(err, FERRY_E_DAMAGED, "no bundle of ferry's");
}

/* Reads one frame of the front, whose end is not known yet. */
static int
read_front_frame(struct bundle *bundle, struct input *from,
		 struct ferry_error *err)
{
	uint8_t header[FRAME_HEADER];
	struct buffer_sink sink;
	struct input_again again;
	struct frame_run run = { 0 };
	int rc = input_read(from, header, sizeof(header), err);

	if (!rc)
		rc = frame_raw_parse_header(&run.length, header, err);
	if (!rc && run.length > FRAME_CONTENT)
		rc = error_set(err, FERRY_E_DAMAGED, "a frame too large");
	if (rc)
		return rc;
	buffer_sink_init(&sink, &bundle->front);
	input_again_init(&again, header, sizeof(header), from);
	rc = buffer_reserve(&bundle->front, run.length, err);
	if (!rc)
		rc = frame_raw_read(&again.input, bundle->first,
				    frame_raw_size(run), run, &sink.sink, err);
	bundle->first += frame_raw_size(run);
	return rc;
}

static int
read_front(struct bundle *bundle, struct input *from, struct ferry_error *err)
{
	size_t length = 0;

	while (!length) {
		size_t before = bundle->front.size;
		int rc = read_front_frame(bundle, from, err);

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

int
bundle_read_front(struct bundle *bundle, struct input *from,
		  struct ferry_error *err)
{
	const struct front_part *text = &bundle->parts[FRONT_STATEMENT];
	const struct front_part *table = &bundle->parts[FRONT_BLOB_TABLE];
	int rc = read_front(bundle, from, err);

	if (!rc)
		rc = statement_parse(&bundle->statement, text->data, text->size,
				     err);
	if (!rc)
		rc = check_files(bundle, err);
	return rc ? rc
		  : blob_table_parse(&bundle->table, table->data, table->size,
				     err);
}

static int
open_path(const char *path, int *out, struct ferry_error *err)
{
	/* Nobody may ever write into what turns out to be a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return error_set(err, FERRY_E_NOT_FOUND, "no such file");
	if (fd < 0)
		return error_errno(err, "open");
	*out = fd;
	return 0;
}

static int
look_at_file(struct bundle *bundle, struct ferry_error *err)
{
	struct stat status;
	uint8_t head[TAR_BLOCK];
	ssize_t got;

	if (fstat(bundle->fd, &status))
		return error_errno(err, "stat");
	if (!S_ISREG(status.st_mode))
		return error_set(err, FERRY_E_FAILED, "not a regular file");
	bundle->file_bytes = (uint64_t)status.st_size;
	bundle->large = file_is_large(bundle->file_bytes);
	got = pread(bundle->fd, head, sizeof(head), 0);
	if (got < 0)
		return error_errno(err, "read");
	return bundle_begins(head, (size_t)got)
		       ? 0
		       : bundle_refuse(head, (size_t)got, err);
}

static int
read_metadata(struct bundle *bundle, struct ferry_error *err)
{
	struct file_input input;
	int rc;

	file_input_init(&input, bundle->fd, 0);
	rc = bundle_read_front(bundle, &input.input, err);
	return rc ? rc : check_length(bundle, err);
}

int
bundle_open(struct bundle **out, const char *path, struct ferry_error *err)
{
	int fd = -1;

	if (open_path(path, &fd, err))
		return error_wrap(err, "%s", path);
	return bundle_open_file(out, fd, path, err);
}

int
bundle_open_file(struct bundle **out, int take_fd, const char *name,
		 struct ferry_error *err)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	int rc;

	if (!bundle) {
		close(take_fd);
		return error_nomem(err);
	}
	bundle->fd = take_fd;
	bundle->front.limit = FRONT_MAX;
	bundle->large_left = LARGE_DOCUMENTS;
	rc = text_copy(&bundle->path, name, err);
	if (!rc)
		rc = look_at_file(bundle, err);
	if (!rc)
		rc = read_metadata(bundle, err);
	if (rc) {
		bundle_close(bundle);
		return error_wrap(err, "%s", name);
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
	bundle_stream_free(bundle->stream);
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
struct forgetful {
	struct input input;
	struct file_input file;
	uint64_t offset; /* of what is not let go yet */
};

#define FORGET_PIECE ((uint64_t)8 << 20)

static void
forget(struct forgetful *input)
{
	file_forget(input->file.fd, input->offset,
		    input->file.offset - input->offset);
	input->offset = input->file.offset;
}

static int
read_and_forget(struct input *base, void *data, size_t size, size_t *got,
		struct ferry_error *err)
{
	struct forgetful *input = (struct forgetful *)base;
	struct input *file = &input->file.input;
	int rc = file->read(file, data, size, got, err);

	if (input->file.offset - input->offset >= FORGET_PIECE)
		forget(input);
	return rc;
}

static int
decode_blob(const struct bundle *bundle, size_t blob, struct input *from,
	    struct sink *to, struct frame_listener *listener,
	    struct ferry_error *err)
{
	const struct placed_blob *b = &bundle->table.blobs[blob];
	bool last = blob + 1 == bundle->table.count;
	struct frame_run run = member_run(b->size, last);
	uint64_t packed = blob_table_packed(&bundle->table, blob);

	if (digest_is_set(&b->frames))
		return frame_zstd_read(from, packed, run, to, listener, err);
	if (packed != frame_raw_size(run))
		return error_set(err, FERRY_E_DAMAGED,
				 "its place in the file is %llu bytes and "
				 "should be %llu",
				 (unsigned long long)packed,
				 (unsigned long long)frame_raw_size(run));
	return frame_raw_read(from, bundle->first + b->offset, packed, run, to,
			      err);
}

int
bundle_prove_next(const struct bundle *bundle, size_t blob, struct input *from,
		  struct proof *proof, struct frame_listener *listener,
		  struct ferry_error *err)
{
	const struct placed_blob *b = &bundle->table.blobs[blob];
	struct rest rest = { .sink = { .write = write_rest },
			     .next = &proof->sink,
			     .skip = proof->seen };
	struct member_reader reader;
	int rc;

	member_reader_init(&reader, &b->digest, b->size,
			   rest.skip ? &rest.sink : &proof->sink);
	rc = decode_blob(bundle, blob, from, &reader.sink, listener, err);
	if (!rc)
		rc = proof_finish(proof, err);
	if (rc == FERRY_E_DIGEST)
		rc = err->code = FERRY_E_DAMAGED;
	return rc;
}

static int
prove_of_file(const struct bundle *bundle, size_t blob, struct proof *proof,
	      struct frame_listener *listener, struct ferry_error *err)
{
	uint64_t offset = bundle->first + bundle->table.blobs[blob].offset;
	struct forgetful input = { .input = { .read = read_and_forget },
				   .offset = offset };
	int rc;

	file_input_init(&input.file, bundle->fd, offset);
	rc = bundle_prove_next(bundle, blob,
			       bundle->large ? &input.input : &input.file.input,
			       proof, listener, err);
	if (bundle->large)
		forget(&input);
	return rc;
}

int
bundle_prove_blob(const struct bundle *bundle, size_t blob, struct proof *proof,
		  struct frame_listener *listener, struct ferry_error *err)
{
	return bundle->stream
		       ? bundle_stream_prove(bundle, blob, proof, err)
		       : prove_of_file(bundle, blob, proof, listener, err);
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
