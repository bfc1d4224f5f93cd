/*
 * A blob on its way out: what the files that upload share.  Internal to
 * registry/.
 */
#ifndef REGISTRY_UPLOAD_H
#define REGISTRY_UPLOAD_H

#include "registry/call.h"

struct upload {
	struct registry *registry;
	unsigned worker;
	const char *repository;
	const struct descriptor *descriptor;
	struct registry_content *content;
	struct http_response response;
	char *session; /* the URL of an upload that is open, or NULL */
	bool renewed;  /* the registry has taken new credentials once */
	bool reopened; /* it has lost a session once */
	bool sent;     /* a body went out, whatever became of it */
};

void upload_release(struct upload *upload);

typedef int upload_perform(struct registry *registry, unsigned worker,
			   struct call *call, struct http_response *response,
			   struct ferry_error *err);

/*
 * POST: a session of its own, by call_try() or call_run().  Without a failure
 * and without a session, upload->response is why.
 */
int upload_open(struct upload *upload, struct call *call,
		upload_perform *perform, struct ferry_error *err) MUST_CHECK;

/* Takes the session from an answer to `url`; without one it is an error. */
int upload_take_session(struct upload *upload, const char *url,
			struct ferry_error *err) MUST_CHECK;

/* The session's URL with our digest in its query, which stays as it is. */
int upload_closing_url(char **out, const struct upload *upload,
		       struct ferry_error *err) MUST_CHECK;

/*
 * Ends an upload nobody wants any more, so that it leaves nothing behind.
 * Not for us to complain if that does not work: registries clean up.
 */
void upload_cancel(struct upload *upload);

/* Whether the answer to an upload got lost, but not the blob. */
bool upload_arrived_unseen(struct upload *upload);

/* After a success: it must have stored what it was sent. */
int upload_check_stored(struct upload *upload, struct ferry_error *err)
	MUST_CHECK;

/* All of the blob in chunks of `size`, or more if the registry wants more. */
int upload_in_chunks(struct upload *upload, size_t size,
		     struct ferry_error *err) MUST_CHECK;

#endif
