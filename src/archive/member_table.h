/*
 * The members of an archive.  Internal to archive/.
 */
#ifndef ARCHIVE_MEMBER_TABLE_H
#define ARCHIVE_MEMBER_TABLE_H

#include "archive/tarball.h"

struct member_table {
	struct tarball_member *members;
	size_t count;
	size_t room;
	struct buffer names; /* what the members' names point into */
	size_t *places;	     /* where: it may move until the table is settled */
	size_t *by_name;     /* the members' order then */
	uint64_t kept;	     /* bytes of documents */
};

void member_table_init(struct member_table *table);
void member_table_release(struct member_table *table);

/*
 * Adds a member under the name that the archive has for it; *out is where it
 * is, good up to the next one, NULL for the archive's own folder ("./").
 * `link`: where it leads, or NULL.
 */
int member_table_add(struct member_table *table, const char *name,
		     enum tarball_kind kind, const char *link,
		     struct tarball_member **out, struct ferry_error *err)
	MUST_CHECK;

/* When all are there: no name twice, and no link that leads nowhere. */
int member_table_settle(struct member_table *table, struct ferry_error *err)
	MUST_CHECK;

const struct tarball_member *member_table_find(const struct member_table *table,
					       const char *name);

/*
 * Reads the archive to its end.  `keep`: documents are kept on the way.
 */
int member_table_scan(struct member_table *table, struct stream *stream,
		      bool keep, struct ferry_context *context,
		      struct ferry_error *err) MUST_CHECK;

#endif
