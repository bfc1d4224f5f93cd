#include "bundle/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "bundle/member.h"

#define MAGIC "ferry.journal/v1\n"
#define LINE_MAX 160
#define FIELDS_MAX 5

/* A line, cut at its spaces. */
struct line {
	char text[LINE_MAX];
	char *fields[FIELDS_MAX];
	size_t count;
};

static struct frame_run
run_of(const struct journal *journal, size_t blob)
{
	return member_run(journal->table.blobs[blob].size,
			  blob + 1 == journal->table.count);
}

static bool
is_plain(const struct journal *journal, size_t blob)
{
	return digest_is_set(&journal->table.blobs[blob].frames);
}

bool
journal_has_all(const struct journal *journal, size_t blob)
{
	if (is_plain(journal, blob))
		return journal->bytes[blob];
	return journal->bytes[blob] == frame_raw_size(run_of(journal, blob));
}

uint64_t
journal_content(const struct journal *journal, size_t blob)
{
	uint64_t size = journal->table.blobs[blob].size;
	uint64_t head = tar_member_head_size(size);
	uint64_t found;

	if (journal_has_all(journal, blob))
		return size;
	found = frame_raw_content(run_of(journal, blob), journal->bytes[blob]);
	found = found > head ? found - head : 0;
	return found < size ? found : size;
}

/* Only the one form that printf() gives: no sign, no zeros in front. */
static bool
parse_number(const char *text, uint64_t *out)
{
	return (text[0] != '0' || !text[1]) && text_to_u64(text, out);
}

static bool
parse_frames(const char *text, struct digest *out)
{
	struct ferry_error ignored;

	return digest_parse(out, text, &ignored) == 0;
}

static bool
cut_line(struct line *line, const char *text, size_t size)
{
	char *at = line->text;

	if (size >= sizeof(line->text) || memchr(text, '\0', size))
		return false;
	memcpy(line->text, text, size);
	line->text[size] = '\0';
	line->count = 0;
	while (at && line->count < FIELDS_MAX)
		line->fields[line->count++] = strsep(&at, " ");
	return !at;
}

static bool
take_raw(struct journal *journal, size_t blob, const struct line *line)
{
	uint64_t bytes;

	if (line->count != 3 || is_plain(journal, blob) ||
	    !parse_number(line->fields[2], &bytes) ||
	    bytes > frame_raw_size(run_of(journal, blob)))
		return false;
	journal->bytes[blob] = bytes;
	return true;
}

static bool
take_plain(struct journal *journal, size_t blob, const struct line *line)
{
	struct placed_blob *placed = &journal->table.blobs[blob];
	struct digest frames;
	uint64_t offset;
	uint64_t bytes;

	if (line->count != 5 || !is_plain(journal, blob) ||
	    !parse_number(line->fields[2], &offset) ||
	    !parse_number(line->fields[3], &bytes) ||
	    !parse_frames(line->fields[4], &frames) ||
	    offset > journal->table.end || !bytes ||
	    bytes > frame_zstd_bound(run_of(journal, blob)))
		return false;
	placed->offset = offset;
	placed->frames = frames;
	journal->bytes[blob] = bytes;
	return true;
}

static const struct {
	const char *word;
	bool (*take)(struct journal *journal, size_t blob,
		     const struct line *line);
} records[] = {
	{ "at", take_raw },
	{ "plain", take_plain },
};

static bool
take_line(struct journal *journal, const char *text, size_t size)
{
	struct line line;
	uint64_t blob;

	if (!cut_line(&line, text, size) || line.count < 3 ||
	    !parse_number(line.fields[1], &blob) ||
	    blob >= journal->table.count)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		if (strcmp(line.fields[0], records[i].word) == 0)
			return records[i].take(journal, blob, &line);
	return false;
}

static void
take_lines(struct journal *journal, const char *text, size_t size)
{
	const char *end;

	while ((end = memchr(text + journal->length, '\n',
			     size - journal->length))) {
		const char *at = text + journal->length;

		if (!take_line(journal, at, (size_t)(end - at)))
			return;
		journal->length += (size_t)(end - at) + 1;
	}
}

static int
damaged(struct ferry_error *err)
{
	return error_set(err, FERRY_E_DAMAGED, "no journal of ferry's");
}

/* The line behind `at` of the form "WORD VALUE"; *out is where it ends. */
static bool
head_line(const char *text, size_t size, size_t *at, const char *word,
	  struct line *out)
{
	const char *end = memchr(text + *at, '\n', size - *at);

	if (!end || !cut_line(out, text + *at, (size_t)(end - text) - *at) ||
	    out->count != 2 || strcmp(out->fields[0], word) != 0)
		return false;
	*at = (size_t)(end - text) + 1;
	return true;
}

/* Where the table of blobs ends: behind its line "end OFFSET". */
static size_t
table_end(const char *text, size_t size, size_t at)
{
	const char *last = memmem(text + at, size - at, "\nend ", 5);
	const char *end =
		last ? memchr(last + 1, '\n', size - (size_t)(last + 1 - text))
		     : NULL;

	return end ? (size_t)(end - text) + 1 : 0;
}

static int
parse_head(struct journal *out, const char *text, size_t size,
	   struct ferry_error *err)
{
	struct line line;
	struct digest plan;
	size_t at = strlen(MAGIC);
	size_t end;

	if (size < at || memcmp(text, MAGIC, at) != 0 ||
	    !head_line(text, size, &at, "plan", &line) ||
	    !parse_frames(line.fields[1], &plan) ||
	    !head_line(text, size, &at, "first", &line) ||
	    !parse_number(line.fields[1], &out->first) ||
	    out->first > INT64_MAX / 2)
		return damaged(err);
	end = table_end(text, size, at);
	if (!end)
		return damaged(err);
	out->head = out->length = end;
	return blob_table_parse(&out->table, text + at, end - at, err);
}

int
journal_parse(struct journal *out, const void *data, size_t size,
	      struct ferry_error *err)
{
	AUTO(journal_release) struct journal journal = { 0 };
	int rc = size ? parse_head(&journal, data, size, err) : damaged(err);

	if (rc)
		return rc;
	journal.bytes = calloc(journal.table.count, sizeof(*journal.bytes));
	if (!journal.bytes)
		return error_nomem(err);
	take_lines(&journal, data, size);
	*out = journal;
	journal = (struct journal){ 0 };
	return 0;
}

void
journal_release(struct journal *journal)
{
	blob_table_release(&journal->table);
	free(journal->bytes);
	*journal = (struct journal){ 0 };
}

int
journal_head(struct buffer *out, const struct buffer *front, uint64_t first,
	     const struct release *release, const struct layout *layout,
	     struct ferry_error *err)
{
	struct digest plan;
	int rc = digest_of(&plan, front->data, front->size, err);

	if (!rc)
		rc = buffer_format(out, err,
				   MAGIC "plan %s\nfirst %" PRIu64 "\n",
				   plan.text, first);
	return rc ? rc : blob_table_write(out, release, layout, NULL, err);
}

int
journal_log_init(struct journal_log *log, size_t blob_count,
		 struct ferry_error *err)
{
	bool *has = calloc(blob_count + 1, sizeof(*has));

	if (!has)
		return error_nomem(err);
	*log = (struct journal_log){ .fd = -1,
				     .lock = PTHREAD_MUTEX_INITIALIZER,
				     .has = has };
	return 0;
}

void
journal_log_release(struct journal_log *log)
{
	free(log->has);
	log->has = NULL;
}

static bool
append_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t put = write(fd, data, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		data += put;
		size -= (size_t)put;
	}
	return true;
}

void
journal_log_begin(struct journal_log *log, int fd, const struct buffer *head)
{
	log->fd = append_all(fd, head->data, head->size) ? fd : -1;
}

void
journal_log_go_on(struct journal_log *log, int fd,
		  const struct journal *journal)
{
	log->fd = fd;
	for (size_t i = 0; i < journal->table.count; i++) {
		log->has[i] = journal_content(journal, i);
		log->worth += log->has[i];
	}
}

static void
append_line(struct journal_log *log, size_t blob, bool has, const char *line,
	    size_t size)
{
	pthread_mutex_lock(&log->lock);
	if (log->fd >= 0 && append_all(log->fd, (const uint8_t *)line, size)) {
		log->worth += (size_t)has - (size_t)log->has[blob];
		log->has[blob] = has;
	} else {
		log->fd = -1;
	}
	pthread_mutex_unlock(&log->lock);
}

void
journal_log_raw(struct journal_log *log, size_t blob, uint64_t bytes)
{
	char line[LINE_MAX];
	int size = snprintf(line, sizeof(line), "at %zu %" PRIu64 "\n", blob,
			    bytes);

	append_line(log, blob, bytes, line, (size_t)size);
}

void
journal_log_plain(struct journal_log *log, size_t blob, uint64_t offset,
		  uint64_t bytes, const struct digest *frames)
{
	char line[LINE_MAX];
	int size = snprintf(line, sizeof(line),
			    "plain %zu %" PRIu64 " %" PRIu64 " %s\n", blob,
			    offset, bytes, frames->text);

	append_line(log, blob, true, line, (size_t)size);
}
