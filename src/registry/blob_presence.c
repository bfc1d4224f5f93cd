#include <string.h>

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

/* What an answer tells of the size of the whole; NULL: nothing. */
static const char *
told_size(const struct http_response *response)
{
	const char *range;

	if (response->status == 200)
		return http_response_header(response, "Content-Length", 0);
	range = http_response_header(response, "Content-Range", 0);
	range = range ? strchr(range, '/') : NULL;
	/* Then nobody knows what it is a part of: nothing of ours. */
	return range ? range + 1 : "0";
}

/*
 * A size that is not ours belongs to something broken, a web page to
 * something that stands in between.
 */
static int
check_found(const struct registry *registry,
	    const struct http_response *response, uint64_t size, bool *out,
	    struct ferry_error *err)
{
	const char *told = told_size(response);
	uint64_t found;
	int rc = 0;

	if (response->status == 200)
		rc = refusal_check_type(response, registry->host, err);
	if (!rc)
		*out = !told || !text_to_u64(told, &found) || found == size;
	return rc;
}

/*
 * For registries that refuse HEAD, or send it to a store whose signed
 * addresses are good for GET only.
 */
static int
has_by_get(struct registry *registry, unsigned worker, struct call *call,
	   uint64_t size, bool *out, struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	struct sink nothing = { .write = write_nothing };
	int rc;

	call->method = "GET";
	call->range = "bytes=0-0";
	call->sink = &nothing;
	rc = call_run(registry, worker, call, &response, err);
	if (rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
		return rc;
	/* The headers are enough, whatever became of the body. */
	switch (response.status) {
	case 200:
	case 206:
	case 416: /* it is there, but empty */
		return check_found(registry, &response, size, out, err);
	case 404:
		if (!rc)
			*out = false;
		return rc;
	default:
		return rc ? rc : call_refused(registry, call, &response, err);
	}
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
		return check_found(registry, &response, descriptor->size, out,
				   err);
	case 404:
		*out = false;
		return 0;
	case 400:
	case 403:
	case 405:
	case 501:
		return has_by_get(registry, worker, &call, descriptor->size,
				  out, err);
	default:
		return call_refused(registry, &call, &response, err);
	}
}
