#include "net/exchange.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/text.h"

static const struct http_advice *
advice_of(const struct exchange *exchange)
{
	static const struct http_advice options = {
		.authority = "name the authority that issued it with --ca FILE",
		.certificate = "--cert and --key",
		.only_tls = "leave out --plain-http",
	};
	const struct http_advice *own = exchange->http->settings.advice;

	return own ? own : &options;
}

static bool
mentions(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static int
unreachable(struct exchange *exchange)
{
	exchange->answer.response->unreachable = true;
	return FERRY_E_FAILED;
}

static int
socket_failure(const struct exchange *exchange, struct ferry_error *err)
{
	const char *path = exchange->peer;
	struct stat status;

	if (stat(path, &status) && errno != EACCES)
		return error_set(err, FERRY_E_FAILED,
				 "%s: no such socket; is the daemon running?",
				 path);
	if (access(path, W_OK) && errno == EACCES)
		return error_set(err, FERRY_E_FAILED,
				 "%s: permission denied; run as root, or as a "
				 "member of the socket's group",
				 path);
	return error_set(err, FERRY_E_FAILED,
			 "%s: nobody answers there; is the daemon running?",
			 path);
}

#define PROXY_IS_SET_BY "it is set by https_proxy or all_proxy"

/* Its address: libcurl does not tell its name. */
static int
name_proxy(const struct exchange *exchange, struct ferry_error *err)
{
	CURL *easy = exchange->http->easy;
	char *address = NULL;
	long port = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
	curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
	if (!address || !*address)
		return err->code;
	return error_add(err,
			 strchr(address, ':') ? " by [%s]:%ld" : " by %s:%ld",
			 address, port);
}

static int
proxy_failure(struct exchange *exchange, long status, struct ferry_error *err)
{
	unreachable(exchange);
	if (!status)
		return error_set(
			err, FERRY_E_FAILED,
			"%s: the proxy cannot be reached; " PROXY_IS_SET_BY,
			exchange->peer);
	error_set(err, FERRY_E_FAILED,
		  "%s: the proxy refused to connect: HTTP %ld", exchange->peer,
		  status);
	name_proxy(exchange, err);
	/* To wrong ones tinyproxy says what a server would. */
	if (status == 407 || status == 401)
		error_add(err, "; it wants credentials, or other ones: "
			       "https_proxy=http://USER:PASSWORD@HOST:PORT");
	return err->code;
}

/* Hung up on CONNECT, or answered something else than HTTP to it. */
static bool
is_proxy_broken(const struct exchange *exchange)
{
	static const char *const words[] = {
		"Proxy CONNECT aborted",
		"CONNECT tunnel failed, response 0",
	};

	return mentions(exchange->reason, words, ARRAY_SIZE(words));
}

static int
proxy_broken(struct exchange *exchange, struct ferry_error *err)
{
	exchange->answer.response->broken = true;
	return error_set(err, FERRY_E_FAILED,
			 "%s: the proxy hung up, or is none; " PROXY_IS_SET_BY,
			 exchange->peer);
}

/* libcurl names whom it could not connect to. */
static bool
is_proxy_missing(const struct exchange *exchange)
{
	static const char front[] = "Failed to connect to ";
	const char *name = exchange->reason + strlen(front);

	return text_starts(exchange->reason, front) &&
	       exchange->peer[0] != '[' &&
	       strncasecmp(exchange->peer, name, strcspn(name, " ")) != 0;
}

static int
connect_failure(struct exchange *exchange, struct ferry_error *err)
{
	char text[128];
	long number = 0;

	unreachable(exchange);
	if (exchange->http->settings.unix_socket)
		return socket_failure(exchange, err);
	if (is_proxy_missing(exchange))
		return proxy_failure(exchange, 0, err);
	curl_easy_getinfo(exchange->http->easy, CURLINFO_OS_ERRNO, &number);
	return error_set(err, FERRY_E_FAILED, "%s: no connection: %s",
			 exchange->peer,
			 number ? strerror_r((int)number, text, sizeof(text))
				: "nobody answers there");
}

static int
name_failure(struct exchange *exchange, struct ferry_error *err)
{
	unreachable(exchange);
	return error_set(err, FERRY_E_FAILED,
			 "%s: this name has no address; check its spelling, "
			 "and that there is a name server",
			 exchange->peer);
}

/* Nothing but connecting has a time limit inside libcurl. */
static int
timeout_failure(struct exchange *exchange, struct ferry_error *err)
{
	unreachable(exchange);
	return error_set(err, FERRY_E_FAILED,
			 "%s: no connection in %u s; is it the right host, "
			 "and is a proxy needed?",
			 exchange->peer, exchange->connect_seconds);
}

/* Values of OpenSSL's X509_V_ERR_, part of its ABI. */
enum {
	VERIFY_NOT_YET_VALID = 9,
	VERIFY_EXPIRED = 10,
};

/* The file whose authorities count; "" if libcurl knows none. */
static const char *
authorities(const struct exchange *exchange)
{
	const struct http_settings *settings = &exchange->http->settings;
	char *usual = NULL;

	if (settings->ca)
		return settings->ca;
	if (settings->system_ca)
		return settings->system_ca;
	curl_easy_getinfo(exchange->http->easy, CURLINFO_CAINFO, &usual);
	return usual ? usual : "";
}

static int
trust_failure(const struct exchange *exchange, struct ferry_error *err)
{
	static const char problem[] = "SSL certificate problem: ";
	const char *reason = exchange->reason;
	const char *file = authorities(exchange);
	long of_proxy = 0;
	long verified = 0;

	if (!text_starts(reason, problem))
		return error_set(err, FERRY_E_FAILED,
				 "%s: its TLS certificate is for another name",
				 exchange->peer);
	reason += strlen(problem);
	curl_easy_getinfo(exchange->http->easy, CURLINFO_SSL_VERIFYRESULT,
			  &verified);
	curl_easy_getinfo(exchange->http->easy, CURLINFO_PROXY_SSL_VERIFYRESULT,
			  &of_proxy);
	error_set(err, FERRY_E_FAILED,
		  "%s: %s TLS certificate is not trusted: %s", exchange->peer,
		  of_proxy ? "the proxy's" : "its", reason);
	if (*file)
		error_add(err, " (by %s)", file);
	else if (!exchange->http->settings.system_ca_folder)
		error_add(err, " (no file of authorities was found here)");
	if (of_proxy)
		verified = of_proxy;
	if (verified == VERIFY_EXPIRED || verified == VERIFY_NOT_YET_VALID)
		return error_add(err, "; is this machine's clock right?");
	return error_add(err, "; if it should be, %s",
			 advice_of(exchange)->authority);
}

/* What OpenSSL says to "HTTP/1.1 400", read as a TLS record. */
static bool
is_plain_server(const struct exchange *exchange)
{
	static const char *const words[] = {
		"wrong version number",
		"packet length too long",
		"http request",
	};

	return mentions(exchange->reason, words, ARRAY_SIZE(words));
}

static bool
wants_certificate(const struct exchange *exchange)
{
	static const char *const words[] = {
		"certificate required",
		"alert bad certificate",
	};

	return mentions(exchange->reason, words, ARRAY_SIZE(words));
}

static int
certificate_wanted(const struct exchange *exchange, struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED,
			 "%s: it wants another client certificate, or any: see "
			 "%s",
			 exchange->peer, advice_of(exchange)->certificate);
}

/* The system's word for it; CURLINFO_OS_ERRNO may be of an older failure. */
static const char *
socket_reason(const struct exchange *exchange)
{
	static const char *const fronts[] = { "Recv failure: ",
					      "Send failure: " };

	/* "HTTP/2 stream 1 was not closed cleanly: REFUSED_STREAM (err 7)" */
	if (text_starts(exchange->reason, "HTTP/2 stream"))
		return exchange->reason;
	for (size_t i = 0; i < ARRAY_SIZE(fronts); i++)
		if (text_starts(exchange->reason, fronts[i]))
			return exchange->reason + strlen(fronts[i]);
	return NULL;
}

static int
broken(struct exchange *exchange, struct ferry_error *err)
{
	const struct answer *answer = &exchange->answer;
	const char *reason = socket_reason(exchange);
	curl_off_t sent = 0;
	char bytes[TEXT_SIZE_MAX];

	exchange->answer.response->broken = true;
	curl_easy_getinfo(exchange->http->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	error_set(err, FERRY_E_FAILED, "%s: the connection broke",
		  exchange->peer);
	if (answer->headed)
		error_add(err, " after %s of the answer",
			  text_size(bytes, sizeof(bytes), answer->body_bytes));
	else if (sent > 0)
		error_add(err, " after %s had gone out",
			  text_size(bytes, sizeof(bytes), (uint64_t)sent));
	else
		error_add(err, " without an answer");
	return reason ? error_add(err, ": %s", reason) : err->code;
}

/* OpenSSL's words without its version, code and library. */
static const char *
tls_reason(const struct exchange *exchange)
{
	const char *reason = exchange->reason;

	for (const char *at = reason; (at = strstr(at, "::"));)
		reason = at += 2;
	return reason;
}

static int
no_tls(const struct exchange *exchange, struct ferry_error *err)
{
	const char *own = advice_of(exchange)->no_tls;

	error_set(err, FERRY_E_FAILED,
		  "%s: it speaks no TLS; if it is a plain HTTP server, ",
		  exchange->peer);
	return own ? error_add(err, "%s", own)
		   : error_add(err, "say --plain-http %s", exchange->peer);
}

static int
handshake_failure(struct exchange *exchange, struct ferry_error *err)
{
	static const char *const cut[] = { "SSL_ERROR_SYSCALL",
					   "Connection reset",
					   "unexpected eof" };
	static const char *const old[] = { "unsupported protocol",
					   "protocol version",
					   "unsupported version" };

	if (is_plain_server(exchange))
		return no_tls(exchange, err);
	if (wants_certificate(exchange))
		return certificate_wanted(exchange, err);
	if (mentions(exchange->reason, cut, ARRAY_SIZE(cut)))
		exchange->answer.response->broken = true;
	error_set(err, FERRY_E_FAILED, "%s: no TLS connection: %s",
		  exchange->peer, tls_reason(exchange));
	if (mentions(exchange->reason, old, ARRAY_SIZE(old)))
		return error_add(err, "; it speaks none of version 1.2 or "
				      "newer, and older ones are not safe");
	/* What TLS 1.2 says where a client certificate is missing, too. */
	if (strstr(exchange->reason, "alert handshake failure"))
		error_add(err, "; it may want a client certificate, see %s",
			  advice_of(exchange)->certificate);
	return err->code;
}

/* What was sent behind the end of the answer before. */
static int
leftovers(const struct exchange *exchange, struct ferry_error *err)
{
	exchange->answer.response->broken = true;
	return error_set(err, FERRY_E_FAILED,
			 "%s: an answer went on behind its end",
			 exchange->peer);
}

static int
foreign_answer(const struct exchange *exchange, struct ferry_error *err)
{
	long connected = 0;

	/* It began as one, and then had a length of -1, or a NUL. */
	if (exchange->answer.in_headers)
		return error_set(err, FERRY_E_FAILED,
				 "%s: an answer whose headers are no HTTP: %s",
				 exchange->peer, exchange->reason);
	curl_easy_getinfo(exchange->http->easy, CURLINFO_NUM_CONNECTS,
			  &connected);
	if (!connected)
		return leftovers(exchange, err);
	error_set(err, FERRY_E_FAILED, "%s: what it answers is not HTTP",
		  exchange->peer);
	if (exchange->tls || exchange->http->settings.unix_socket)
		return err->code;
	return error_add(err, "; if it speaks TLS, %s",
			 advice_of(exchange)->only_tls);
}

static int
file_failure(const struct exchange *exchange, struct ferry_error *err)
{
	const struct http_settings *settings = &exchange->http->settings;

	if (exchange->code == CURLE_SSL_CACERT_BADFILE)
		return error_set(err, FERRY_E_FAILED,
				 "%s: cannot be read as CA certificates in PEM",
				 *authorities(exchange)
					 ? authorities(exchange)
					 : "the system's authorities");
	return error_set(err, FERRY_E_FAILED,
			 "client certificate %s, key %s: %s",
			 settings->cert ? settings->cert : "none",
			 settings->key ? settings->key : "in the same file",
			 exchange->reason);
}

static int
other_failure(const struct exchange *exchange, struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED, "%s: %s", exchange->peer,
			 exchange->reason[0]
				 ? exchange->reason
				 : curl_easy_strerror(exchange->code));
}

/* To libcurl 7.88 a header line of more than 100 KB is out of memory. */
static int
memory_failure(const struct exchange *exchange, struct ferry_error *err)
{
	if (exchange->answer.in_headers)
		return error_set(err, FERRY_E_FAILED,
				 "%s: an answer with an endless header line",
				 exchange->peer);
	return error_nomem(err);
}

int
exchange_failure(struct exchange *exchange, struct ferry_error *err)
{
	long proxy = 0;

	curl_easy_getinfo(exchange->http->easy, CURLINFO_HTTP_CONNECTCODE,
			  &proxy);
	if (proxy >= 300)
		return proxy_failure(exchange, proxy, err);
	switch (exchange->code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return name_failure(exchange, err);
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
		return proxy_failure(exchange, 0, err);
	case CURLE_COULDNT_CONNECT:
		return connect_failure(exchange, err);
	case CURLE_OPERATION_TIMEDOUT:
		return timeout_failure(exchange, err);
	case CURLE_PEER_FAILED_VERIFICATION:
		return trust_failure(exchange, err);
	case CURLE_SSL_CONNECT_ERROR:
		return handshake_failure(exchange, err);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return file_failure(exchange, err);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return foreign_answer(exchange, err);
	case CURLE_OUT_OF_MEMORY:
		return memory_failure(exchange, err);
	case CURLE_RECV_ERROR:
		if (is_proxy_broken(exchange))
			return proxy_broken(exchange, err);
		if (wants_certificate(exchange))
			return certificate_wanted(exchange, err);
		return broken(exchange, err);
	case CURLE_OK: /* an end amidst the headers */
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2: /* GOAWAY, or frames that are none */
	case CURLE_HTTP2_STREAM:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND:
		return broken(exchange, err);
	default:
		return other_failure(exchange, err);
	}
}

int
exchange_stalled(struct exchange *exchange, struct ferry_error *err)
{
	const struct answer *answer = &exchange->answer;
	unsigned long long seconds = exchange->stall_milliseconds / 1000;
	char bytes[TEXT_SIZE_MAX];

	answer->response->broken = true;
	if (!answer->headed)
		return error_set(err, FERRY_E_FAILED,
				 "%s: no answer within %llu s", exchange->peer,
				 seconds);
	return error_set(err, FERRY_E_FAILED,
			 "%s: hardly a byte came for %llu s, after %s",
			 exchange->peer, seconds,
			 text_size(bytes, sizeof(bytes), answer->body_bytes));
}
