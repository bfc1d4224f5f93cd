/*
 * What a request's headers ask of an answer: RFC 9110 sections 12.5.1 (Accept),
 * 13.1 (conditional requests) and 14 (Range).  Pure.
 */
#ifndef SERVE_CONDITIONS_H
#define SERVE_CONDITIONS_H

#include "codec/digest.h"

enum range_kind {
	RANGE_NONE, /* none, or one that is to be ignored: all of it */
	RANGE_PART,
	RANGE_OUTSIDE, /* 416 */
};

struct range {
	uint64_t first;
	uint64_t length; /* at least 1 */
};

/*
 * One range of bytes of a content of `size`; `header` may be NULL.  Several
 * ranges, another unit and what is no range are ignored, as section 14.2
 * allows; *out is set for RANGE_PART only.
 */
enum range_kind range_parse(struct range *out, const char *header,
			    uint64_t size);

/* Whether a list of entity tags has the digest, quoted, or "*". */
bool conditions_match(const char *header, const struct digest *digest);

/* If-Range: exactly this one strong tag; a date never holds. */
bool conditions_same(const char *header, const struct digest *digest);

/* Whether Accept takes the type; NULL and "" take all.  q=0 is heeded. */
bool conditions_accept(const char *header, const char *media_type);

#endif
