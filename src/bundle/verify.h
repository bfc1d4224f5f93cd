/*
 * Proving every byte of a bundle.
 */
#ifndef BUNDLE_VERIFY_H
#define BUNDLE_VERIFY_H

#include "base/context.h"
#include "bundle/reader.h"
#include "ferry/bundle.h"

/*
 * Goes through all of the bundle and collects what is wrong with it.  0 also
 * when something is: *out says.  An error means that it could not be told;
 * *out may be set then too.
 */
int bundle_verify(struct bundle *bundle, struct ferry_context *context,
		  unsigned jobs, struct ferry_verification **out,
		  struct ferry_error *err) MUST_CHECK;

#endif
