#include "base/text.h"
#include "registry/upload.h"

/* POST: mounted, or an upload session that nobody needs. */
static int
try_mount(struct upload *upload, const char *from, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *url = NULL;
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
	if (rc || upload->response.status != 202)
		return rc;
	rc = text_format(&url, err, "%s%s", upload->registry->base, path);
	if (!rc)
		rc = upload_take_session(upload, url, err);
	upload_cancel(upload);
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
