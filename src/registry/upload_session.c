#include <string.h>

#include "base/text.h"
#include "registry/shown.h"
#include "registry/upload.h"

void
upload_release(struct upload *upload)
{
	http_response_release(&upload->response);
	free(upload->session);
}

int
upload_take_session(struct upload *upload, const char *url,
		    struct ferry_error *err)
{
	struct registry *registry = upload->registry;
	const char *location =
		http_response_header(&upload->response, "Location", 0);
	char *session = NULL;
	int rc;

	if (!location || !*location)
		return error_set(err, FERRY_E_FAILED,
				 "%s accepted an upload without saying where "
				 "it goes",
				 registry->host);
	rc = call_resolve(&session, registry, url, location, err);
	if (rc)
		return rc;
	free(upload->session);
	upload->session = session;
	return 0;
}

int
upload_open(struct upload *upload, struct call *call, upload_perform *perform,
	    struct ferry_error *err)
{
	struct registry *registry = upload->registry;
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *url = NULL;
	int rc = text_format(&path, err, "/v2/%s/blobs/uploads/",
			     upload->repository);

	if (rc)
		return rc;
	*call = (struct call){
		.method = "POST",
		.path = path,
		.scope = call_scope(registry, upload->repository),
		.body = "",
	};
	rc = perform(registry, upload->worker, call, &upload->response, err);
	call->path = NULL;
	if (rc || upload->response.status != 202)
		return rc;
	rc = text_format(&url, err, "%s%s", registry->base, path);
	return rc ? rc : upload_take_session(upload, url, err);
}

int
upload_closing_url(char **out, const struct upload *upload,
		   struct ferry_error *err)
{
	const char *query = strchr(upload->session, '?');

	return text_format(out, err,
			   "%s%s"
			   "digest=sha256%%3A%s",
			   upload->session, query ? "&" : "?",
			   digest_hex(&upload->descriptor->digest));
}

void
upload_cancel(struct upload *upload)
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

int
upload_check_stored(struct upload *upload, struct ferry_error *err)
{
	bool told = false;
	int rc = call_stored(&upload->response, &upload->descriptor->digest,
			     &told, err);

	if (rc || told)
		return rc;
	return wait_until_shown(upload, err);
}

bool
upload_arrived_unseen(struct upload *upload)
{
	struct ferry_error ignored;
	bool there = false;

	return upload->sent && look(upload, &there, &ignored) == 0 && there;
}
