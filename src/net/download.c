#include "net/exchange.h"

/* libcurl hands over 16 KiB at most (CURL_MAX_WRITE_SIZE). */
#define PIECE_MAX (HTTP_PIECE + ((size_t)64 << 10))

struct http_download {
	struct sink sink;
	struct exchange exchange;
	struct http_response response;
	struct buffer piece;
	size_t waiting; /* 1: nobody has got a piece yet; what run() looks at */
	bool ready;	/* the piece has not been asked for */
};

static int
take_piece(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct http_download *download = (struct http_download *)sink;
	int rc = buffer_append(&download->piece, data, size, err);

	if (rc)
		return rc;
	download->waiting = 0;
	download->exchange.full = download->piece.size >= HTTP_PIECE;
	return 0;
}

/* Drives it until there is a piece, or the end. */
static int
fill(struct http_download *download, struct ferry_error *err)
{
	download->piece.size = 0;
	download->exchange.full = false;
	download->waiting = 1;
	if (download->exchange.over)
		return 0;
	return exchange_run(&download->exchange, &download->waiting, err);
}

static int
set_method(struct http_download *download, const struct http_request *request,
	   struct ferry_error *err)
{
	CURL *easy = download->exchange.http->easy;
	int failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	failed |=
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	return failed ? error_nomem(err) : 0;
}

static int
begin(struct http_download *download, struct http *http,
      const struct http_request *request, struct ferry_error *err)
{
	struct http_request own = *request;
	int rc;

	own.sink = &download->sink;
	rc = exchange_begin(&download->exchange, http, &own,
			    &download->response, err);
	rc = rc ? rc : set_method(download, request, err);
	rc = rc ? rc : exchange_start(&download->exchange, err);
	return rc ? rc : fill(download, err);
}

static void
cleanup_download(struct http_download **download)
{
	http_download_free(*download);
}

int
http_download_begin(struct http *http, const struct http_request *request,
		    struct http_response *response, struct http_download **out,
		    struct ferry_error *err)
{
	AUTO(cleanup_download)
	struct http_download *download = calloc(1, sizeof(*download));
	int rc;

	if (!download)
		return error_nomem(err);
	download->sink.write = take_piece;
	download->piece.limit = PIECE_MAX;
	rc = begin(download, http, request, err);
	if (!rc && download->response.status / 100 == 2) {
		download->ready = true;
		*out = STEAL(&download);
		return 0;
	}
	http_response_release(response);
	*response = download->response;
	download->response = (struct http_response)HTTP_RESPONSE;
	if (!rc)
		*out = NULL;
	return rc;
}

int
http_download_next(struct http_download *download, const void **piece,
		   size_t *size, struct ferry_error *err)
{
	int rc = download->ready ? 0 : fill(download, err);

	if (rc)
		return rc;
	download->ready = false;
	*piece = download->piece.data;
	*size = download->piece.size;
	return 0;
}

void
http_download_free(struct http_download *download)
{
	if (!download)
		return;
	if (download->exchange.http)
		exchange_end(&download->exchange);
	http_response_release(&download->response);
	buffer_release(&download->piece);
	free(download);
}
