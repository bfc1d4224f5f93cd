#include "net/exchange.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "ferry/ferry.h"
#include "net/url.h"

/* Fewer, larger reads and writes: 2 MiB is the most libcurl takes. */
#define RECEIVE_SIZE (512L * 1024)
#define SEND_SIZE (2L * 1024 * 1024)

static size_t
take_header(char *data, size_t size, size_t count, void *cookie)
{
	struct exchange *exchange = cookie;
	int rc = answer_header(&exchange->answer, data, size * count,
			       exchange->err);

	if (!rc)
		return size * count;
	exchange->refused = error_wrap(exchange->err, "%s", exchange->peer);
	return 0;
}

static int
take_checked(struct exchange *exchange, const void *data, size_t size)
{
	struct answer *answer = &exchange->answer;
	uint64_t began = clock_milliseconds();
	int rc = context_check(exchange->http->settings.context, exchange->err);

	if (rc)
		return rc;
	rc = answer_body(answer, data, size, exchange->err);
	/* The time a sink takes is not the server's. */
	exchange->paced_at += clock_milliseconds() - began;
	/* A sink's error speaks for itself; ours lacks the place. */
	if (rc && !(answer->sink && answer->response->status / 100 == 2))
		error_wrap(exchange->err, "%s", exchange->peer);
	return rc;
}

static size_t
take_body(char *data, size_t size, size_t count, void *cookie)
{
	struct exchange *exchange = cookie;

	if (exchange->full) {
		exchange->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	exchange->refused = take_checked(exchange, data, size * count);
	return exchange->refused ? 0 : size * count;
}

static int
set_peer(struct exchange *exchange, const char *url, struct ferry_error *err)
{
	const char *socket = exchange->http->settings.unix_socket;
	char peer[URL_PEER_TEXT];
	int rc = url_peer(peer, url, err);

	if (rc)
		return rc;
	exchange->tls = strncasecmp(url, "https:", 6) == 0;
	snprintf(exchange->peer, sizeof(exchange->peer), "%s",
		 socket ? socket : peer);
	return 0;
}

static int
add_header(struct exchange *exchange, const char *line, struct ferry_error *err)
{
	struct curl_slist *longer;

	/* A line break would let a value become a header of its own. */
	for (const char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			return error_set(err, FERRY_E_FAILED,
					 "header %.*s: a control character in "
					 "what is to be sent",
					 (int)strcspn(line, ":\r\n"), line);
	longer = curl_slist_append(exchange->headers, line);
	if (!longer)
		return error_nomem(err);
	exchange->headers = longer;
	return 0;
}

/*
 * A bare "Name:" keeps libcurl from sending its own.  Content is never
 * encoded on the way: digests are of what a registry stores.
 */
static int
set_headers(struct exchange *exchange, const struct http_request *request,
	    struct ferry_error *err)
{
	int rc = add_header(exchange, "Accept-Encoding: identity", err);

	rc = rc ? rc : add_header(exchange, "Expect:", err);
	rc = rc ? rc : add_header(exchange, "Content-Type:", err);
	for (size_t i = 0; !rc && i < request->header_count; i++)
		rc = add_header(exchange, request->headers[i], err);
	if (rc)
		return rc;
	if (curl_easy_setopt(exchange->http->easy, CURLOPT_HTTPHEADER,
			     exchange->headers))
		return error_nomem(err);
	return 0;
}

/* Without either, where libcurl was told to look when it was built. */
static int
set_trust(CURL *easy, const struct http_settings *settings)
{
	const char *file = settings->ca ? settings->ca : settings->system_ca;
	const char *folder = settings->system_ca_folder;
	int failed = 0;

	if (file) {
		failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, file);
		failed |= curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, file);
	}
	/* libcurl would trust the system's folder besides. */
	if (settings->ca)
		folder = NULL;
	if (settings->ca || folder) {
		failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, folder);
		failed |= curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, folder);
	}
	return failed;
}

static int
set_transport(CURL *easy, const struct http_settings *settings)
{
	int failed = 0;

	if (settings->unix_socket)
		failed |= curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
					   settings->unix_socket);
	failed |= set_trust(easy, settings);
	if (settings->cert)
		failed |=
			curl_easy_setopt(easy, CURLOPT_SSLCERT, settings->cert);
	if (settings->key)
		failed |= curl_easy_setopt(easy, CURLOPT_SSLKEY, settings->key);
	if (settings->unverified) {
		failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	failed |= curl_easy_setopt(easy, CURLOPT_SSLVERSION,
				   (long)CURL_SSLVERSION_TLSv1_2);
	failed |= curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* An interrupted look-up of a name is left to end by itself. */
	failed |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	return failed;
}

/*
 * Failing here costs speed only: libcurl 7.88 refuses a size while it still
 * holds the buffer of a request that found no host.
 */
static void
set_sizes(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_SIZE);
}

/*
 * HTTP/2 only where TLS offers it (ALPN), never by an upgrade in the clear.  A
 * connection carries one request at a time all the same: several transfers
 * in one connection would share the fate of one lost packet.
 */
static int
set_protocol(CURL *easy, const struct http_settings *settings)
{
	long version = settings->http2 ? CURL_HTTP_VERSION_2TLS
				       : CURL_HTTP_VERSION_1_1;
	int failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
	failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	failed |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	failed |= curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	failed |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_USERAGENT,
				   "ferry/" FERRY_VERSION);
	return failed;
}

static int
set_callbacks(CURL *easy, struct exchange *exchange)
{
	int failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->reason);
	failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	failed |= curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	return failed;
}

/*
 * libcurl reads the proxy of the environment, and who needs none.  Through
 * its CONNECT go bytes that it cannot read; it gets no header of ours.
 */
static int
set_url(CURL *easy, const char *url, bool direct)
{
	int failed = curl_easy_setopt(easy, CURLOPT_URL, url);

	failed |= curl_easy_setopt(easy, CURLOPT_HEADEROPT,
				   (long)CURLHEADER_SEPARATE);
	failed |= curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION,
				   (long)CURL_SSLVERSION_TLSv1_2);
	if (direct)
		failed |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
	return failed;
}

/*
 * Loopback is here, wherever a proxy is.  Without TLS a proxy would read our
 * credentials, and could put other images under a tag.
 */
static bool
is_direct(const struct http *http, const char *url)
{
	struct ferry_error ignored;
	struct url_origin origin;

	if (http->settings.unix_socket || url_origin(&origin, url, &ignored))
		return true;
	return strcmp(origin.scheme, "https") != 0 ||
	       url_host_is_loopback(origin.host);
}

static int
set_limits(struct exchange *exchange, const struct http_request *request)
{
	const struct http_settings *settings = &exchange->http->settings;
	unsigned stall = request->stall_seconds;

	if (!stall)
		stall = settings->stall_seconds;
	if (!stall)
		stall = HTTP_STALL_SECONDS;
	exchange->stall_milliseconds = stall * UINT64_C(1000);
	exchange->connect_seconds = settings->connect_seconds
					    ? settings->connect_seconds
					    : HTTP_CONNECT_SECONDS;
	return curl_easy_setopt(exchange->http->easy, CURLOPT_CONNECTTIMEOUT,
				(long)exchange->connect_seconds);
}

int
exchange_begin(struct exchange *exchange, struct http *http,
	       const struct http_request *request,
	       struct http_response *response, struct ferry_error *err)
{
	int failed = 0;
	int rc;

	assert(!http->busy);
	*exchange = (struct exchange){
		.http = http,
		.fd = -1,
	};
	http->busy = true;
	answer_init(&exchange->answer, request, response);
	curl_easy_reset(http->easy);
	rc = set_peer(exchange, request->url, err);
	rc = rc ? rc : set_headers(exchange, request, err);
	if (rc)
		return rc;
	set_sizes(http->easy);
	failed |= set_transport(http->easy, &http->settings);
	failed |= set_limits(exchange, request);
	failed |= set_protocol(http->easy, &http->settings);
	failed |= set_callbacks(http->easy, exchange);
	failed |= set_url(http->easy, request->url,
			  is_direct(http, request->url));
	return failed ? error_nomem(err) : 0;
}

int
exchange_start(struct exchange *exchange, struct ferry_error *err)
{
	struct http *http = exchange->http;
	CURLMcode code = curl_multi_add_handle(http->multi, http->easy);

	exchange->left_at = exchange->paced_at = clock_milliseconds();
	if (code == CURLM_OK)
		return 0;
	return error_set(err, FERRY_E_FAILED, "libcurl: %s",
			 curl_multi_strerror(code));
}

void
exchange_end(struct exchange *exchange)
{
	struct http *http = exchange->http;

	curl_multi_remove_handle(http->multi, http->easy);
	/* What it points to is about to go. */
	curl_easy_reset(http->easy);
	curl_slist_free_all(exchange->headers);
	exchange->headers = NULL;
	http->busy = false;
}
