#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "registry/call.h"
#include "registry/shown.h"

/* A blob on its way out. */
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

static void
upload_release(struct upload *upload)
{
	http_response_release(&upload->response);
	free(upload->session);
}

/* Takes the session from a 202. */
static int
take_session(struct upload *upload, const char *path, struct ferry_error *err)
{
	struct registry *registry = upload->registry;
	const char *location =
		http_response_header(&upload->response, "Location", 0);
	AUTO_FREE char *url = NULL;
	int rc = text_format(&url, err, "%s%s", registry->base, path);

	free(STEAL(&upload->session));
	if (rc)
		return rc;
	if (!location || !*location)
		return error_set(err, FERRY_E_FAILED,
				 "%s accepted an upload without saying where "
				 "it goes",
				 registry->host);
	return call_resolve(&upload->session, registry, url, location, err);
}

/* POST: an upload without a size yet, of a session of its own. */
static int
open_session(struct upload *upload, struct call *call, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	int rc = text_format(&path, err, "/v2/%s/blobs/uploads/",
			     upload->repository);

	if (rc)
		return rc;
	*call = (struct call){
		.method = "POST",
		.path = path,
		.scope = call_scope(upload->registry, upload->repository),
		.body = "",
	};
	rc = call_try(upload->registry, upload->worker, call, &upload->response,
		      err);
	if (!rc && upload->response.status == 202)
		rc = take_session(upload, path, err);
	call->path = NULL;
	return rc;
}

/* The session's URL with our digest in its query, which stays as it is. */
static int
closing_url(char **out, const struct upload *upload, struct ferry_error *err)
{
	const char *query = strchr(upload->session, '?');

	return text_format(out, err,
			   "%s%s"
			   "digest=sha256%%3A%s",
			   upload->session, query ? "&" : "?",
			   digest_hex(&upload->descriptor->digest));
}

/* PUT: all of the blob at once, which every registry can take. */
static int
send_content(struct upload *upload, struct call *call, struct ferry_error *err)
{
	AUTO_FREE char *url = NULL;
	int rc = closing_url(&url, upload, err);

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

/*
 * Ends an upload nobody wants any more, so that it leaves nothing behind.
 * Not for us to complain if that does not work: registries clean up.
 */
static void
cancel_session(struct upload *upload)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	struct ferry_error ignored;
	struct call call = {
		.method = "DELETE",
		.url = upload->session,
		.scope = call_scope(upload->registry, upload->repository),
	};
	int rc;

	if (upload->session && !upload->response.unreachable &&
	    !context_interrupted(upload->registry->context)) {
		rc = call_try(upload->registry, upload->worker, &call,
			      &response, &ignored);
		(void)rc;
	}
	free(STEAL(&upload->session));
}

static int
look(void *cookie, bool *there, struct ferry_error *err)
{
	struct upload *upload = cookie;

	return registry_has_blob(upload->registry, upload->worker,
				 upload->repository, upload->descriptor, there,
				 err);
}

static int
wait_until_shown(struct upload *upload, struct ferry_error *err)
{
	bool there = false;
	int rc = shown_wait(upload->registry->context, look, upload, &there,
			    err);

	if (rc || there)
		return rc;
	return error_set(err, FERRY_E_FAILED,
			 "%s took it, but does not have it",
			 upload->registry->host);
}

static int
check_stored(struct upload *upload, struct ferry_error *err)
{
	bool told = false;
	int rc = call_stored(&upload->response, &upload->descriptor->digest,
			     &told, err);

	if (rc || told)
		return rc;
	return wait_until_shown(upload, err);
}

/* One POST and one PUT; 0 means an answer to the last of them. */
static int
try_upload(struct upload *upload, struct call *call, struct ferry_error *err)
{
	int rc = open_session(upload, call, err);

	if (rc || !upload->session)
		return rc;
	rc = send_content(upload, call, err);
	if (!rc && upload->response.status / 100 == 2)
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

/* Whether the answer to an upload got lost, but not the blob. */
static bool
arrived_unseen(struct upload *upload)
{
	struct ferry_error ignored;
	bool there = false;

	return upload->sent && look(upload, &there, &ignored) == 0 && there;
}

static int
run_upload(struct upload *upload, struct ferry_error *err)
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
			return check_stored(upload, err);
		cancel_session(upload);
		if (begins_again(upload, &call, rc))
			continue;
		/* What broke is forgotten there: all of it has to go again. */
		retry_moved(&retry, call.sent, false);
		rc = retry_next(&retry, rc, response, &again, err);
		if (!rc && again && arrived_unseen(upload))
			return 0;
	} while (again && !rc);
	if (!rc && call.content && response->status == 404 && !call.away)
		return refusal_error(response, registry->host, REFUSAL_UPLOAD,
				     err);
	return rc ? rc : call_refused(registry, &call, response, err);
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

/* POST: mounted, or an upload session that nobody needs. */
static int
try_mount(struct upload *upload, const char *from, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	struct call call = { .method = "POST",
			     .scope = call_scope(upload->registry,
						 upload->repository),
			     .body = "" };
	int rc = text_format(&path, err,
			     "/v2/%s/blobs/uploads/?mount=sha256%%3A%s&from=%s",
			     upload->repository,
			     digest_hex(&upload->descriptor->digest), from);

	if (rc)
		return rc;
	call.path = path;
	call.scope.from = from;
	rc = call_try(upload->registry, upload->worker, &call,
		      &upload->response, err);
	if (!rc && upload->response.status == 202)
		rc = take_session(upload, path, err);
	cancel_session(upload);
	return rc;
}

int
registry_mount_blob(struct registry *registry, unsigned worker,
		    const char *repository, const char *from,
		    const struct descriptor *descriptor, bool *mounted,
		    struct ferry_error *err)
{
	AUTO(upload_release)
	struct upload upload = { .registry = registry,
				 .worker = worker,
				 .repository = repository,
				 .descriptor = descriptor };
	struct ferry_error why;
	int rc = try_mount(&upload, from, &why);

	/* What else stands against it is a reason to upload, not to fail. */
	if (rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM) {
		*err = why;
		return rc;
	}
	*mounted = !rc && upload.response.status == 201 &&
		   call_stored(&upload.response, &descriptor->digest, NULL,
			       &why) == 0;
	return 0;
}
