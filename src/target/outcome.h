/*
 * What became of one image of a release in a target.
 */
#ifndef TARGET_OUTCOME_H
#define TARGET_OUTCOME_H

#include "base/context.h"
#include "oci/release.h"

enum outcome_state {
	OUTCOME_PENDING,
	OUTCOME_DONE,
	OUTCOME_PRESENT, /* nothing had to be sent */
	OUTCOME_FAILED,
	OUTCOME_SKIPPED, /* left out, as the options want it */
};

#define OUTCOME_NOTE 160

struct outcome {
	enum outcome_state state;
	struct ferry_error err; /* when it failed */
	/*
	 * Bytes of its blobs that have to be sent, if prepare() could know:
	 * those that several images lack count for each.
	 */
	bool planned;
	uint64_t to_send;
	/* What else to know of it: "it was sha256:... before"; or "". */
	char note[OUTCOME_NOTE];
};

/* Whether it can still get there, or is there. */
bool outcome_is_open(const struct outcome *outcome);

/* Adds to its note, what does not fit left aside. */
void outcome_note(struct outcome *outcome, const char *format, ...)
	PRINTF_LIKE(2, 3);

/* In words: "loaded, read back equal", or why it failed; "" when pending. */
const char *outcome_words(const struct outcome *outcome);

/*
 * An index with a child lacking is none: where one below it failed, all others
 * fail of that.
 */
void outcomes_join(struct ferry_context *context, const struct release *release,
		   struct outcome *outcomes);

/* Tells the observer how image number `image` ended: once, when it did. */
void outcome_tell(struct ferry_context *context, const struct release *release,
		  size_t image, const struct outcome *outcome);

#endif
