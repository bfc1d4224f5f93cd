/*
 * A tar archive that somebody else made: what is in it, and the bytes of that.
 *
 * It is hostile.  Opening it reads it once from end to end and makes a table
 * of its members; it is refused where two readers could see two things in it:
 * names twice, absolute ones and such with "..", hard links, devices, sparse
 * files, anything behind its end, an end that is missing.  A symbolic link is
 * taken only where it leads to a file of the same archive, as `docker save`
 * writes them for a layer that several images share.
 *
 * Nothing here is proved: digests are for the caller to compare.
 */
#ifndef ARCHIVE_TARBALL_H
#define ARCHIVE_TARBALL_H

#include <stdbool.h>

#include "archive/stream.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/sink.h"

#define TARBALL_MEMBERS_MAX 1000000
#define TARBALL_NAME_MAX 512			 /* bytes */
#define TARBALL_NAMES_MAX ((size_t)64 << 20)	 /* bytes, of all members */
#define TARBALL_SIZE_MAX (UINT64_C(1) << 50)	 /* of a member */
#define TARBALL_PADDING_MAX ((uint64_t)16 << 20) /* zeros behind the end */

/*
 * Of a stream, documents are kept as they pass: small members that begin as
 * JSON does.  Reading them costs no further pass then.
 */
#define TARBALL_KEPT_MAX ((uint64_t)1 << 20)
#define TARBALL_KEPT_TOTAL ((uint64_t)32 << 20)

#define TARBALL_HEAD 8

enum tarball_kind {
	TARBALL_FILE,
	TARBALL_FOLDER,
	TARBALL_LINK,
};

struct tarball_member {
	const char *name; /* no "./" in front, no "/" behind */
	enum tarball_kind kind;
	const struct tarball_member *target; /* of a link: a file */
	uint64_t size;			     /* of a file, else 0 */
	uint64_t offset;		     /* of its bytes when unpacked */
	/* How a file begins: to tell what it is without another pass. */
	uint8_t head[TARBALL_HEAD];
	size_t head_size;
	struct buffer kept; /* all of it, or empty */
};

struct tarball;

/*
 * A regular file, plain or compressed by gzip or zstd.  `context` is borrowed
 * until close.  Messages name no file: the caller does.
 */
int tarball_open(struct tarball **out, const char *path,
		 struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;

/* The same of a file that is open; `take_fd` is taken over, on failure too. */
int tarball_open_file(struct tarball **out, int take_fd,
		      struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;

/*
 * What `opener` opens: a plain tar archive, the same one each time.  Both are
 * borrowed until close.
 */
int tarball_open_stream(struct tarball **out, struct opener *opener,
			struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;
void tarball_close(struct tarball *tarball);

/* The member of that name, or NULL; a link is not followed. */
const struct tarball_member *tarball_find(const struct tarball *tarball,
					  const char *name);

/* In the order of the archive. */
const struct tarball_member *tarball_members(const struct tarball *tarball,
					     size_t *count);

/*
 * Pushes the bytes of a file (or of what a link leads to) from `from` on into
 * `to`.  May be called from several threads.  Of a plain file all of them read
 * at once.  Elsewhere one at a time does, and of those that wait the one whose
 * bytes are next: the archive is begun anew only when nobody waits for
 * what is still to come.
 */
int tarball_read(struct tarball *tarball, const struct tarball_member *member,
		 uint64_t from, struct sink *to, struct ferry_error *err)
	MUST_CHECK;

/* Lets go of the stream, which is opened anew when it is read again. */
void tarball_rest(struct tarball *tarball);

/* Appends the whole of a file to `out`, which must have room for it. */
int tarball_load(struct tarball *tarball, const struct tarball_member *member,
		 struct buffer *out, struct ferry_error *err) MUST_CHECK;

#endif
