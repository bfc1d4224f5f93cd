#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "registry/call.h"

#define ACCEPT                                                                 \
	MEDIA_TYPE_OCI_INDEX ", " MEDIA_TYPE_DOCKER_LIST                       \
			     ", " MEDIA_TYPE_OCI_MANIFEST                      \
			     ", " MEDIA_TYPE_DOCKER_MANIFEST

void
registry_manifest_release(struct registry_manifest *manifest)
{
	buffer_release(&manifest->bytes);
}

/*
 * The type without its parameters.  Servers that do not know what they serve
 * have names for that; then the document's own word has to do.
 */
static int
copy_type(char out[MEDIA_TYPE_TEXT], const struct http_response *response,
	  struct ferry_error *err)
{
	static const char *const vague[] = { "application/json", "text/plain",
					     "application/octet-stream" };
	const char *type = http_response_header(response, "Content-Type", 0);
	size_t length = type ? strcspn(type, "; \t") : 0;

	if (length >= MEDIA_TYPE_TEXT)
		return error_set(err, FERRY_E_FAILED,
				 "a Content-Type of %zu bytes", length);
	memcpy(out, type ? type : "", length);
	out[length] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(vague); i++)
		if (strcmp(out, vague[i]) == 0)
			out[0] = '\0';
	return 0;
}

/* The hash of the bytes is what they are; names only have to agree with it. */
static int
check_digest(const struct digest *found, const char *reference,
	     const struct http_response *response, struct ferry_error *err)
{
	const char *header =
		http_response_header(response, "Docker-Content-Digest", 0);

	if (text_starts(reference, DIGEST_PREFIX) &&
	    strcmp(reference, found->text))
		return error_set(err, FERRY_E_DIGEST,
				 "asked for %s, the registry sent %s",
				 reference, found->text);
	if (header && text_starts(header, DIGEST_PREFIX) &&
	    strcmp(header, found->text))
		return error_set(err, FERRY_E_DIGEST,
				 "the registry calls it %s, but sent %s",
				 header, found->text);
	return 0;
}

static int
take_manifest(struct registry_manifest *out, struct http_response *response,
	      const char *reference, struct ferry_error *err)
{
	AUTO_REGISTRY_MANIFEST found = { 0 };
	int rc = copy_type(found.media_type, response, err);

	if (!rc)
		rc = digest_of(&found.digest, response->body.data,
			       response->body.size, err);
	if (!rc)
		rc = check_digest(&found.digest, reference, response, err);
	if (rc)
		return rc;
	found.bytes = response->body;
	response->body = (struct buffer){ 0 };
	*out = found;
	found = (struct registry_manifest){ 0 };
	return 0;
}

static int
get_manifest(struct registry *registry, unsigned worker, const char *repository,
	     const char *reference, struct registry_manifest *out,
	     struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_RESPONSE response = HTTP_RESPONSE;
	struct call call = { .method = "GET",
			     .scope = call_scope(registry, repository),
			     .accept = ACCEPT,
			     .body_max = MANIFEST_MAX };
	int rc = text_format(&path, err, "/v2/%s/manifests/%s", repository,
			     reference);

	if (rc)
		return rc;
	call.path = path;
	rc = call_run(registry, worker, &call, &response, err);
	if (rc)
		return rc;
	if (response.status != 200)
		return call_refused(registry, &call, &response, err);
	rc = refusal_check_type(&response, registry->host, err);
	if (!rc)
		rc = take_manifest(out, &response, reference, err);
	return rc;
}

int
client_get_manifest(struct registry *registry, unsigned worker,
		    const char *repository, const char *reference,
		    struct registry_manifest *out, struct ferry_error *err)
{
	int rc =
		get_manifest(registry, worker, repository, reference, out, err);

	/* A broken cache on the way may give the right bytes next time. */
	if (rc != FERRY_E_DIGEST)
		return rc;
	context_notice(registry->context, "%s/%s: %s; trying once more",
		       registry->host, repository, err->message);
	return get_manifest(registry, worker, repository, reference, out, err);
}

static int
refuse_manifest(struct registry *registry, const struct call *call,
		const struct http_response *response, const char *reference,
		struct ferry_error *err)
{
	/* What is wrong with it was said of its digest before. */
	if (!call->away && refusal_is_of_tag(response->status) &&
	    !text_starts(reference, DIGEST_PREFIX))
		return refusal_error(response, registry->host, REFUSAL_TAG,
				     err);
	return call_refused(registry, call, response, err);
}

int
registry_put_manifest(struct registry *registry, unsigned worker,
		      const char *repository, const char *reference,
		      const struct descriptor *descriptor,
		      const struct buffer *bytes, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_RESPONSE response = HTTP_RESPONSE;
	struct call call = { .method = "PUT",
			     .scope = call_scope(registry, repository),
			     .content_type = descriptor->media_type,
			     .body = bytes->data,
			     .body_size = bytes->size };
	int rc = text_format(&path, err, "/v2/%s/manifests/%s", repository,
			     reference);

	if (rc)
		return rc;
	call.path = path;
	rc = call_run(registry, worker, &call, &response, err);
	if (rc)
		return rc;
	if (response.status / 100 != 2)
		return refuse_manifest(registry, &call, &response, reference,
				       err);
	return call_stored(&response, &descriptor->digest, NULL, err);
}
