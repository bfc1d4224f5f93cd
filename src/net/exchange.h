/*
 * One request on its way through libcurl, shared by http.c and upload.c.
 * Internal to net/.
 */
#ifndef NET_EXCHANGE_H
#define NET_EXCHANGE_H

#include <curl/curl.h>

#include "net/answer.h"

/* HOST[:PORT] of a URL, or the path of a socket. */
#define EXCHANGE_PEER_MAX 300

struct http {
	struct http_settings settings;
	CURLM *multi; /* owns the kept connections */
	CURL *easy;
	bool busy; /* an exchange is under way */
};

struct exchange {
	struct http *http;
	struct answer answer;
	char peer[EXCHANGE_PEER_MAX]; /* for messages; never the whole URL */
	bool tls;
	struct curl_slist *headers;
	char reason[CURL_ERROR_SIZE];
	/* Of the call that drives it; where callbacks report. */
	struct ferry_error *err;
	int refused; /* the code of a callback that failed */
	bool paused; /* a callback could not go on; run() wakes it */
	bool full;   /* set by who takes the body: it has no room just now */
	bool yielded;
	int fd; /* the connection's, where known: -1 */
	bool over;
	CURLcode code; /* once it is over */
	unsigned connect_seconds;
	/* At `paced_at` (clock_milliseconds()) so many bytes had moved. */
	uint64_t stall_milliseconds;
	uint64_t paced_at;
	uint64_t paced_bytes;
	uint64_t left_at; /* nobody drives it since */
};

/*
 * Readies `http` for the request, but for method and body.  The exchange
 * must not move in memory until exchange_end(), which is owed also after a
 * failure.
 */
int exchange_begin(struct exchange *exchange, struct http *http,
		   const struct http_request *request,
		   struct http_response *response, struct ferry_error *err)
	MUST_CHECK;

/* Hands the request to libcurl, once method and body are set. */
int exchange_start(struct exchange *exchange, struct ferry_error *err)
	MUST_CHECK;

/*
 * Drives it until it is over (0: with an answer) or *pending is 0 (0 too).
 * Without `pending` until it is over.
 */
int exchange_run(struct exchange *exchange, const size_t *pending,
		 struct ferry_error *err) MUST_CHECK;

/*
 * Whether to receive before more is sent: sending to a peer that has answered
 * and closed would lose its answer.  Never true twice in a row.
 */
bool exchange_yields(struct exchange *exchange);

/* Keeps the connection if the answer came in whole, else closes it. */
void exchange_end(struct exchange *exchange);

/* Says in plain words why libcurl gave up, and marks the response. */
int exchange_failure(struct exchange *exchange, struct ferry_error *err);
int exchange_stalled(struct exchange *exchange, struct ferry_error *err);

#endif
