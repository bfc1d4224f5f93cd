#include "base/text.h"
#include "registry/call.h"

/* The first byte is proof enough: takes none. */
static int
write_nothing(struct sink *sink, const void *data, size_t size,
	      struct ferry_error *err)
{
	(void)sink;
	(void)data;
	return error_set(err, FERRY_E_FAILED, "%zu bytes nobody wants", size);
}

/*
 * For registries that refuse HEAD, or send it to a store whose signed
 * addresses are good for GET only.
 */
static int
has_by_get(struct registry *registry, unsigned worker, struct call *call,
	   bool *out, struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	struct sink nothing = { .write = write_nothing };
	bool there;
	int rc;

	call->method = "GET";
	call->range = "bytes=0-0";
	call->sink = &nothing;
	rc = call_run(registry, worker, call, &response, err);
	/* 416: it is there, but empty. */
	there = response.status / 100 == 2 || response.status == 416;
	if (there || (!rc && response.status == 404)) {
		*out = there;
		return 0;
	}
	return rc ? rc : call_refused(registry, call, &response, err);
}

/* A size that is not ours belongs to something broken. */
static bool
has_size(const struct http_response *response, uint64_t size)
{
	const char *value = http_response_header(response, "Content-Length", 0);
	uint64_t found;

	return !value || !text_to_u64(value, &found) || found == size;
}

int
registry_has_blob(struct registry *registry, unsigned worker,
		  const char *repository, const struct descriptor *descriptor,
		  bool *out, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_RESPONSE response = HTTP_RESPONSE;
	struct call call = { .method = "HEAD",
			     .scope = call_scope(registry, repository) };
	int rc = text_format(&path, err, "/v2/%s/blobs/%s", repository,
			     descriptor->digest.text);

	if (rc)
		return rc;
	call.path = path;
	rc = call_run(registry, worker, &call, &response, err);
	if (rc)
		return rc;
	switch (response.status) {
	case 200:
		*out = has_size(&response, descriptor->size);
		return 0;
	case 404:
		*out = false;
		return 0;
	case 400:
	case 403:
	case 405:
	case 501:
		return has_by_get(registry, worker, &call, out, err);
	default:
		return call_refused(registry, &call, &response, err);
	}
}
