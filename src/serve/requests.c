#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "serve/request.h"

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

const char *
request_header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
					   name);
}

enum MHD_Result
request_reply(struct request *request, struct reply *reply)
{
	request->status = reply->status;
	reply_header(reply, "Docker-Distribution-Api-Version", "registry/2.0");
	reply_header(reply, "X-Content-Type-Options", "nosniff");
	return reply_send(reply);
}

enum MHD_Result
request_refuse(struct request *request, enum refusal refusal)
{
	struct reply reply = { .connection = request->connection };

	reply_refusal(&reply, refusal, request->uri);
	return request_reply(request, &reply);
}

static enum MHD_Result
respond(struct request *request)
{
	static const struct {
		enum MHD_Result (*answer)(struct request *request);
		enum refusal refusal; /* where there is none */
	} ways[] = {
		[ROUTE_PAGE] = { .answer = answer_page },
		[ROUTE_BASE] = { .answer = answer_base },
		[ROUTE_CATALOG] = { .answer = answer_catalog },
		[ROUTE_TAGS] = { .answer = answer_tags },
		[ROUTE_MANIFEST] = { .answer = answer_manifest },
		[ROUTE_BLOB] = { .answer = answer_blob },
		[ROUTE_UPLOAD] = { .refusal = REFUSE_METHOD },
		[ROUTE_REFERRERS] = { .answer = answer_referrers },
		[ROUTE_BAD_NAME] = { .refusal = REFUSE_NAME_INVALID },
		[ROUTE_BAD_DIGEST] = { .refusal = REFUSE_DIGEST_INVALID },
		[ROUTE_BAD_REFERENCE] = { .refusal = REFUSE_MANIFEST_INVALID },
		[ROUTE_BAD_PAGE] = { .refusal = REFUSE_PAGE_INVALID },
		[ROUTE_NOWHERE] = { .refusal = REFUSE_PATH },
	};
	enum route_kind kind = request->route.kind;

	return ways[kind].answer ? ways[kind].answer(request)
				 : request_refuse(request, ways[kind].refusal);
}

static bool
has_body(const struct request *request)
{
	const char *length =
		request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return request_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) ||
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
		return request_refuse(request, REFUSE_METHOD);
	return has_body(request) ? request_refuse(request, REFUSE_BODY)
				 : MHD_YES;
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
