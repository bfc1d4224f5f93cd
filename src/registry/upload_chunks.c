/*
 * Distribution-spec, "Pushing a blob in chunks": POST, PATCH .., PUT.
 *
 * What counts is our own count of the bytes that a session has.  A registry is
 * asked (GET) only when an answer went missing, and believed only if what it
 * says can be: docker-registry 2.8 says "0-0" of an empty session, and takes
 * PATCHes of any range.  Where there is doubt all begins again; the digest at
 * the end decides.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "registry/chunks.h"

#define RANGE_TEXT 64
#define SLICE ((size_t)16 << 10)

/* What a session lacks of a chunk. */
struct rest {
	struct registry_content content;
	const uint8_t *data;
	size_t size;
};

static bool
is_good(const struct upload *upload)
{
	return upload->response.status / 100 == 2;
}

/* Some take no chunks but the last that are smaller. */
static void
note_least(struct chunks *chunks)
{
	const char *value = http_response_header(&chunks->upload->response,
						 "OCI-Chunk-Min-Length", 0);
	uint64_t least;

	if (value && text_to_u64(value, &least) && least > chunks->size)
		chunks->size =
			least < FERRY_CHUNK_MOST ? least : FERRY_CHUNK_MOST;
}

static int
open_session(struct chunks *chunks, struct ferry_error *err)
{
	struct upload *upload = chunks->upload;
	struct call call;
	int rc = upload_open(upload, &call, call_run, err);

	if (rc)
		return rc;
	if (!upload->session)
		return call_refused(upload->registry, &call, &upload->response,
				    err);
	note_least(chunks);
	chunks->accepted = 0;
	return 0;
}

/*
 * Slice by slice: libcurl would repeat a body that it was given as a whole, on
 * another connection and unasked, and some of it might be there twice.
 */
static int
push_rest(struct registry_content *content, struct sink *to,
	  struct ferry_error *err)
{
	const struct rest *rest = (struct rest *)content;
	int rc = 0;

	for (size_t at = 0; at < rest->size && !rc; at += SLICE) {
		size_t n = rest->size - at < SLICE ? rest->size - at : SLICE;

		rc = sink_write(to, rest->data + at, n, err);
	}
	return rc;
}

static int
patch(struct chunks *chunks, struct call *call, struct ferry_error *err)
{
	struct upload *upload = chunks->upload;
	struct limit *limit = &upload->registry->limit;
	uint64_t from = chunks->accepted - chunks->at;
	uint64_t end = chunks->at + chunks->piece.size;
	struct rest rest = { .content = { .push = push_rest },
			     .data = chunks->piece.data + from,
			     .size = chunks->piece.size - from };
	char range[RANGE_TEXT];
	unsigned round = limit_round(limit);
	int rc;

	snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, chunks->accepted,
		 end - 1);
	*call = chunks_call(chunks, "PATCH");
	call->content_type = "application/octet-stream";
	call->content_range = range;
	call->content = &rest.content;
	call->content_size = rest.size;
	rc = call_try(upload->registry, upload->worker, call, &upload->response,
		      err);
	limit_note(limit, round, limit_sign_of(rc, &upload->response));
	call->content_range = NULL;
	call->content = NULL;
	return rc;
}

static int
take_chunk(struct chunks *chunks, struct ferry_error *err)
{
	struct upload *upload = chunks->upload;
	uint64_t end = chunks->at + chunks->piece.size;
	AUTO_FREE char *url = NULL;
	int rc = text_copy(&url, upload->session, err);

	if (!rc)
		rc = upload_take_session(upload, url, err);
	if (rc)
		return rc;
	retry_moved(&chunks->retry, end - chunks->accepted, true);
	chunks->accepted = end;
	chunks_remember(chunks);
	return 0;
}

/* Whether the upload may be begun again; else `err` says why not. */
static int
may_restart(struct chunks *chunks, struct ferry_error *err)
{
	struct upload *upload = chunks->upload;

	if (upload->content->once && chunks->at)
		return error_set(err, FERRY_E_FAILED,
				 "%s has lost the upload, and what comes from "
				 "a pipe comes once: try again, or with "
				 "--spool DIR",
				 upload->registry->host);
	if (chunks->restarts++ < upload->registry->options.retries)
		return 0;
	return error_set(err, FERRY_E_FAILED, "%s has lost the upload %u times",
			 chunks->what, chunks->restarts);
}

/* A new session, for a piece that is the blob's first; else all is lost. */
static int
begin_again(struct chunks *chunks, struct ferry_error *err)
{
	int rc;

	chunks_forget(chunks);
	rc = may_restart(chunks, err);
	if (rc)
		return rc;
	context_notice(chunks->upload->registry->context,
		       "%s: the upload of %s is lost; beginning it again",
		       chunks->what, chunks->name.digest->text);
	if (chunks->at == 0)
		return open_session(chunks, err);
	chunks->lost = true;
	return error_set(err, FERRY_E_FAILED, "the upload is lost");
}

/* After an attempt whose fate is not known: as much as the session has. */
static int
find_out(struct chunks *chunks, struct ferry_error *err)
{
	uint64_t end = chunks->at + chunks->piece.size;
	bool found = false;
	int rc = chunks_ask(chunks, chunks->accepted, end, &found, err);

	if (rc || found)
		return rc;
	return begin_again(chunks, err);
}

/* What an answer that is no success leads to. */
static int
mend(struct chunks *chunks, struct call *call, int rc, struct ferry_error *err)
{
	struct upload *upload = chunks->upload;
	bool again = false;

	if (!rc && call->renewed && !upload->renewed) {
		upload->renewed = true;
		return find_out(chunks, err);
	}
	if (!rc && upload->response.status == 404)
		return begin_again(chunks, err);
	if (!rc && upload->response.status == 416 &&
	    chunks->restarts < upload->registry->options.retries) {
		chunks->restarts++;
		return find_out(chunks, err);
	}
	rc = retry_next(&chunks->retry, rc, &upload->response, &again, err);
	if (!rc && again)
		return find_out(chunks, err);
	return rc ? rc
		  : call_refused(upload->registry, call, &upload->response,
				 err);
}

static int
send_piece(struct chunks *chunks, struct ferry_error *err)
{
	uint64_t end = chunks->at + chunks->piece.size;

	while (chunks->accepted < end) {
		struct call call;
		int rc = patch(chunks, &call, err);

		if (!rc && is_good(chunks->upload))
			rc = take_chunk(chunks, err);
		else
			rc = mend(chunks, &call, rc, err);
		if (rc)
			return rc;
	}
	chunks->at = end;
	chunks->piece.size = 0;
	return 0;
}

static int
write_chunks(struct sink *sink, const void *data, size_t size,
	     struct ferry_error *err)
{
	struct chunks *chunks = (struct chunks *)sink;
	const uint8_t *bytes = data;
	size_t there = size < chunks->skip ? size : (size_t)chunks->skip;
	int rc = 0;

	chunks->skip -= there;
	for (bytes += there, size -= there; size && !rc;) {
		uint64_t room = chunks->size - chunks->piece.size;
		size_t n = size < room ? size : (size_t)room;

		rc = buffer_append(&chunks->piece, bytes, n, err);
		if (!rc && n == room)
			rc = send_piece(chunks, err);
		bytes += n;
		size -= n;
	}
	return rc;
}

/* PUT: nothing but the digest, which can be said as often as it takes. */
static int
close_session(struct chunks *chunks, struct ferry_error *err)
{
	struct upload *upload = chunks->upload;
	AUTO_FREE char *url = NULL;
	struct call call = chunks_call(chunks, "PUT");
	bool again = true;
	int rc = upload_closing_url(&url, upload, err);

	call.url = url;
	call.body = "";
	call.content_type = "application/octet-stream";
	upload->sent = true;
	while (!rc && again) {
		rc = call_try(upload->registry, upload->worker, &call,
			      &upload->response, err);
		if (!rc && is_good(upload))
			return upload_check_stored(upload, err);
		rc = retry_next(&chunks->retry, rc, &upload->response, &again,
				err);
		if (!rc && (again || upload->response.status == 404) &&
		    upload_arrived_unseen(upload))
			return 0;
	}
	if (rc || upload->response.status != 404)
		return rc ? rc
			  : call_refused(upload->registry, &call,
					 &upload->response, err);
	return begin_again(chunks, err);
}

/* All of the blob, from what the session has on. */
static int
push_all(struct chunks *chunks, struct ferry_error *err)
{
	struct registry_content *content = chunks->upload->content;
	int rc = 0;

	chunks->lost = false;
	if (!chunks->upload->session)
		rc = open_session(chunks, err);
	chunks->at = chunks->skip = chunks->accepted;
	chunks->piece.size = 0;
	if (!rc)
		rc = content->push(content, &chunks->sink, err);
	if (!rc)
		rc = send_piece(chunks, err);
	return rc ? rc : close_session(chunks, err);
}

/* Whether it is worth something to whoever tries it once more. */
static bool
may_go_on(const struct chunks *chunks, int rc)
{
	const struct http_response *response = &chunks->upload->response;

	return chunks->record.folder >= 0 &&
	       (rc == FERRY_E_INTERRUPTED || response->broken ||
		response->unreachable || retry_status(response->status));
}

/*
 * There is room for all chunks or for none: who waited for it between two would
 * hold up the others who read from the same source, and have room.
 */
static int
push_in_turn(struct chunks *chunks, struct ferry_error *err)
{
	struct registry *registry = chunks->upload->registry;
	unsigned round;
	int rc = limit_enter(&registry->limit, registry->context, &round, err);

	if (rc)
		return rc;
	do {
		rc = push_all(chunks, err);
	} while (rc && chunks->lost);
	limit_leave(&registry->limit, round,
		    limit_sign_of(rc, &chunks->upload->response));
	return rc;
}

static int
run(struct chunks *chunks, struct ferry_error *err)
{
	struct call call = chunks_call(chunks, "PATCH");
	int rc;

	call_begin(&chunks->retry, chunks->upload->registry, &call,
		   chunks->what);
	chunks_open_record(chunks);
	rc = chunks_resume(chunks, err);
	if (rc)
		return rc;
	rc = push_in_turn(chunks, err);
	if (!rc)
		free(STEAL(&chunks->upload->session));
	if (!rc || !may_go_on(chunks, rc))
		chunks_forget(chunks);
	return rc;
}

int
upload_in_chunks(struct upload *upload, size_t size, struct ferry_error *err)
{
	struct chunks chunks = {
		.sink = { .write = write_chunks },
		.upload = upload,
		.name = { .registry = upload->registry->host,
			  .repository = upload->repository,
			  .digest = &upload->descriptor->digest,
			  .size = upload->descriptor->size },
		.record = UPLOAD_RECORD,
		.piece = BUFFER(FERRY_CHUNK_MOST),
		.size = size,
	};
	int rc = run(&chunks, err);

	upload_record_close(&chunks.record);
	buffer_release(&chunks.piece);
	return rc;
}
