/*
 * bundle.blobs: where each blob of a bundle lies.  docs/format.md,
 * "bundle.blobs".
 *
 * One line of fields of fixed width a blob, since there may be a hundred
 * thousand of them, and reading the list of a bundle's images should not take
 * longer for that.
 */
#ifndef BUNDLE_BLOB_TABLE_H
#define BUNDLE_BLOB_TABLE_H

#include "bundle/layout.h"

#define BLOB_TABLE_MAX 1000000 /* blobs */

struct placed_blob {
	struct digest digest;
	uint64_t size;	      /* of its content */
	uint64_t offset;      /* of its first frame, from the first blob's */
	struct digest frames; /* of a compressed blob's frames, or not set */
};

/* A blob to be searched for. */
struct blob_key {
	uint64_t start; /* of its digest's digits, so that order is theirs */
	size_t blob;	/* its number */
};

struct blob_table {
	struct placed_blob *blobs; /* as they lie in the file */
	size_t count;
	uint64_t end;		    /* behind the last blob, from the first */
	struct blob_key *by_digest; /* sorted */
};

/*
 * Strict: what is not in the one form that blob_table_write() gives, sizes and
 * offsets that cannot be, a digest that is there twice are FERRY_E_DAMAGED.
 */
int blob_table_parse(struct blob_table *out, const void *data, size_t size,
		     struct ferry_error *err) MUST_CHECK;
void blob_table_release(struct blob_table *table);

/* The number of the blob, or -1. */
ssize_t blob_table_find(const struct blob_table *table,
			const struct digest *digest);

/* How many bytes its frames take in the file. */
uint64_t blob_table_packed(const struct blob_table *table, size_t blob);

/*
 * Appends the table of `release` as it lies in `layout`.  `frames` are the
 * digests of the plain blobs' frames, in order, or NULL for a draft.  Its
 * length depends on the release alone.
 */
int blob_table_write(struct buffer *out, const struct release *release,
		     const struct layout *layout, const struct digest *frames,
		     struct ferry_error *err) MUST_CHECK;

#endif
