#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "serve/reply.h"
#include "serve/conditions.h"
#include "serve/delivery.h"
#include "serve/listing.h"
#include "serve/server_state.h"

/* Content handed over at once; a connection has one such block. */
#define BLOCK ((size_t)64 << 10)
#define PAGE_BLOCK ((size_t)16 << 10)
#define METHOD_TEXT 16
#define HEADERS_MAX ((size_t)64 << 10)
#define LINK_MAX ((size_t)2048)

struct request {
	struct proof_waiter waiter;
	struct server *server;
	struct MHD_Connection *connection;
	char *uri;
	char method[METHOD_TEXT]; /* "": it has not come whole yet */
	struct route route;
	bool reads; /* GET: HEAD has no content */
	bool waited;
	unsigned status;
	uint64_t length; /* of the content that was promised */
};

void *
request_begin(void *data, const char *uri, struct MHD_Connection *connection)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->server = data;
	request->connection = connection;
	request->uri = strdup(uri);
	if (!request->uri) {
		free(request);
		return NULL;
	}
	return request;
}

static struct connection *
connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* A line for whoever watches: who asked for what, and what he got. */
static void
tell(const struct request *request, bool whole)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char peer[LISTEN_TEXT] = "?";
	char size[TEXT_SIZE_MAX + 4] = "";

	if (info && info->client_addr)
		listen_text(peer, info->client_addr);
	if (request->reads && request->length) {
		char text[TEXT_SIZE_MAX];

		snprintf(size, sizeof(size), ", %s",
			 text_size(text, sizeof(text), request->length));
	}
	context_notice(request->server->context, "%s %s %s: %u%s%s", peer,
		       request->method, request->uri, request->status, size,
		       whole ? "" : ", broken off");
}

void
request_end(void *data, struct MHD_Connection *connection, void **cookie,
	    enum MHD_RequestTerminationCode how)
{
	struct server *server = data;
	struct request *request = *cookie;

	connections_end(&server->connections, connection_of(connection));
	if (!request)
		return;
	if (request->method[0])
		tell(request, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	free(request->uri);
	free(request);
	*cookie = NULL;
}

static const char *
header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
					   name);
}

struct joining {
	struct buffer *to;
	const char *name;
	bool failed;
};

static enum MHD_Result
join_one(void *data, enum MHD_ValueKind kind, const char *name,
	 const char *value)
{
	struct joining *joining = data;
	struct ferry_error ignored;

	(void)kind;
	if (!value || strcasecmp(name, joining->name) != 0)
		return MHD_YES;
	if (buffer_format(joining->to, &ignored, "%s%s",
			  joining->to->size ? ", " : "", value))
		joining->failed = true;
	return MHD_YES;
}

/*
 * A list may come in several lines of one name (RFC 9110 5.3), as podman and
 * skopeo send Accept.  NULL: it is not there, or memory is short.
 */
static const char *
header_list(const struct request *request, const char *name, struct buffer *to)
{
	struct joining joining = { .to = to, .name = name };
	struct ferry_error ignored;
	const char *text = NULL;

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND,
				  join_one, &joining);
	if (joining.failed || !to->size || buffer_text(to, &text, &ignored))
		return NULL;
	return text;
}

/* Whether the client has it already. */
static bool
has_already(const struct request *request, const struct document *document)
{
	AUTO_BUFFER tags = BUFFER(HEADERS_MAX);

	return conditions_match(
		header_list(request, MHD_HTTP_HEADER_IF_NONE_MATCH, &tags),
		&document->descriptor.digest);
}

static bool
accepts(const struct request *request, const struct document *document)
{
	AUTO_BUFFER types = BUFFER(HEADERS_MAX);

	return conditions_accept(
		header_list(request, MHD_HTTP_HEADER_ACCEPT, &types),
		document->descriptor.media_type);
}

static enum MHD_Result
send_reply(struct request *request, struct reply *reply)
{
	request->status = reply->status;
	reply_header(reply, "Docker-Distribution-Api-Version", "registry/2.0");
	reply_header(reply, "X-Content-Type-Options", "nosniff");
	return reply_send(reply);
}

static enum MHD_Result
refuse(struct request *request, enum refusal refusal)
{
	struct reply reply = { .connection = request->connection };

	reply_refusal(&reply, refusal, request->uri);
	return send_reply(request, &reply);
}

static enum MHD_Result
send_text(struct request *request, const char *type, const char *text)
{
	struct reply reply = { .connection = request->connection };

	request->length = strlen(text);
	reply_text(&reply, MHD_HTTP_OK, type, text, strlen(text));
	return send_reply(request, &reply);
}

static enum MHD_Result
send_base(struct request *request)
{
	return send_text(request, "application/json", "{}");
}

static enum MHD_Result
send_referrers(struct request *request)
{
	if (!shelf_has(request->server->shelf, request->route.repository))
		return refuse(request, REFUSE_NAME_UNKNOWN);
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
	return send_reply(request, &reply);
}

static enum MHD_Result
send_catalog(struct request *request)
{
	return send_listing(request, listing_catalog);
}

static enum MHD_Result
send_tags(struct request *request)
{
	if (!shelf_has(request->server->shelf, request->route.repository))
		return refuse(request, REFUSE_NAME_UNKNOWN);
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

static enum MHD_Result
send_page(struct request *request)
{
	const struct server *server = request->server;
	struct reply reply = { .connection = request->connection,
			       .status = MHD_HTTP_OK };
	char host[REFERENCE_HOST_MAX];
	struct ferry_error ignored;
	struct page *page;

	if (!page_host(host, header(request, MHD_HTTP_HEADER_HOST),
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
	return send_reply(request, &reply);
}

/* A delivery, and whom to wake when there is a decoder for it. */
struct sending {
	struct decoder_waiter waiter;
	struct MHD_Connection *connection;
	struct decoders *decoders;
	struct delivery *delivery;
};

static void
wake_sending(struct decoder_waiter *waiter)
{
	MHD_resume_connection(((struct sending *)waiter)->connection);
}

static ssize_t
read_content(void *data, uint64_t at, char *out, size_t size)
{
	struct sending *sending = data;
	ssize_t got = delivery_read(sending->delivery, at, out, size);

	if (got < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (got == 0) {
		MHD_suspend_connection(sending->connection);
		decoders_wait(sending->decoders, &sending->waiter);
	}
	return got;
}

/* HEAD has a length, but nobody asks for its content. */
static ssize_t
read_nothing(void *data, uint64_t at, char *out, size_t size)
{
	(void)data;
	(void)at;
	(void)out;
	(void)size;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
free_sending(void *data)
{
	struct sending *sending = data;

	delivery_free(sending->delivery);
	free(sending);
}

static void
prepare_content(struct request *request, const struct document *document,
		const struct range *part, struct reply *reply)
{
	struct server *server = request->server;
	struct ferry_error ignored;
	struct sending *sending;

	request->length = part->length;
	if (!request->reads) {
		reply->response = MHD_create_response_from_callback(
			part->length, BLOCK, read_nothing, NULL, NULL);
		return;
	}
	sending = calloc(1, sizeof(*sending));
	if (!sending)
		return;
	sending->waiter.wake = wake_sending;
	sending->connection = request->connection;
	sending->decoders = &server->decoders;
	if (!delivery_new(&sending->delivery, server->context, server->proofs,
			  &server->decoders, document, part->first,
			  part->length, &ignored))
		reply->response = MHD_create_response_from_callback(
			part->length, BLOCK, read_content, sending,
			free_sending);
	if (!reply->response)
		free_sending(sending);
}

static void
add_validators(struct reply *reply, const struct document *document)
{
	char tag[DIGEST_TEXT + 2];

	snprintf(tag, sizeof(tag), "\"%s\"", document->descriptor.digest.text);
	reply_header(reply, MHD_HTTP_HEADER_ETAG, tag);
	reply_header(reply, "Docker-Content-Digest",
		     document->descriptor.digest.text);
}

static enum MHD_Result
send_unchanged(struct request *request, const struct document *document)
{
	struct reply reply = { .connection = request->connection,
			       .status = MHD_HTTP_NOT_MODIFIED };

	reply.response = MHD_create_response_from_buffer(
		0, NULL, MHD_RESPMEM_PERSISTENT);
	add_validators(&reply, document);
	return send_reply(request, &reply);
}

static enum MHD_Result
refuse_range(struct request *request, const struct document *document)
{
	struct reply reply = { .connection = request->connection };
	char value[64];

	snprintf(value, sizeof(value), "bytes */%llu",
		 (unsigned long long)document->descriptor.size);
	reply_refusal(&reply, REFUSE_RANGE, request->uri);
	reply_header(&reply, MHD_HTTP_HEADER_CONTENT_RANGE, value);
	return send_reply(request, &reply);
}

static void
wake(struct proof_waiter *waiter)
{
	MHD_resume_connection(((struct request *)waiter)->connection);
}

/* The handler is called again when it is proved, or cannot be. */
static enum MHD_Result
wait_for_proof(struct request *request, const struct document *document)
{
	if (request->waited)
		return refuse(request,
			      context_interrupted(request->server->context)
				      ? REFUSE_ENDING
				      : REFUSE_DAMAGED);
	request->waited = true;
	request->waiter.wake = wake;
	MHD_suspend_connection(request->connection);
	if (proofs_wait(request->server->proofs, document->bundle,
			document->blob, &request->waiter))
		return MHD_YES;
	MHD_resume_connection(request->connection);
	return MHD_YES;
}

static enum MHD_Result
send_content(struct request *request, const struct document *document,
	     const struct range *part, bool partial)
{
	struct reply reply = { .connection = request->connection,
			       .status = partial ? MHD_HTTP_PARTIAL_CONTENT
						 : MHD_HTTP_OK };
	char value[80];

	prepare_content(request, document, part, &reply);
	add_validators(&reply, document);
	reply_header(&reply, MHD_HTTP_HEADER_CONTENT_TYPE,
		     document->descriptor.media_type);
	if (request->route.kind == ROUTE_BLOB)
		reply_header(&reply, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	if (partial) {
		snprintf(value, sizeof(value), "bytes %llu-%llu/%llu",
			 (unsigned long long)part->first,
			 (unsigned long long)(part->first + part->length - 1),
			 (unsigned long long)document->descriptor.size);
		reply_header(&reply, MHD_HTTP_HEADER_CONTENT_RANGE, value);
	}
	return send_reply(request, &reply);
}

static enum range_kind
range_of(const struct request *request, const struct document *document,
	 struct range *out)
{
	const char *same = header(request, MHD_HTTP_HEADER_IF_RANGE);

	if (request->route.kind != ROUTE_BLOB || !request->reads ||
	    (same && !conditions_same(same, &document->descriptor.digest)))
		return RANGE_NONE;
	return range_parse(out, header(request, MHD_HTTP_HEADER_RANGE),
			   document->descriptor.size);
}

static enum MHD_Result
send_document(struct request *request, const struct document *document)
{
	uint64_t size = document->descriptor.size;
	struct range part = { .first = 0, .length = size };
	enum range_kind kind = range_of(request, document, &part);
	enum proof_state state = proofs_state(request->server->proofs,
					      document->bundle, document->blob);
	/* All of it is proved on its way, if there is a last byte to hold. */
	bool proved_first = part.length < size || !size;

	if (has_already(request, document))
		return send_unchanged(request, document);
	if (kind == RANGE_OUTSIDE)
		return refuse_range(request, document);
	if (state == PROOF_FAILS)
		return refuse(request, REFUSE_DAMAGED);
	if (request->reads && proved_first && state != PROOF_HOLDS)
		return wait_for_proof(request, document);
	return send_content(request, document, &part, kind == RANGE_PART);
}

static enum MHD_Result
send_manifest(struct request *request)
{
	const struct shelf *shelf = request->server->shelf;
	const struct route *route = &request->route;
	const struct document *document =
		shelf_find(shelf, route->repository, route->reference);
	bool by_tag = !strchr(route->reference, ':');

	if (!document && !shelf_has(shelf, route->repository))
		return refuse(request, REFUSE_NAME_UNKNOWN);
	/* Who names a digest knows what it is. */
	if (!document || (by_tag && !accepts(request, document)))
		return refuse(request, REFUSE_MANIFEST_UNKNOWN);
	return send_document(request, document);
}

static enum MHD_Result
send_blob(struct request *request)
{
	const struct shelf *shelf = request->server->shelf;
	const struct route *route = &request->route;
	struct ferry_error ignored;
	struct document document;
	struct digest digest;

	if (!shelf_has(shelf, route->repository))
		return refuse(request, REFUSE_NAME_UNKNOWN);
	if (digest_parse(&digest, route->reference, &ignored) ||
	    !shelf_find_blob(shelf, &digest, &document))
		return refuse(request, REFUSE_BLOB_UNKNOWN);
	return send_document(request, &document);
}

static enum MHD_Result
respond(struct request *request)
{
	static const struct {
		enum MHD_Result (*send)(struct request *request);
		enum refusal refusal; /* where nothing is sent */
	} ways[] = {
		[ROUTE_PAGE] = { .send = send_page },
		[ROUTE_BASE] = { .send = send_base },
		[ROUTE_CATALOG] = { .send = send_catalog },
		[ROUTE_TAGS] = { .send = send_tags },
		[ROUTE_MANIFEST] = { .send = send_manifest },
		[ROUTE_BLOB] = { .send = send_blob },
		[ROUTE_UPLOAD] = { .refusal = REFUSE_METHOD },
		[ROUTE_REFERRERS] = { .send = send_referrers },
		[ROUTE_BAD_NAME] = { .refusal = REFUSE_NAME_INVALID },
		[ROUTE_BAD_DIGEST] = { .refusal = REFUSE_DIGEST_INVALID },
		[ROUTE_BAD_REFERENCE] = { .refusal = REFUSE_MANIFEST_INVALID },
		[ROUTE_BAD_PAGE] = { .refusal = REFUSE_PAGE_INVALID },
		[ROUTE_NOWHERE] = { .refusal = REFUSE_PATH },
	};
	enum route_kind kind = request->route.kind;

	return ways[kind].send ? ways[kind].send(request)
			       : refuse(request, ways[kind].refusal);
}

static bool
has_body(const struct request *request)
{
	const char *length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) ||
	       (length && strspn(length, "0") != strlen(length));
}

/* What is refused whatever it asks for, before a body of it is read. */
static enum MHD_Result
begin(struct request *request, const char *method)
{
	connections_begin(&request->server->connections,
			  connection_of(request->connection));
	snprintf(request->method, sizeof(request->method), "%s", method);
	request->reads = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
	route_parse(&request->route, request->uri);
	if (!request->reads && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(request, REFUSE_METHOD);
	return has_body(request) ? refuse(request, REFUSE_BODY) : MHD_YES;
}

/*
 * Called when the headers are there, and again when the whole request is: who
 * is answered at once cannot send another one on the same connection.
 */
enum MHD_Result
request_handle(void *data, struct MHD_Connection *connection, const char *url,
	       const char *method, const char *version, const char *upload,
	       size_t *upload_size, void **cookie)
{
	struct request *request = *cookie;

	(void)data;
	(void)connection;
	(void)url;
	(void)version;
	(void)upload;
	(void)upload_size;
	if (!request)
		return MHD_NO;
	return request->method[0] ? respond(request) : begin(request, method);
}
