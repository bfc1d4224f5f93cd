#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "serve/conditions.h"
#include "serve/delivery.h"
#include "serve/request.h"

/* Content handed over at once; a connection has one such block. */
#define BLOCK ((size_t)64 << 10)
#define HEADERS_MAX ((size_t)64 << 10)

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
	return request_reply(request, &reply);
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
	return request_reply(request, &reply);
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
	struct server *server = request->server;

	if (context_interrupted(server->context))
		return request_refuse(request, REFUSE_ENDING);
	if (request->waited == document->bundle)
		return request_refuse(request, REFUSE_UNPROVED);
	request->waited = document->bundle;
	request->waiter.wake = wake;
	MHD_suspend_connection(request->connection);
	if (!proofs_wait(server->proofs, document->bundle, document->blob,
			 &request->waiter))
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
	return request_reply(request, &reply);
}

static enum range_kind
range_of(const struct request *request, const struct document *document,
	 struct range *out)
{
	const char *same = request_header(request, MHD_HTTP_HEADER_IF_RANGE);

	if (request->route.kind != ROUTE_BLOB || !request->reads ||
	    (same && !conditions_same(same, &document->descriptor.digest)))
		return RANGE_NONE;
	return range_parse(out, request_header(request, MHD_HTTP_HEADER_RANGE),
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
		return request_refuse(request, REFUSE_DAMAGED);
	if (request->reads && proved_first && state != PROOF_HOLDS)
		return wait_for_proof(request, document);
	return send_content(request, document, &part, kind == RANGE_PART);
}

enum MHD_Result
answer_manifest(struct request *request)
{
	const struct shelf *shelf = request->server->shelf;
	const struct route *route = &request->route;
	const struct document *document =
		shelf_find(shelf, route->repository, route->reference);
	bool by_tag = !strchr(route->reference, ':');

	if (!document && !shelf_has(shelf, route->repository))
		return request_refuse(request, REFUSE_NAME_UNKNOWN);
	if (!document)
		return request_refuse(request, REFUSE_MANIFEST_UNKNOWN);
	/* Who names a digest knows what it is. */
	if (by_tag && !accepts(request, document))
		return request_refuse(request, REFUSE_MANIFEST_TYPE);
	return send_document(request, document);
}

/* Where it is not known to be damaged, if there is such a bundle. */
static bool
find_blob(const struct server *server, const struct digest *digest,
	  struct document *out)
{
	size_t from = 0;
	bool found = false;

	while (shelf_find_blob(server->shelf, digest, &from, out)) {
		found = true;
		if (proofs_state(server->proofs, out->bundle, out->blob) !=
		    PROOF_FAILS)
			break;
	}
	return found;
}

enum MHD_Result
answer_blob(struct request *request)
{
	const struct shelf *shelf = request->server->shelf;
	const struct route *route = &request->route;
	struct ferry_error ignored;
	struct document document;
	struct digest digest;

	if (!shelf_has(shelf, route->repository))
		return request_refuse(request, REFUSE_NAME_UNKNOWN);
	if (digest_parse(&digest, route->reference, &ignored) ||
	    !find_blob(request->server, &digest, &document))
		return request_refuse(request, REFUSE_BLOB_UNKNOWN);
	return send_document(request, &document);
}
