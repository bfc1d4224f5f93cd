#include "net/exchange.h"

#include <poll.h>
#include <string.h>
#include <sys/select.h>

/* An interruption is seen after so long at most. */
#define WAKE_MILLISECONDS 100
/* A connection that moves fewer bytes in a second has stalled. */
#define CRAWL 1024

/* All bytes that have moved, either way. */
static uint64_t
moved(const struct exchange *exchange)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(exchange->http->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return (uint64_t)sent + exchange->answer.body_bytes +
	       exchange->answer.header_bytes;
}

/*
 * libcurl's own low-speed limit would count the time that nobody pushes a
 * body, or that a sink takes, against the server.
 */
static bool
has_stalled(struct exchange *exchange)
{
	uint64_t bytes = moved(exchange);
	uint64_t now = clock_milliseconds();
	uint64_t need = exchange->stall_milliseconds * CRAWL / 1000;

	/* Interim headers are dropped: the sum may fall. */
	if (bytes < exchange->paced_bytes ||
	    bytes - exchange->paced_bytes >= need) {
		exchange->paced_bytes = bytes;
		exchange->paced_at = now;
	}
	return now > exchange->paced_at &&
	       now - exchange->paced_at >= exchange->stall_milliseconds;
}

static void
collect(struct exchange *exchange)
{
	int left;
	CURLMsg *message = curl_multi_info_read(exchange->http->multi, &left);

	if (!message || message->msg != CURLMSG_DONE)
		return;
	exchange->over = true;
	exchange->code = message->data.result;
}

static int
conclude(struct exchange *exchange, struct ferry_error *err)
{
	if (exchange->refused)
		return exchange->answer.enough ? 0 : exchange->refused;
	/* libcurl 7.88 takes an end amidst the headers for their end. */
	if (exchange->code == CURLE_OK && exchange->answer.headed)
		return 0;
	return exchange_failure(exchange, err);
}

/* libcurl tells it in this way only; past FD_SETSIZE it stays unknown. */
static void
find_socket(struct exchange *exchange)
{
	fd_set in, out, odd;
	int last = -1;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&odd);
	if (curl_multi_fdset(exchange->http->multi, &in, &out, &odd, &last))
		last = -1;
	exchange->fd = last >= 0 && FD_ISSET(last, &in) ? last : -1;
}

bool
exchange_yields(struct exchange *exchange)
{
	struct pollfd wait = { .fd = exchange->fd, .events = POLLIN };

	exchange->yielded = !exchange->yielded && exchange->fd >= 0 &&
			    poll(&wait, 1, 0) > 0;
	return exchange->yielded;
}

static int
step(struct exchange *exchange, struct ferry_error *err)
{
	int running;
	int rc = context_check(exchange->http->settings.context, err);
	CURLMcode code;

	if (rc)
		return rc;
	if (exchange->paused) {
		exchange->paused = false;
		curl_easy_pause(exchange->http->easy, CURLPAUSE_CONT);
	}
	code = curl_multi_perform(exchange->http->multi, &running);
	if (code != CURLM_OK)
		return error_set(err, FERRY_E_FAILED, "libcurl: %s",
				 curl_multi_strerror(code));
	collect(exchange);
	return 0;
}

static int
rest(struct exchange *exchange, struct ferry_error *err)
{
	if (has_stalled(exchange))
		return exchange_stalled(exchange, err);
	curl_multi_poll(exchange->http->multi, NULL, 0, WAKE_MILLISECONDS,
			NULL);
	return 0;
}

int
exchange_run(struct exchange *exchange, const size_t *pending,
	     struct ferry_error *err)
{
	int rc = 0;

	exchange->err = err;
	exchange->paced_at += clock_milliseconds() - exchange->left_at;
	while (!rc) {
		if (pending)
			find_socket(exchange);
		rc = step(exchange, err);
		if (!rc && exchange->over)
			return conclude(exchange, err);
		if (!rc && pending && !*pending)
			break;
		rc = rc ? rc : rest(exchange, err);
	}
	exchange->left_at = clock_milliseconds();
	return rc;
}
