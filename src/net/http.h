/*
 * HTTP over libcurl: one exchange at a time, no redirects followed, every
 * answer bounded.
 *
 * This layer knows nothing of registries.  It says what the server answered,
 * or that the connection did not hold; whether to try again, where to go
 * next and with which credentials is for the caller to decide.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "base/sink.h"

/*
 * How a user mends what is wrong with TLS: ends of sentences, for messages.
 */
struct http_advice {
	const char *authority;	 /* "if it should be trusted, ..." */
	const char *certificate; /* "see ..." for the client's own */
	const char *no_tls;	 /* "if it is a plain HTTP server, ..." */
	const char *only_tls;	 /* "if it speaks TLS, ..." */
};

/* What all requests of one client have in common; borrowed. */
struct http_settings {
	struct ferry_context *context;
	/* PEM file, instead of the system's authorities; NULL: those. */
	const char *ca;
	const char *cert;
	const char *key;
	bool unverified; /* whoever answers is believed */
	/* NULL: the command's options for registries. */
	const struct http_advice *advice;
	bool http2; /* where it is offered; else HTTP/1.1 */
	/* Without `ca`: another file, another folder; NULL: the system's. */
	const char *system_ca;
	const char *system_ca_folder;
	const char *unix_socket; /* NULL: TCP, through the system's proxy */
	/* How long to wait for name, TCP and TLS together; 0: so long. */
#define HTTP_CONNECT_SECONDS 15
	unsigned connect_seconds;
	/* For requests that do not say; 0: HTTP_STALL_SECONDS. */
	unsigned stall_seconds;
};

/* A client with its kept connections; used by one thread at a time. */
struct http;

int http_new(struct http **out, const struct http_settings *settings,
	     struct ferry_error *err) MUST_CHECK;
void http_free(struct http *http);

#define HTTP_HEADER_LINES 128
#define HTTP_HEADER_BYTES 65536
#define HTTP_BODY_MAX ((size_t)1 << 20)
#define HTTP_STALL_SECONDS 60

struct http_request {
	const char *method;
	const char *url;	    /* http or https, nothing else */
	const char *const *headers; /* "Name: value" */
	size_t header_count;
	const void *body; /* NULL: none */
	size_t body_size;
	/* Where the body of a 2xx answer goes; NULL: into response.body. */
	struct sink *sink;
	size_t body_max; /* of response.body; 0: HTTP_BODY_MAX */
	/*
	 * Give up after so long with less than 1 KiB/s either way, not
	 * counting what a sink or the pusher of an upload take; 0: as the
	 * settings say.
	 */
	unsigned stall_seconds;
};

struct http_response {
	int status;
	struct buffer body; /* of a 2xx answer without a sink, and of errors */
	struct buffer headers; /* "name: value" NUL-terminated, in order */
	/* After a failure, where the rest is what had come by then: */
	bool unreachable; /* nobody was there to connect to */
	bool broken;	  /* it broke or stalled: worth another try */
};

#define HTTP_RESPONSE                                                          \
	{                                                                      \
		0                                                              \
	}
#define AUTO_RESPONSE AUTO(http_response_release) struct http_response

void http_response_release(struct http_response *response);

/*
 * The value of the `nth` header line called `name` (any case), without white
 * space around it, or NULL.
 */
const char *http_response_header(const struct http_response *response,
				 const char *name, size_t nth);

/* A date in a header (RFC 9110, 5.6.7), in seconds since 1970. */
bool http_parse_date(const char *text, int64_t *out);

/*
 * One request, one answer.  0 means an answer came in whole, whatever its
 * status; of the body of an error the first 64 KiB are kept.  The sink's own
 * error is passed on as it is.  What `response` held before is released.
 */
int http_perform(struct http *http, const struct http_request *request,
		 struct http_response *response, struct ferry_error *err)
	MUST_CHECK;

/*
 * A request whose body is pushed piece by piece; `http` carries nothing else
 * meanwhile.  After begin(), which copies the request but for its sink and
 * does not connect yet: write to the upload's sink, then finish(); or just
 * free() it, which breaks the connection so that the server cannot take it
 * for complete, even if all was written.
 *
 * A server may answer before it has seen all: then the sink's write fails
 * and http_upload_answered() holds: finish() returns that answer.  Such an
 * answer may be cut, if response.broken says so, and is no success even if
 * its status is.  After any other failed write finish() fails likewise, and
 * fills in response.unreachable and .broken.
 */
struct http_upload;

#define HTTP_CHUNKED UINT64_MAX /* the size is not known beforehand */

int http_upload_begin(struct http *http, const struct http_request *request,
		      uint64_t size, struct http_upload **out,
		      struct ferry_error *err) MUST_CHECK;
struct sink *http_upload_sink(struct http_upload *upload);
bool http_upload_answered(const struct http_upload *upload);
int http_upload_finish(struct http_upload *upload,
		       struct http_response *response, struct ferry_error *err)
	MUST_CHECK;
void http_upload_free(struct http_upload *upload);

/*
 * A request whose answer is pulled piece by piece, for who cannot have it
 * pushed into a sink; `http` carries nothing else meanwhile.  What is not
 * pulled stays with the server.
 */
struct http_download;

#define HTTP_PIECE ((size_t)256 << 10) /* about */

/*
 * Waits for the beginning of the answer; one that is no success is in
 * `response` as a whole then, and *out NULL.
 */
int http_download_begin(struct http *http, const struct http_request *request,
			struct http_response *response,
			struct http_download **out, struct ferry_error *err)
	MUST_CHECK;

/*
 * The next piece, good up to the next call; *size is 0 at the end.  After an
 * error there is nothing but free().
 */
int http_download_next(struct http_download *download, const void **piece,
		       size_t *size, struct ferry_error *err) MUST_CHECK;

/* Breaks the connection unless all was pulled. */
void http_download_free(struct http_download *download);

#endif
