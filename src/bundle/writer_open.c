#include "bundle/writer_state.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"

/* The journal's room beside its head: a line for every NOTE_BYTES. */
#define NOTE_LINE 32

/* Takes the room now, so that a full disk shows before the work. */
static int
reserve(struct bundle_writer *writer, struct ferry_error *err)
{
	uint64_t size = writer_place(writer, writer->layout.first_plain);
	char text[TEXT_SIZE_MAX];

	if (fallocate(writer->output.fd, 0, 0, (off_t)size) == 0)
		return 0;
	writer->in_order = errno == EOPNOTSUPP || errno == ENOSYS;
	if (writer->in_order)
		return 0;
	/* Where that takes time, as in memory, a signal ends it. */
	if (errno == EINTR)
		return error_set(err, FERRY_E_INTERRUPTED, "interrupted");
	return error_errno(err, "%s: room for %s", writer_partial(writer),
			   text_size(text, sizeof(text), size));
}

/* The journal's own room, if there is some: it does without. */
static void
reserve_journal(const struct bundle_writer *writer, const struct buffer *head)
{
	uint64_t lines = writer->layout.blob_count +
			 layout_end(&writer->layout) / NOTE_BYTES;

	(void)fallocate(writer->output.journal, FALLOC_FL_KEEP_SIZE, 0,
			(off_t)(head->size + lines * NOTE_LINE));
}

static int
cut(int fd, const char *name, uint64_t size, struct ferry_error *err)
{
	return ftruncate(fd, (off_t)size) ? error_errno(err, "%s", name) : 0;
}

/* Both files anew; what they had has been set aside, or is worth nothing. */
static int
begin(struct bundle_writer *writer, const struct buffer *head,
      struct ferry_error *err)
{
	struct output *output = &writer->output;
	char **names = output->names.text;
	int rc = cut(output->journal, names[OUTPUT_JOURNAL], 0, err);

	if (!rc)
		rc = cut(output->fd, names[OUTPUT_PARTIAL], 0, err);
	output->keep = rc;
	if (!rc)
		rc = reserve(writer, err);
	if (rc)
		return rc;
	reserve_journal(writer, head);
	journal_log_begin(&writer->log, output->journal, head);
	return 0;
}

/* On with both files; a torn line at the journal's end goes. */
static int
go_on(struct bundle_writer *writer, struct ferry_error *err)
{
	const struct journal *journal = &writer->leftovers.own.journal;
	struct output *output = &writer->output;
	int rc = cut(output->journal, output->names.text[OUTPUT_JOURNAL],
		     journal->length, err);

	if (rc)
		return rc;
	output->keep = false;
	journal_log_go_on(&writer->log, output->journal, journal);
	return reserve(writer, err);
}

static int
take_over(struct bundle_writer *writer, bool fresh, const struct buffer *head,
	  struct ferry_error *err)
{
	struct leftovers *leftovers = &writer->leftovers;
	int rc = fresh ? 0
		       : leftovers_open(leftovers, &writer->output.names, head,
					err);

	if (!rc && leftovers->aside)
		rc = output_set_aside(&writer->output, err);
	if (rc)
		return rc;
	if (!leftovers->old.path)
		output_drop_old(&writer->output);
	return leftovers->own.path ? go_on(writer, err)
				   : begin(writer, head, err);
}

/* What follows from the plan; *head is the journal's. */
static int
draft(struct bundle_writer *writer, struct buffer *head,
      struct ferry_error *err)
{
	AUTO(draft_release) struct draft draft = { 0 };
	size_t plain;
	int rc = draft_init(&draft, writer->release, err);

	if (!rc)
		rc = journal_head(head, &draft.front, draft.first,
				  writer->release, &draft.layout, err);
	if (!rc)
		rc = journal_log_init(&writer->log, writer->release->blob_count,
				      err);
	if (rc)
		return rc;
	writer->layout = draft.layout;
	draft.layout = (struct layout){ 0 };
	writer->front = draft.run;
	writer->first = draft.first;
	writer->next_plain = writer->layout.first_plain;
	plain = writer->layout.blob_count - writer->layout.first_plain;
	writer->frames = calloc(plain + 1, sizeof(*writer->frames));
	return writer->frames ? 0 : error_nomem(err);
}

static int
set_up(struct bundle_writer *writer,
       const struct bundle_writer_options *options, struct ferry_error *err)
{
	AUTO_BUFFER head = BUFFER(JOURNAL_MAX);
	int rc = draft(writer, &head, err);

	if (!rc)
		rc = output_resume(&writer->output, options->path,
				   options->force, err);
	if (rc)
		return rc;
	/* Until it is known what is in there. */
	writer->output.keep = true;
	rc = take_over(writer, options->fresh, &head, err);
	writeback_init(
		&writer->writeback, writer->output.fd,
		file_is_large(writer->first + layout_end(&writer->layout)));
	return rc;
}

int
bundle_writer_new(struct bundle_writer **out,
		  const struct bundle_writer_options *options,
		  const struct release *release, struct ferry_error *err)
{
	struct bundle_writer *writer = calloc(1, sizeof(*writer));
	int rc;

	if (!writer)
		return error_nomem(err);
	writer->output.fd = writer->output.journal = -1;
	writer->context = options->context;
	writer->release = release;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->turn, NULL);
	seek_table_init(&writer->plain_table);
	rc = set_up(writer, options, err);
	if (rc) {
		bundle_writer_tell(writer, err);
		bundle_writer_free(writer);
	} else {
		*out = writer;
	}
	return rc;
}

void
bundle_writer_free(struct bundle_writer *writer)
{
	if (!writer)
		return;
	writer->output.keep = writer->output.keep || writer->log.worth;
	output_release(&writer->output);
	leftovers_release(&writer->leftovers);
	journal_log_release(&writer->log);
	layout_release(&writer->layout);
	seek_table_release(&writer->plain_table);
	pthread_cond_destroy(&writer->turn);
	pthread_mutex_destroy(&writer->lock);
	free(writer->frames);
	free(writer);
}

void
bundle_writer_tell(const struct bundle_writer *writer, struct ferry_error *err)
{
	char *const *names = writer->output.names.text;
	bool own = writer->log.worth;

	if (writer->output.fd < 0 ||
	    (!own && access(names[OUTPUT_OLD_PARTIAL], F_OK)))
		return;
	error_add(err,
		  "; what was pulled stays in %s and %s: the same command goes "
		  "on there, --fresh starts anew",
		  names[own ? OUTPUT_PARTIAL : OUTPUT_OLD_PARTIAL],
		  names[own ? OUTPUT_JOURNAL : OUTPUT_OLD_JOURNAL]);
}

bool
bundle_writer_in_order(const struct bundle_writer *writer)
{
	return writer->in_order;
}
