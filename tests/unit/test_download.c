/*
 * net/download: answers that are pulled whole, are cut, refused or left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_server.h"

static struct http_download *
begin(struct client *client, const struct server *server, int expected)
{
	struct http_request request = { .method = "GET",
					.url = server->url,
					.stall_seconds = 2 };
	struct http_download *download = NULL;
	int rc = http_download_begin(client->http, &request, &client->response,
				     &download, &client->err);

	if (rc != expected)
		fail_msg("%d: %s", rc, rc ? client->err.message : "no error");
	return download;
}

/* Byte n is n % 251: what is lost or doubled shows. */
static void
fill_pattern(char *out, uint64_t from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (char)((from + i) % 251);
}

/* So many bytes of `server->body_size`; then the end. */
static void
serve_pattern(struct server *server, int fd)
{
	static char piece[65536];
	uint64_t sent = 0;
	char head[100];

	if (!read_request(server, fd))
		return;
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s: %llu\r\n\r\n",
		 server->body_whole ? "Content-Length" : "X-Length",
		 (unsigned long long)server->body_size);
	send_text(fd, head);
	while (sent < server->body_size) {
		uint64_t left = server->body_size - sent;
		size_t n = left < sizeof(piece) ? (size_t)left : sizeof(piece);

		fill_pattern(piece, sent, n);
		send_all(fd, piece, n);
		sent += n;
	}
}

/* Pulls until the end or `most` bytes; how many there were. */
static uint64_t
pull(struct client *client, struct http_download *download, uint64_t most,
     int *rc)
{
	static char expected[(size_t)1 << 20];
	const void *piece;
	uint64_t got = 0;
	size_t size;

	while (got < most) {
		*rc = http_download_next(download, &piece, &size, &client->err);
		if (*rc || !size)
			break;
		assert_true(size <= HTTP_PIECE + 65536);
		fill_pattern(expected, got, size);
		assert_memory_equal(piece, expected, size);
		got += size;
	}
	return got;
}

static void
answers_arrive_whole(void **state)
{
	static const uint64_t sizes[] = { 0,	  1,	   HTTP_PIECE - 1,
					  100000, 5000000, 50000000 };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		uint64_t size = sizes[i / 2];
		struct server server = { .serve = serve_pattern,
					 .body_size = size,
					 .body_whole = i % 2 };
		struct client client;
		struct http_download *download;
		int rc = -1;

		server_start(&server);
		client_open(&client, NULL);
		download = begin(&client, &server, 0);
		assert_non_null(download);
		assert_int_equal(pull(&client, download, UINT64_MAX, &rc),
				 size);
		assert_int_equal(rc, 0);
		/* The end stays the end. */
		assert_int_equal(pull(&client, download, UINT64_MAX, &rc), 0);
		assert_int_equal(rc, 0);
		http_download_free(download);
		client_close(&client);
		server_stop(&server);
	}
}

/* Who pulls in no hurry loses nothing, and the server is not blamed. */
static void
what_is_not_pulled_waits(void **state)
{
	struct server server = { .serve = serve_pattern,
				 .body_size = 20000000,
				 .body_whole = true };
	struct client client;
	struct http_download *download;
	uint64_t got;
	int rc = 0;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	download = begin(&client, &server, 0);
	sleep(3); /* more than the stall */
	got = pull(&client, download, UINT64_MAX, &rc);
	assert_int_equal(rc, 0);
	assert_int_equal(got, server.body_size);
	http_download_free(download);
	client_close(&client);
	server_stop(&server);
}

static void
refusals_come_with_their_words(void **state)
{
	struct server server = {
		.serve = serve_answer,
		.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n"
			  "words",
	};
	struct client client;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	assert_null(begin(&client, &server, 0));
	assert_int_equal(client.response.status, 404);
	assert_int_equal(client.response.body.size, 5);
	assert_memory_equal(client.response.body.data, "words", 5);
	/* The client is free for the next. */
	assert_null(begin(&client, &server, 0));
	client_close(&client);
	server_stop(&server);
}

/* Whether that shows at the beginning or later is luck. */
static void
cut_answers_fail(void **state)
{
	struct server server = {
		.serve = serve_answer,
		.answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
	};
	struct http_request request = { .method = "GET" };
	struct client client;
	const void *piece;
	size_t size = 1;
	struct http_download *download = NULL;
	int rc;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	request.url = server.url;
	rc = http_download_begin(client.http, &request, &client.response,
				 &download, &client.err);
	while (!rc && size)
		rc = http_download_next(download, &piece, &size, &client.err);
	assert_int_equal(rc, FERRY_E_FAILED);
	assert_non_null(strstr(client.err.message,
			       "the connection broke after 5 B of the answer"));
	http_download_free(download);
	client_close(&client);
	server_stop(&server);
}

static void
serve_and_hold(struct server *server, int fd)
{
	if (!read_request(server, fd))
		return;
	if (server->answer)
		send_text(fd, server->answer);
	hold(server, fd);
}

static void
silence_is_not_waited_for(void **state)
{
	static const struct {
		const char *answer;
		int begins;
		const char *message;
	} table[] = {
		{ NULL, FERRY_E_FAILED, "no answer within 2 s" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
		  FERRY_E_FAILED, "hardly a byte came for 2 s, after 0 B" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123", 0,
		  "hardly a byte came for 2 s, after 3 B" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct server server = { .serve = serve_and_hold,
					 .answer = table[i].answer };
		struct client client;
		struct http_download *download;
		const void *piece;
		size_t size;

		server_start(&server);
		client_open(&client, NULL);
		download = begin(&client, &server, table[i].begins);
		if (download) {
			assert_int_equal(http_download_next(download, &piece,
							    &size, &client.err),
					 0);
			assert_int_equal(size, 3);
			assert_int_equal(http_download_next(download, &piece,
							    &size, &client.err),
					 FERRY_E_FAILED);
		}
		assert_non_null(strstr(client.err.message, table[i].message));
		http_download_free(download);
		client_close(&client);
		server_stop(&server);
	}
}

static void
one_may_leave_at_any_time(void **state)
{
	struct server server = { .serve = serve_pattern,
				 .body_size = 20000000,
				 .body_whole = true };
	struct client client;
	struct http_download *download;
	const void *piece;
	size_t size;
	int rc = 0;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	http_download_free(begin(&client, &server, 0));
	download = begin(&client, &server, 0);
	assert_true(pull(&client, download, 1000000, &rc) >= 1000000);
	assert_int_equal(rc, 0);
	http_download_free(download);
	download = begin(&client, &server, 0);
	ferry_interrupt(client.context);
	do
		rc = http_download_next(download, &piece, &size, &client.err);
	while (!rc && size);
	assert_int_equal(rc, FERRY_E_INTERRUPTED);
	http_download_free(download);
	client_close(&client);
	server_stop(&server);
	/* What was left half-way is not taken up again. */
	assert_int_equal(server.connections, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_arrive_whole),
		cmocka_unit_test(what_is_not_pulled_waits),
		cmocka_unit_test(refusals_come_with_their_words),
		cmocka_unit_test(cut_answers_fail),
		cmocka_unit_test(silence_is_not_waited_for),
		cmocka_unit_test(one_may_leave_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
