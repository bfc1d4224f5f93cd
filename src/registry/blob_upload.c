#include "registry/upload.h"

/* A blob that can be pushed once only, for as long as its upload may need. */
#define ONCE_CHUNK ((size_t)4 << 20) /* the most that ghcr.io takes in one */

struct kept {
	struct registry_content content;
	struct buffer bytes;
};

/* PUT: all of the blob at once, which every registry can take. */
static int
send_content(struct upload *upload, struct call *call, struct ferry_error *err)
{
	AUTO_FREE char *url = NULL;
	int rc = upload_closing_url(&url, upload, err);

	if (rc)
		return rc;
	*call = (struct call){
		.method = "PUT",
		.url = url,
		.scope = call_scope(upload->registry, upload->repository),
		.content_type = "application/octet-stream",
		.content = upload->content,
		.content_size = upload->descriptor->size,
	};
	upload->sent = true;
	rc = call_try(upload->registry, upload->worker, call, &upload->response,
		      err);
	call->url = NULL;
	return rc;
}

/* One POST and one PUT; 0 means an answer to the last of them. */
static int
try_upload(struct upload *upload, struct call *call, struct ferry_error *err)
{
	struct limit *limit = &upload->registry->limit;
	unsigned round;
	int rc = limit_enter(limit, upload->registry->context, &round, err);

	if (rc)
		return rc;
	rc = upload_open(upload, call, call_try, err);
	if (!rc && upload->session)
		rc = send_content(upload, call, err);
	limit_leave(limit, round, limit_sign_of(rc, &upload->response));
	if (!rc && upload->response.status / 100 == 2 && call->content)
		free(STEAL(&upload->session));
	return rc;
}

/*
 * Whether to begin again for a reason that is no failure: credentials ended
 * in the midst of it, or the session did.  Each happens once.
 */
static bool
begins_again(struct upload *upload, const struct call *call, int rc)
{
	bool *once = NULL;

	if (rc || !call->content)
		return false;
	if (call->renewed)
		once = &upload->renewed;
	else if (upload->response.status == 404)
		once = &upload->reopened;
	if (!once || *once)
		return false;
	*once = true;
	return true;
}

static int
upload_at_once(struct upload *upload, struct ferry_error *err)
{
	struct registry *registry = upload->registry;
	struct call call = { .scope =
				     call_scope(registry, upload->repository) };
	struct http_response *response = &upload->response;
	char name[CALL_NAME];
	struct retry retry;
	bool again = true;
	int rc;

	call_begin(&retry, registry, &call, name);
	do {
		rc = try_upload(upload, &call, err);
		if (!rc && call.content && response->status / 100 == 2)
			return upload_check_stored(upload, err);
		upload_cancel(upload);
		if (begins_again(upload, &call, rc))
			continue;
		/* What broke is forgotten there: all of it has to go again. */
		retry_moved(&retry, call.sent, false);
		rc = retry_next(&retry, rc, response, &again, err);
		if (!rc && again && upload_arrived_unseen(upload))
			return 0;
	} while (again && !rc);
	if (!rc && call.content && response->status == 404 && !call.away)
		return refusal_error(response, registry->host, REFUSAL_UPLOAD,
				     err);
	return rc ? rc : call_refused(registry, &call, response, err);
}

static int
push_kept(struct registry_content *content, struct sink *to,
	  struct ferry_error *err)
{
	const struct buffer *bytes = &((struct kept *)content)->bytes;

	return sink_write(to, bytes->data, bytes->size, err);
}

static int
upload_from_memory(struct upload *upload, struct ferry_error *err)
{
	struct registry_content *origin = upload->content;
	struct kept kept = { .content = { .push = push_kept },
			     .bytes = BUFFER(upload->descriptor->size) };
	struct buffer_sink sink;
	int rc;

	buffer_sink_init(&sink, &kept.bytes);
	rc = origin->push(origin, &sink.sink, err);
	upload->content = &kept.content;
	if (!rc)
		rc = upload_at_once(upload, err);
	buffer_release(&kept.bytes);
	return rc;
}

static int
run_upload(struct upload *upload, struct ferry_error *err)
{
	uint64_t chunk = upload->registry->options.chunk_size;
	bool once = upload->content->once;

	if (once && !chunk)
		chunk = ONCE_CHUNK;
	if (chunk && upload->descriptor->size > chunk)
		return upload_in_chunks(upload, chunk, err);
	return once ? upload_from_memory(upload, err)
		    : upload_at_once(upload, err);
}

int
registry_put_blob(struct registry *registry, unsigned worker,
		  const char *repository, const struct descriptor *descriptor,
		  struct registry_content *content, struct ferry_error *err)
{
	AUTO(upload_release)
	struct upload upload = { .registry = registry,
				 .worker = worker,
				 .repository = repository,
				 .descriptor = descriptor,
				 .content = content };
	int rc = run_upload(&upload, err);

	return rc ? error_wrap(err, "blob %s", descriptor->digest.text) : 0;
}
