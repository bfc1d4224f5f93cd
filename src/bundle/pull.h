/*
 * The content of one blob, pulled piece by piece: unproved, for who proves it
 * on its way or has proved it before.
 */
#ifndef BUNDLE_PULL_H
#define BUNDLE_PULL_H

#include "bundle/reader.h"
#include "codec/frame_pull.h"

/* Whether its content is compressed, so that a place in it must be sought. */
bool bundle_is_packed(const struct bundle *bundle, size_t blob);

/* Reads `size` bytes from `at` on of a blob that is not. */
int bundle_read_at(const struct bundle *bundle, size_t blob, uint64_t at,
		   void *data, size_t size, struct ferry_error *err) MUST_CHECK;

/*
 * Makes `pull` give the content of a blob that is, from `at` on.  `start` is
 * where one of its frames begins, at `at` or before it; zeroed: the first.
 */
int bundle_pull_from(const struct bundle *bundle, size_t blob,
		     struct frame_pull *pull, struct frame_start start,
		     uint64_t at, struct ferry_error *err) MUST_CHECK;

/* The last of the `count` starts (ascending) from which `at` can be reached. */
struct frame_start bundle_frame_before(const struct bundle *bundle, size_t blob,
				       const struct frame_start *starts,
				       size_t count, uint64_t at);

#endif
