/*
 * containerd by the hand of its own programs: it speaks gRPC only, and ctr,
 * "k3s ctr" and nerdctl speak that.
 *
 * They are found in PATH and run without a shell.  Their exit status says
 * little: what they did is looked up afterwards.
 */
#ifndef TARGET_CTR_H
#define TARGET_CTR_H

#include "target/archive_stream.h"
#include "target/containerd_place.h"
#include "target/ctr_listing.h"

struct ctr_dialect;

struct ctr {
	struct ferry_context *context;
	struct containerd_place place;
	const struct ctr_dialect *dialect;
	char version[CTR_VERSION_MAX]; /* of containerd; "" if not told */
	bool local;		       /* see ctr.c */
	uint64_t patience; /* milliseconds that it may stand still */
};

/*
 * Sees that containerd answers, and finds a program that reaches it.
 * `patience` is in milliseconds.
 */
int ctr_open(struct ctr *out, struct ferry_context *context,
	     const struct containerd_place *place, uint64_t patience,
	     struct ferry_error *err) MUST_CHECK;

/* What is there now; *out was empty. */
int ctr_list(struct ctr *ctr, struct ctr_listing *out, struct ferry_error *err)
	MUST_CHECK;

/*
 * Feeds `stream`, its blobs from `source`, to an import of all platforms.
 * Before the end of the stream, where its documents stand, nothing of it has a
 * name: should a blob not hold, or ferry be interrupted, the program is killed
 * there, and *reached stays false.  If it is true after a failure, the program
 * has ended by itself, and what it did before that stays.
 */
int ctr_import(struct ctr *ctr, const struct archive_stream *stream,
	       struct source *source, bool *reached, struct ferry_error *err)
	MUST_CHECK;

/*
 * Has the kubelet keep an image; `name` is from reference_name().  Nothing
 * happens where the program cannot say that.
 */
int ctr_pin(struct ctr *ctr, const char *name, struct ferry_error *err)
	MUST_CHECK;

#endif
