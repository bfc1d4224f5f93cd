#include "serve/reply.h"

#include "base/text.h"
#include "json/json.h"

#define BODY_MAX ((size_t)64 << 10)
#define DETAIL_MAX 512

static const struct {
	unsigned status;
	const char *code;
	const char *message;
} refusals[] = {
	[REFUSE_NAME_INVALID] = { 400, "NAME_INVALID",
				  "this is no repository name" },
	[REFUSE_NAME_UNKNOWN] = { 404, "NAME_UNKNOWN",
				  "no image has this name here" },
	[REFUSE_MANIFEST_INVALID] = { 400, "MANIFEST_INVALID",
				      "this is neither a tag nor a digest" },
	[REFUSE_MANIFEST_UNKNOWN] = { 404, "MANIFEST_UNKNOWN",
				      "this repository has no such manifest" },
	[REFUSE_MANIFEST_TYPE] = { 404, "MANIFEST_UNKNOWN",
				   "the manifest is of a type that Accept "
				   "does not name" },
	[REFUSE_BLOB_UNKNOWN] = { 404, "BLOB_UNKNOWN", "no such blob here" },
	[REFUSE_DIGEST_INVALID] = { 400, "DIGEST_INVALID",
				    "this is no sha256 digest" },
	[REFUSE_PAGE_INVALID] = { 400, "PAGINATION_NUMBER_INVALID",
				  "\"n\" must be a number, \"last\" a name" },
	[REFUSE_RANGE] = { 416, "RANGE_INVALID",
			   "the blob ends before this range" },
	[REFUSE_METHOD] = { 405, "UNSUPPORTED",
			    "this registry is read from only: it serves "
			    "bundles" },
	[REFUSE_BODY] = { 413, "UNSUPPORTED", "no request here has a body" },
	[REFUSE_PATH] = { 404, "NOT_FOUND", "nothing is served here" },
	[REFUSE_DAMAGED] = { 500, "UNKNOWN",
			     "the bundle is damaged here: it must be copied "
			     "anew" },
	[REFUSE_UNPROVED] = { 503, "UNAVAILABLE",
			      "the bundle was changed while it was proved, or "
			      "cannot be read: the server's log says more" },
	[REFUSE_ENDING] = { 503, "UNAVAILABLE", "the server is ending" },
};

void
reply_header(struct reply *reply, const char *name, const char *value)
{
	if (!reply->response ||
	    MHD_add_response_header(reply->response, name, value) == MHD_YES)
		return;
	MHD_destroy_response(reply->response);
	reply->response = NULL;
}

enum MHD_Result
reply_send(struct reply *reply)
{
	enum MHD_Result result;

	if (!reply->response)
		return MHD_NO;
	result = MHD_queue_response(reply->connection, reply->status,
				    reply->response);
	MHD_destroy_response(reply->response);
	reply->response = NULL;
	return result;
}

void
reply_text(struct reply *reply, unsigned status, const char *type,
	   const void *data, size_t size)
{
	reply->status = status;
	/* It is copied; the parameter has no const for other modes' sake. */
	reply->response = MHD_create_response_from_buffer(
		size, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY);
	reply_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, type);
}

void
reply_refusal(struct reply *reply, enum refusal refusal, const char *detail)
{
	AUTO_BUFFER body = BUFFER(BODY_MAX);
	AUTO_JSON *json = NULL;
	struct ferry_error ignored;
	char escaped[DETAIL_MAX];

	text_escape(escaped, sizeof(escaped), detail);
	json = json_pack("{s:[{s:s, s:s, s:s}]}", "errors", "code",
			 refusals[refusal].code, "message",
			 refusals[refusal].message, "detail", escaped);
	reply->response = NULL;
	if (!json || json_write(json, &body, &ignored))
		return;
	reply_text(reply, refusals[refusal].status, "application/json",
		   body.data, body.size);
	if (refusal == REFUSE_METHOD)
		reply_header(reply, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
}
