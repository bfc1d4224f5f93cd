/*
 * Which blobs have been proved, and the threads that prove one on demand: of a
 * blob that nobody has proved, no part is handed out.
 *
 * A proof holds as long as its file stays what it was: its size and its times
 * are looked at whenever it is asked for.
 */
#ifndef SERVE_PROOFS_H
#define SERVE_PROOFS_H

#include <pthread.h>

#include "base/context.h"
#include "bundle/pull.h"

enum proof_state {
	PROOF_NONE,
	PROOF_HOLDS,
	PROOF_FAILS, /* what is in the file is not the blob */
};

/* Who waits for a proof; woken once, from another thread. */
struct proof_waiter {
	struct proof_waiter *next;
	void (*wake)(struct proof_waiter *waiter);
};

struct proofs;

int proofs_new(struct proofs **out, struct ferry_context *context,
	       const struct bundle *const *bundles, size_t count,
	       struct ferry_error *err) MUST_CHECK;

/* Ends the threads; wakes whoever waits, and takes no more from here on. */
void proofs_stop(struct proofs *proofs);
void proofs_free(struct proofs *proofs);

enum proof_state proofs_state(struct proofs *proofs,
			      const struct bundle *bundle, size_t blob);

/*
 * Has the blob proved, once for all who wait for it, and wakes `waiter` then:
 * proofs_state() tells how it went, PROOF_NONE that it could not be tried, or
 * that the file was changed meanwhile.  False, and nobody is woken, where that
 * is settled already, where memory is short, and after proofs_stop().
 */
bool proofs_wait(struct proofs *proofs, const struct bundle *bundle,
		 size_t blob, struct proof_waiter *waiter);

/*
 * For who proves a blob himself while it goes out: begin() tells what the file
 * is before, end() what came of it.
 */
struct proof_stamp {
	int64_t words[5];
};

void proofs_begin(struct proof_stamp *out, const struct bundle *bundle);
bool proofs_same(const struct proof_stamp *a, const struct proof_stamp *b);
void proofs_end(struct proofs *proofs, const struct proof_stamp *stamp,
		const struct bundle *bundle, size_t blob,
		enum proof_state state);

/* Where to begin decoding a proved compressed blob to get at `at` soon. */
struct frame_start proofs_start(struct proofs *proofs,
				const struct bundle *bundle, size_t blob,
				uint64_t at);

#endif
