/*
 * The front of a bundle: everything before the first blob.
 * docs/format.md, "Front".
 */
#ifndef BUNDLE_FRONT_H
#define BUNDLE_FRONT_H

#include "bundle/blob_table.h"
#include "bundle/statement.h"

#define FRONT_MAX ((size_t)256 << 20)
#define SIGNATURES_ROOM 4096 /* some forty signatures */

/* The members, in the order in which they stand. */
enum front_member {
	FRONT_LAYOUT,
	FRONT_INDEX,
	FRONT_MANIFEST,
	FRONT_BLOB_TABLE,
	FRONT_STATEMENT,
	FRONT_SIGNATURES,
	FRONT_BLOBS,
	FRONT_SHA256,
	FRONT_MEMBERS,
};

extern const char *const front_member_names[FRONT_MEMBERS];

/* Content of a member, inside the front's bytes. */
struct front_part {
	const uint8_t *data;
	size_t size;
};

/*
 * Appends the tar members of the front to *out.  `frames` as for
 * blob_table_write(); `signatures` is the content of bundle.json.sig, or NULL
 * for an unsigned bundle.  The length depends on the release alone.
 */
int front_write(struct buffer *out, const struct release *release,
		const struct layout *layout, const struct digest *frames,
		const struct front_part *signatures, struct ferry_error *err)
	MUST_CHECK;

/*
 * Finds the parts of a front of `size` bytes.  *length is where it ends; 0:
 * more bytes are needed to tell.  FERRY_E_DAMAGED when something else is in
 * there, or in another order.
 */
int front_parse(struct front_part parts[FRONT_MEMBERS], size_t *length,
		const uint8_t *data, size_t size, struct ferry_error *err)
	MUST_CHECK;

#endif
