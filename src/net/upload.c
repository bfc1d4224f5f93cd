#include "net/exchange.h"

#include <stdio.h>
#include <string.h>

struct http_upload {
	struct sink sink;
	struct exchange exchange;
	struct http_response response;
	/* The piece being pushed, and what libcurl has not taken of it. */
	const uint8_t *piece;
	size_t piece_size;
	size_t left;
	uint64_t size; /* or HTTP_CHUNKED */
	uint64_t given;
	/* The last byte is kept back until finish(): without it no server can
	 * take the body for complete. */
	uint8_t last;
	bool has_last;
	bool ended;
	bool answered;
	int failed;
	struct ferry_error failure;
};

static size_t
give_body(char *out, size_t size, size_t count, void *cookie)
{
	struct http_upload *upload = cookie;
	size_t n = size * count;

	if (!upload->left && upload->ended)
		return 0;
	if (n > upload->left)
		n = upload->left;
	memcpy(out, upload->piece + (upload->piece_size - upload->left), n);
	/* Asked after the copying, which gives the answer time to come. */
	if (!n || exchange_yields(&upload->exchange)) {
		upload->exchange.paused = true;
		return CURL_READFUNC_PAUSE;
	}
	upload->left -= n;
	return n;
}

/* libcurl repeats a request when its kept connection turns out to be dead. */
static int
rewind_body(void *cookie, curl_off_t offset, int origin)
{
	struct http_upload *upload = cookie;

	if (offset || origin != SEEK_SET || upload->given != upload->piece_size)
		return CURL_SEEKFUNC_CANTSEEK;
	upload->left = upload->piece_size;
	return CURL_SEEKFUNC_OK;
}

/* The first answer that matters is one that came before all was sent. */
static bool
is_early_answer(const struct http_upload *upload)
{
	const struct exchange *exchange = &upload->exchange;

	if (!exchange->answer.headed || !upload->response.broken)
		return false;
	return upload->response.status >= 300 || !upload->ended ||
	       exchange->code == CURLE_SEND_ERROR;
}

static int
fail(struct http_upload *upload, int rc, struct ferry_error *err)
{
	upload->failed = rc;
	upload->failure = *err;
	return rc;
}

static int
push(struct http_upload *upload, const void *data, size_t size,
     struct ferry_error *err)
{
	struct exchange *exchange = &upload->exchange;
	int rc;

	upload->piece = data;
	upload->piece_size = upload->left = size;
	upload->given += size;
	rc = exchange_run(exchange, upload->ended ? NULL : &upload->left, err);
	/* The piece is its owner's again. */
	upload->piece = NULL;
	upload->piece_size = 0;
	return rc;
}

static int
write_piece(struct http_upload *upload, const void *data, size_t size,
	    struct ferry_error *err)
{
	int rc = push(upload, data, size, err);

	if (!rc && !upload->exchange.over)
		return 0;
	upload->answered = !rc || is_early_answer(upload);
	if (upload->answered)
		rc = error_set(err, FERRY_E_FAILED,
			       "%s: HTTP %d before all was sent",
			       upload->exchange.peer, upload->response.status);
	return fail(upload, rc, err);
}

static int
write_body(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct http_upload *upload = (struct http_upload *)sink;
	const uint8_t *bytes = data;

	if (upload->failed) {
		*err = upload->failure;
		return upload->failed;
	}
	if (!size)
		return 0;
	if (upload->size == HTTP_CHUNKED)
		return write_piece(upload, data, size, err);
	if (upload->has_last || size > upload->size - upload->given)
		return fail(upload,
			    error_set(err, FERRY_E_FAILED,
				      "%s: more to send than the %llu bytes "
				      "announced",
				      upload->exchange.peer,
				      (unsigned long long)upload->size),
			    err);
	if (size == upload->size - upload->given) {
		upload->last = bytes[--size];
		upload->has_last = true;
	}
	return size ? write_piece(upload, data, size, err) : 0;
}

static int
set_body(struct http_upload *upload, const struct http_request *request,
	 struct ferry_error *err)
{
	CURL *easy = upload->exchange.http->easy;
	/* -1 is libcurl's word for chunked, in HTTP/1.1. */
	curl_off_t size =
		upload->size == HTTP_CHUNKED ? -1 : (curl_off_t)upload->size;
	int failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, size);
	failed |=
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	failed |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
	failed |= curl_easy_setopt(easy, CURLOPT_READDATA, upload);
	failed |= curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
	failed |= curl_easy_setopt(easy, CURLOPT_SEEKDATA, upload);
	return failed ? error_nomem(err) : 0;
}

static void
cleanup_upload(struct http_upload **upload)
{
	http_upload_free(*upload);
}

int
http_upload_begin(struct http *http, const struct http_request *request,
		  uint64_t size, struct http_upload **out,
		  struct ferry_error *err)
{
	AUTO(cleanup_upload)
	struct http_upload *upload = calloc(1, sizeof(*upload));
	int rc;

	if (!upload)
		return error_nomem(err);
	upload->sink.write = write_body;
	upload->size = size;
	rc = exchange_begin(&upload->exchange, http, request, &upload->response,
			    err);
	rc = rc ? rc : set_body(upload, request, err);
	rc = rc ? rc : exchange_start(&upload->exchange, err);
	if (rc)
		return rc;
	*out = STEAL(&upload);
	return 0;
}

struct sink *
http_upload_sink(struct http_upload *upload)
{
	return &upload->sink;
}

bool
http_upload_answered(const struct http_upload *upload)
{
	return upload->answered;
}

static int
finish(struct http_upload *upload, struct ferry_error *err)
{
	uint64_t all = upload->given + upload->has_last;
	int rc;

	if (upload->answered)
		return 0;
	if (upload->failed) {
		*err = upload->failure;
		return upload->failed;
	}
	if (upload->size != HTTP_CHUNKED && all != upload->size)
		return error_set(err, FERRY_E_FAILED,
				 "%s: %llu bytes to send of %llu announced",
				 upload->exchange.peer, (unsigned long long)all,
				 (unsigned long long)upload->size);
	upload->ended = true;
	rc = push(upload, &upload->last, upload->has_last, err);
	return rc && is_early_answer(upload) ? 0 : rc;
}

int
http_upload_finish(struct http_upload *upload, struct http_response *response,
		   struct ferry_error *err)
{
	int rc = finish(upload, err);

	http_response_release(response);
	*response = upload->response;
	upload->response = (struct http_response)HTTP_RESPONSE;
	return rc;
}

void
http_upload_free(struct http_upload *upload)
{
	if (!upload)
		return;
	if (upload->exchange.http)
		exchange_end(&upload->exchange);
	http_response_release(&upload->response);
	free(upload);
}
