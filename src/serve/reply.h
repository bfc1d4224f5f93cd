/*
 * Answers, as libmicrohttpd takes them.  All of these return what its handler
 * has to return: MHD_NO ends the connection, when memory is short.
 */
#ifndef SERVE_REPLY_H
#define SERVE_REPLY_H

#include <microhttpd.h>

#include "base/buffer.h"

/* The distribution-spec's errors ("Error Codes"), and docker-registry's. */
enum refusal {
	REFUSE_NAME_INVALID,
	REFUSE_NAME_UNKNOWN,
	REFUSE_MANIFEST_INVALID,
	REFUSE_MANIFEST_UNKNOWN,
	REFUSE_MANIFEST_TYPE,
	REFUSE_BLOB_UNKNOWN,
	REFUSE_DIGEST_INVALID,
	REFUSE_PAGE_INVALID,
	REFUSE_RANGE,
	REFUSE_METHOD,
	REFUSE_BODY,
	REFUSE_PATH,
	REFUSE_DAMAGED,
	REFUSE_UNPROVED,
	REFUSE_ENDING,
};

struct reply {
	struct MHD_Connection *connection;
	struct MHD_Response *response; /* NULL: memory is short */
	unsigned status;
};

/* Adds a header; what does not fit into one drops the whole reply. */
void reply_header(struct reply *reply, const char *name, const char *value);
enum MHD_Result reply_send(struct reply *reply);

/* A body that is copied. */
void reply_text(struct reply *reply, unsigned status, const char *type,
		const void *data, size_t size);

/*
 * An error as JSON: `detail`, which may come from outside, is what it is about.
 */
void reply_refusal(struct reply *reply, enum refusal refusal,
		   const char *detail);

#endif
