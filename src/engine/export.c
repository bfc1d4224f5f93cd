#include "engine/export.h"

#include <string.h>

#include "base/text.h"

/* Docker writes the layers to its disk before the first byte comes. */
#define STALL_SECONDS 1800

#define TAIL_MAX ((size_t)2048)

struct engine_export {
	struct engine engine;
	struct http_download *download;
	/* How what has come so far ends. */
	char tail[TAIL_MAX];
	size_t tail_size;
};

static void
cleanup_export(struct engine_export **export)
{
	engine_export_close(*export);
}

static int
begin(struct engine_export *export, const char *name, struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	AUTO_FREE char *url = NULL;
	struct http_request request = { .method = "GET",
					.stall_seconds = STALL_SECONDS };
	int rc = text_format(&url, err, "%s/images/%s/get",
			     export->engine.endpoint->url, name);

	if (rc)
		return rc;
	request.url = url;
	rc = http_download_begin(export->engine.http, &request, &response,
				 &export->download, err);
	if (rc)
		return error_wrap(err, "Docker");
	if (export->download)
		return 0;
	rc = engine_refused(&response, err);
	return response.status == 404 ? err->code = FERRY_E_NOT_FOUND : rc;
}

int
engine_export_open(struct engine_export **out, struct ferry_context *context,
		   const struct engine_endpoint *endpoint, const char *name,
		   struct ferry_error *err)
{
	AUTO(cleanup_export)
	struct engine_export *export = calloc(1, sizeof(*export));
	int rc;

	if (!export)
		return error_nomem(err);
	rc = engine_init(&export->engine, context, endpoint, NULL, err);
	if (!rc)
		rc = begin(export, name, err);
	if (rc)
		return rc;
	*out = STEAL(&export);
	return 0;
}

static void
keep_tail(struct engine_export *export, const char *piece, size_t size)
{
	size_t left = export->tail_size;

	if (size > TAIL_MAX) {
		piece += size - TAIL_MAX;
		size = TAIL_MAX;
	}
	if (left > TAIL_MAX - size)
		left = TAIL_MAX - size;
	memmove(export->tail, export->tail + export->tail_size - left, left);
	memcpy(export->tail + left, piece, size);
	export->tail_size = left + size;
}

/*
 * What goes wrong once the answer has begun, Docker writes behind the bytes
 * that it has sent by then: {"errorDetail":{"message":...},"error":...}.
 */
static int
check_end(const struct engine_export *export, struct ferry_error *err)
{
	static const char front[] = "{\"errorDetail\":";
	const char *at =
		memmem(export->tail, export->tail_size, front, strlen(front));
	AUTO_JSON *json = NULL;
	struct ferry_error ignored;
	const char *message;

	if (!at || json_parse(&json, at,
			      export->tail_size - (size_t)(at - export->tail),
			      &ignored))
		return 0;
	message = json_string_value(json_object_get(
		json_object_get(json, "errorDetail"), "message"));
	return error_set(err, FERRY_E_FAILED,
			 "Docker broke off the export and says: %s",
			 message ? message : "nothing");
}

int
engine_export_next(struct engine_export *export, const void **piece,
		   size_t *size, struct ferry_error *err)
{
	int rc = http_download_next(export->download, piece, size, err);

	if (rc)
		return error_wrap(err, "Docker");
	if (!*size)
		return check_end(export, err);
	keep_tail(export, *piece, *size);
	return 0;
}

void
engine_export_close(struct engine_export *export)
{
	if (!export)
		return;
	http_download_free(export->download);
	engine_release(&export->engine);
	free(export);
}
