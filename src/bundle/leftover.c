#include "bundle/leftover.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "bundle/member.h"

#define FORGET_PIECE ((uint64_t)8 << 20)

static void
leftover_release(struct leftover *leftover)
{
	if (leftover->path)
		close(leftover->fd);
	free(leftover->path);
	journal_release(&leftover->journal);
	*leftover = (struct leftover){ 0 };
}

/* The file, if there is anything in it. */
static int
open_file(struct leftover *out, const char *path, struct ferry_error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;
	int rc;

	if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode) ||
	    !status.st_size)
		return 0;
	rc = text_copy(&out->path, path, err);
	if (rc)
		return rc;
	out->large = file_is_large((uint64_t)status.st_size);
	out->fd = fd;
	fd = -1;
	return 0;
}

static bool
begins_with(const struct buffer *text, size_t size, const struct buffer *head)
{
	return size == head->size && memcmp(text->data, head->data, size) == 0;
}

/*
 * A journal that cannot be read, or is none, is as good as no file.  *same:
 * its head is `head`.
 */
static int
leftover_open(struct leftover *out, const char *path, const char *journal,
	      const struct buffer *head, bool *same, struct ferry_error *err)
{
	AUTO(leftover_release) struct leftover found = { 0 };
	AUTO_BUFFER text = BUFFER(JOURNAL_MAX);
	int rc = open_file(&found, path, err);

	*same = false;
	if (rc || !found.path)
		return rc;
	rc = file_load(journal, &text, err);
	if (!rc)
		rc = journal_parse(&found.journal, text.data, text.size, err);
	if (rc)
		return rc == FERRY_E_NOMEM || rc == FERRY_E_INTERRUPTED ? rc
									: 0;
	*same = begins_with(&text, found.journal.head, head);
	*out = found;
	found = (struct leftover){ 0 };
	return 0;
}

bool
leftover_is_worth(const struct leftover *leftover)
{
	const struct journal *journal = &leftover->journal;

	for (size_t i = 0; i < journal->table.count; i++)
		if (journal_content(journal, i))
			return true;
	return false;
}

uint64_t
leftover_find(const struct leftover *leftover,
	      const struct descriptor *descriptor, size_t *out)
{
	const struct journal *journal = &leftover->journal;
	ssize_t blob;

	if (!leftover->path)
		return 0;
	blob = blob_table_find(&journal->table, &descriptor->digest);
	if (blob < 0 || journal->table.blobs[blob].size != descriptor->size)
		return 0;
	*out = (size_t)blob;
	return journal_content(journal, (size_t)blob);
}

/* Content on its way from a leftover, watched and counted. */
struct passage {
	struct sink sink;
	struct proof *proof;
	const struct leftover *leftover;
	struct ferry_context *context;
	struct transfer transfer;
	uint64_t offset;    /* in the file, of what is not let go yet */
	uint64_t forgotten; /* bytes of content that were let go */
	bool refused;	    /* who takes it failed, not the file */
};

/* Of a large file, nobody will look at this again soon. */
static void
forget(struct passage *passage)
{
	uint64_t size = passage->proof->seen - passage->forgotten;

	if (!passage->leftover->large || size < FORGET_PIECE)
		return;
	file_forget(passage->leftover->fd, passage->offset, size);
	passage->offset += size;
	passage->forgotten += size;
}

static int
pass(struct sink *sink, const void *data, size_t size, struct ferry_error *err)
{
	struct passage *passage = (struct passage *)sink;
	int rc = context_check(passage->context, err);

	if (!rc)
		rc = sink_write(&passage->proof->sink, data, size, err);
	passage->refused = rc;
	transfer_set(&passage->transfer, passage->proof->seen);
	forget(passage);
	return rc;
}

static int
decode(const struct leftover *leftover, size_t blob,
       const struct leftover_reader *reader, struct sink *to,
       struct ferry_error *err)
{
	const struct journal *journal = &leftover->journal;
	const struct placed_blob *b = &journal->table.blobs[blob];
	struct frame_run run =
		member_run(b->size, blob + 1 == journal->table.count);
	uint64_t offset = journal->first + b->offset;
	uint64_t packed = journal->bytes[blob];
	int rc;

	if (!digest_is_set(&b->frames))
		return frame_raw_decode_start(leftover->fd, offset, packed, run,
					      to, err);
	rc = member_prove_frames(leftover->fd, offset, packed, &b->frames,
				 reader->context, err);
	return rc ? rc
		  : frame_zstd_decode(leftover->fd, offset, packed, run, to,
				      reader->listener, err);
}

static bool
is_the_files_fault(int rc, const struct passage *passage)
{
	return rc && !passage->refused && rc != FERRY_E_NOMEM &&
	       rc != FERRY_E_INTERRUPTED;
}

int
leftover_read(const struct leftover *leftover, size_t blob,
	      const struct leftover_reader *reader, struct proof *proof,
	      struct ferry_error *err)
{
	const struct journal *journal = &leftover->journal;
	const struct placed_blob *b = &journal->table.blobs[blob];
	struct passage passage = { .sink = { .write = pass },
				   .proof = proof,
				   .leftover = leftover,
				   .context = reader->context,
				   .offset = journal->first + b->offset };
	struct member_reader member;
	int rc;

	member_reader_init(&member, &b->digest, b->size, &passage.sink);
	transfer_start(&passage.transfer, reader->context, reader->name,
		       b->size);
	rc = decode(leftover, blob, reader, &member.sink, err);
	transfer_end(&passage.transfer);
	if (is_the_files_fault(rc, &passage))
		rc = err->code = FERRY_E_DIGEST;
	return rc ? error_wrap(err, "%s", leftover->path) : 0;
}

static void
move(struct leftover *to, struct leftover *from)
{
	leftover_release(to);
	*to = *from;
	*from = (struct leftover){ 0 };
}

int
leftovers_open(struct leftovers *out, const struct output_names *names,
	       const struct buffer *head, struct ferry_error *err)
{
	AUTO(leftovers_release) struct leftovers found = { 0 };
	bool same;
	int rc = leftover_open(&found.old, names->text[OUTPUT_OLD_PARTIAL],
			       names->text[OUTPUT_OLD_JOURNAL], head, &same,
			       err);

	if (!rc)
		rc = leftover_open(&found.own, names->text[OUTPUT_PARTIAL],
				   names->text[OUTPUT_JOURNAL], head, &same,
				   err);
	if (rc)
		return rc;
	if (!leftover_is_worth(&found.old))
		leftover_release(&found.old);
	found.aside = !same && leftover_is_worth(&found.own);
	if (found.aside)
		move(&found.old, &found.own);
	if (!same)
		leftover_release(&found.own);
	*out = found;
	found = (struct leftovers){ 0 };
	return 0;
}

void
leftovers_release(struct leftovers *leftovers)
{
	leftover_release(&leftovers->own);
	leftover_release(&leftovers->old);
}

const struct leftover *
leftovers_find(const struct leftovers *leftovers,
	       const struct descriptor *descriptor, size_t *blob,
	       uint64_t *content)
{
	size_t old_blob = 0;
	uint64_t own = leftover_find(&leftovers->own, descriptor, blob);
	uint64_t old = leftover_find(&leftovers->old, descriptor, &old_blob);

	*content = own;
	if (old <= own)
		return &leftovers->own;
	*content = old;
	*blob = old_blob;
	return &leftovers->old;
}
