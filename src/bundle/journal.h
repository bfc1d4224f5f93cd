/*
 * NAME.journal: what lies in NAME.partial, for the run that goes on with it.
 * docs/journal.md has its form.
 *
 * It is a hint and no more: whoever takes a blob from there proves it.
 */
#ifndef BUNDLE_JOURNAL_H
#define BUNDLE_JOURNAL_H

#include <pthread.h>

#include "bundle/blob_table.h"

#define JOURNAL_MAX ((size_t)1 << 30)

/* What a journal says.  Owns what it points to; zeroed is of nothing. */
struct journal {
	uint64_t first; /* offset of the first blob in the file */
	/*
	 * Where the blobs lie.  A compressed one has an offset and a digest of
	 * its frames that count when it is whole, and bounds before.
	 */
	struct blob_table table;
	uint64_t *bytes; /* of each blob's frames, as many are in the file */
	size_t head;	 /* bytes of the text that tell all but these */
	size_t length;	 /* bytes of the text that are as they must be */
};

/*
 * Strict about the head, FERRY_E_DAMAGED; behind it, the first line that is
 * not as it must be ends the journal: the last one may have been torn.
 */
int journal_parse(struct journal *out, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;
void journal_release(struct journal *journal);

/* Whether all of the blob's frames are in the file. */
bool journal_has_all(const struct journal *journal, size_t blob);

/* The bytes of the blob's content that are in the file. */
uint64_t journal_content(const struct journal *journal, size_t blob);

/* Appends the head for a release that lies in `layout`, behind `front`. */
int journal_head(struct buffer *out, const struct buffer *front, uint64_t first,
		 const struct release *release, const struct layout *layout,
		 struct ferry_error *err) MUST_CHECK;

/*
 * Writing it, from several threads.  Without room for it the rest is not noted
 * down: that costs the next run, not this one.  Zeroed it may be released.
 */
struct journal_log {
	int fd; /* to append to; -1: nothing is noted */
	pthread_mutex_t lock;
	bool *has;    /* of each blob, something */
	size_t worth; /* how many these are */
};

int journal_log_init(struct journal_log *log, size_t blob_count,
		     struct ferry_error *err) MUST_CHECK;
void journal_log_release(struct journal_log *log);

/* The journal begins with `head`. */
void journal_log_begin(struct journal_log *log, int fd,
		       const struct buffer *head);
/* Goes on with one that says what `journal` does. */
void journal_log_go_on(struct journal_log *log, int fd,
		       const struct journal *journal);

/* `bytes` of a blob's raw frames are in the file. */
void journal_log_raw(struct journal_log *log, size_t blob, uint64_t bytes);
/* All of a compressed blob is. */
void journal_log_plain(struct journal_log *log, size_t blob, uint64_t offset,
		       uint64_t bytes, const struct digest *frames);

#endif
