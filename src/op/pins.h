/*
 * Digests that people ask by, and the other side will not have.
 */
#ifndef OP_PINS_H
#define OP_PINS_H

#include "op/requests.h"
#include "op/warnings.h"

/*
 * Warns of each image that was asked for by the digest of an index which is not
 * carried as it is, and of each that has no tag.  Before
 * requests_take_release().
 */
int pins_warn_requests(struct warnings *warnings,
		       const struct requests *requests, struct ferry_error *err)
	MUST_CHECK;

/* The same of a bundle, which can tell it of images without a tag only. */
int pins_warn_release(struct warnings *warnings, const struct release *release,
		      struct ferry_error *err) MUST_CHECK;

#endif
