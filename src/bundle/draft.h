/*
 * What of a bundle follows from the plan alone, and what stands beside it
 * already.
 */
#ifndef BUNDLE_DRAFT_H
#define BUNDLE_DRAFT_H

#include "bundle/layout.h"

struct draft {
	struct layout layout;
	struct buffer front;  /* its content, with bounds and no digests */
	struct frame_run run; /* of the front */
	uint64_t first;	      /* offset of the first blob in the file */
};

int draft_init(struct draft *out, const struct release *release,
	       struct ferry_error *err) MUST_CHECK;
void draft_release(struct draft *draft);

/* What a release would make: no file is touched. */
struct bundle_size {
	uint64_t least; /* with nothing but what is compressed already */
	uint64_t most;	/* the same, unless layers have yet to shrink */
};

int bundle_measure(struct bundle_size *out, const struct release *release,
		   struct ferry_error *err) MUST_CHECK;

/* The same, and what an unfinished run left beside `path`. */
struct bundle_survey {
	struct bundle_size size;
	uint64_t here;	 /* bytes of blobs that need not be pulled */
	uint64_t reused; /* on the disk: written over, or given up */
	uint64_t kept;	 /* on the disk: given up by a fresh start only */
};

/* `fresh`: nothing of it will be used.  `path` NULL: nothing is there. */
int bundle_survey(struct bundle_survey *out, const char *path, bool fresh,
		  const struct release *release, struct ferry_error *err)
	MUST_CHECK;

#endif
