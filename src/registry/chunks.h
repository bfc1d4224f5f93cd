/*
 * A blob that is uploaded in chunks: what the files that do it share.
 * Internal to registry/upload_*.c.
 */
#ifndef REGISTRY_CHUNKS_H
#define REGISTRY_CHUNKS_H

#include "registry/upload.h"
#include "registry/upload_record.h"

struct chunks {
	struct sink sink;
	struct upload *upload;
	struct upload_name name;
	struct upload_record record;
	struct buffer piece; /* the chunk in the making */
	uint64_t size;	     /* of a chunk */
	uint64_t at;	     /* where the piece begins in the blob */
	uint64_t accepted;   /* by the session; inside the piece, or its end */
	uint64_t skip;	     /* bytes to come that the session has */
	unsigned restarts;
	bool lost; /* the session is gone, and what it had */
	struct retry retry;
	char what[CALL_NAME];
};

/* A request to the session, not made yet. */
struct call chunks_call(const struct chunks *chunks, const char *method);

/*
 * Asks the session how much it has: chunks->accepted, if that lies within
 * [least, most].  What lies outside cannot be, and *found is false: the session
 * is of no use.
 */
int chunks_ask(struct chunks *chunks, uint64_t least, uint64_t most,
	       bool *found, struct ferry_error *err) MUST_CHECK;

/* Opens the record, where the options want one. */
void chunks_open_record(struct chunks *chunks);

/* Takes up what an earlier run left, if the registry still has it. */
int chunks_resume(struct chunks *chunks, struct ferry_error *err) MUST_CHECK;

/* Notes in the record what has been accepted. */
void chunks_remember(struct chunks *chunks);

/* After this there is no session, here or in the record. */
void chunks_forget(struct chunks *chunks);

#endif
