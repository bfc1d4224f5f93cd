/*
 * A bundle that comes through a pipe: read once, from its first byte to its
 * last, nothing of it kept but its documents.
 *
 * Opening it reads the front and all manifests and configs, and finds that
 * they make each other: what is wrong with a bundle's metadata is known before
 * the first layer.  Then the layers come, in the order of the blob table.  All
 * that passes is proved as strictly as bundle_verify() does, also what nobody
 * wants.
 *
 * Once something is wrong with what came, nothing more comes: the same error
 * is said again.  A pipe that ends early is FERRY_E_FAILED, since the same
 * command may succeed; all else is FERRY_E_DAMAGED.
 */
#ifndef BUNDLE_STREAM_H
#define BUNDLE_STREAM_H

#include "base/pipe.h"
#include "bundle/reader.h"

/*
 * The pipe is taken over, on failure too.  Reading of blobs is for one thread
 * at a time then, and each can be had once, those before it never more, but
 * for documents.
 */
int bundle_open_stream(struct bundle **out, struct pipe *take_pipe,
		       struct ferry_error *err) MUST_CHECK;

/*
 * What bundle_prove_blob() is here.  What lies before the blob is read over.
 * A failure of what the proof hands bytes on to does not end the stream: the
 * rest of the blob is proved without it, and then the failure told.
 */
int bundle_stream_prove(const struct bundle *bundle, size_t blob,
			struct proof *proof, struct ferry_error *err)
	MUST_CHECK;

/* Proves what is left, up to the end of the pipe, which must come there. */
int bundle_stream_finish(const struct bundle *bundle, struct ferry_error *err)
	MUST_CHECK;

/* What went wrong with it, or NULL. */
const struct ferry_error *bundle_stream_failure(const struct bundle *bundle);

void bundle_stream_free(struct bundle_stream *stream);

#endif
