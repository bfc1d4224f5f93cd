#include <stdio.h>
#include <string.h>

#include "serve/listing.h"
#include "serve/request.h"

#define PAGE_BLOCK ((size_t)16 << 10)
#define LINK_MAX ((size_t)2048)

static enum MHD_Result
send_text(struct request *request, const char *type, const char *text)
{
	struct reply reply = { .connection = request->connection };

	request->length = strlen(text);
	reply_text(&reply, MHD_HTTP_OK, type, text, strlen(text));
	return request_reply(request, &reply);
}

enum MHD_Result
answer_base(struct request *request)
{
	return send_text(request, "application/json", "{}");
}

enum MHD_Result
answer_referrers(struct request *request)
{
	if (!shelf_has(request->server->shelf, request->route.repository))
		return request_refuse(request, REFUSE_NAME_UNKNOWN);
	/* Nothing in a bundle refers to an image from outside of its index. */
	return send_text(request, MEDIA_TYPE_OCI_INDEX,
			 "{\"schemaVersion\":2,\"mediaType\":\"" //
			 MEDIA_TYPE_OCI_INDEX "\",\"manifests\":[]}");
}

static enum MHD_Result
send_listing(struct request *request,
	     int (*list)(const struct shelf *shelf, const struct route *route,
			 struct buffer *body, struct buffer *link,
			 struct ferry_error *err))
{
	struct reply reply = { .connection = request->connection };
	AUTO_BUFFER body = BUFFER(LISTING_MAX);
	AUTO_BUFFER next = BUFFER(LINK_MAX);
	struct ferry_error ignored;
	const char *text;

	if (list(request->server->shelf, &request->route, &body, &next,
		 &ignored) ||
	    buffer_text(&next, &text, &ignored))
		return MHD_NO;
	request->length = body.size;
	reply_text(&reply, MHD_HTTP_OK, "application/json", body.data,
		   body.size);
	if (*text)
		reply_header(&reply, MHD_HTTP_HEADER_LINK, text);
	return request_reply(request, &reply);
}

enum MHD_Result
answer_catalog(struct request *request)
{
	return send_listing(request, listing_catalog);
}

enum MHD_Result
answer_tags(struct request *request)
{
	if (!shelf_has(request->server->shelf, request->route.repository))
		return request_refuse(request, REFUSE_NAME_UNKNOWN);
	return send_listing(request, listing_tags);
}

static ssize_t
read_page(void *data, uint64_t at, char *out, size_t size)
{
	ssize_t got = page_read(data, out, size);

	(void)at;
	return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
free_page(void *data)
{
	page_free(data);
}

enum MHD_Result
answer_page(struct request *request)
{
	const struct server *server = request->server;
	struct reply reply = { .connection = request->connection,
			       .status = MHD_HTTP_OK };
	char host[REFERENCE_HOST_MAX];
	struct ferry_error ignored;
	struct page *page;

	if (!page_host(host, request_header(request, MHD_HTTP_HEADER_HOST),
		       server->tls))
		snprintf(host, sizeof(host), "%s", server->host);
	if (page_new(&page, server->shelf, host, server->tls, &ignored))
		return MHD_NO;
	request->length = page_length(page);
	reply.response = MHD_create_response_from_callback(
		request->length, PAGE_BLOCK, read_page, page, free_page);
	if (!reply.response)
		page_free(page);
	reply_header(&reply, MHD_HTTP_HEADER_CONTENT_TYPE,
		     "text/html; charset=utf-8");
	reply_header(&reply, "Content-Security-Policy", server->policy);
	reply_header(&reply, "Referrer-Policy", "no-referrer");
	return request_reply(request, &reply);
}
