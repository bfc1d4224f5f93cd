#include "engine/export.h"

#include "base/text.h"

/* Docker writes the layers to its disk before the first byte comes. */
#define STALL_SECONDS 1800

struct engine_export {
	struct engine engine;
	struct http_download *download;
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

int
engine_export_next(struct engine_export *export, const void **piece,
		   size_t *size, struct ferry_error *err)
{
	int rc = http_download_next(export->download, piece, size, err);

	return rc ? error_wrap(err, "Docker") : 0;
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
