/*
 * net/http against a server that answers as it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_server.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* Does not wait for an empty line, which a TLS hello does not have. */
static void
serve_at_once(struct server *server, int fd)
{
	char byte;

	if (recv(fd, &byte, 1, 0) == 1)
		send_text(fd, server->answer);
}

static void
plain_http_is_suggested(void **state)
{
	struct server server = { .serve = serve_at_once,
				 .answer = "HTTP/1.1 400 Bad\r\n\r\n" };
	struct http_request request = { .method = "GET" };
	struct client client;
	char message[256];
	char url[80];
	unsigned port;

	(void)state;
	server_start(&server);
	assert_int_equal(sscanf(server.url, "http://127.0.0.1:%u/", &port), 1);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
	snprintf(message, sizeof(message),
		 "127.0.0.1:%u: it speaks no TLS; if it is a plain HTTP "
		 "server, say --plain-http 127.0.0.1:%u",
		 port, port);
	request.url = url;
	client_open(&client, NULL);
	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 FERRY_E_FAILED);
	assert_string_equal(client.err.message, message);
	assert_false(client.response.broken || client.response.unreachable);
	server_stop(&server);
	client_close(&client);
}

static void
refused_is_unreachable(void **state)
{
	struct server server = { .serve = serve_answer, .answer = OK "\r\n" };
	struct http_request request = { .method = "GET", .url = server.url };
	struct client client;

	(void)state;
	server_start(&server);
	server_stop(&server);
	client_open(&client, NULL);
	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(client.err.message,
			       ": no connection: Connection refused"));
	assert_true(client.response.unreachable);
	assert_false(client.response.broken);
	client_close(&client);
}

static void
serve_half(struct server *server, int fd)
{
	if (!read_request(server, fd))
		return;
	send_text(fd, server->answer);
	hold(server, fd);
}

static void
a_stall_ends(void **state)
{
	static const struct {
		const char *answer, *message;
	} table[] = {
		{ "", ": no answer within 1 s" },
		{ OK "Content-Le", ": no answer within 1 s" },
		{ OK "Content-Length: 9\r\n\r\nhello",
		  ": hardly a byte came for 1 s, after 5 B" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct server server = { .serve = serve_half,
					 .answer = table[i].answer };
		struct http_request request = { .method = "GET",
						.url = server.url,
						.stall_seconds = 1 };
		struct client client;
		uint64_t began = clock_milliseconds();

		server_start(&server);
		client_open(&client, NULL);
		assert_int_equal(http_perform(client.http, &request,
					      &client.response, &client.err),
				 FERRY_E_FAILED);
		assert_in_range(clock_milliseconds() - began, 900, 3000);
		if (!strstr(client.err.message, table[i].message))
			fail_msg("%zu: %s", i, client.err.message);
		assert_true(client.response.broken);
		server_stop(&server);
		client_close(&client);
	}
}

/* Counts, and fails with its own words once it has had `most`. */
struct counting_sink {
	struct sink sink;
	uint64_t most;
	uint64_t size;
	struct ferry_context *interrupt; /* with the first bytes */
	unsigned sleep;			 /* seconds, once */
};

static int
count(struct sink *sink, const void *data, size_t size, struct ferry_error *err)
{
	struct counting_sink *counting = (struct counting_sink *)sink;

	(void)data;
	if (counting->interrupt)
		ferry_interrupt(counting->interrupt);
	sleep(counting->sleep);
	counting->sleep = 0;
	counting->size += size;
	if (counting->size > counting->most)
		return error_set(err, FERRY_E_DIGEST, "the sink's own words");
	return 0;
}

static void
a_sink_gets_successes_only(void **state)
{
	static const struct {
		const char *answer;
		uint64_t size;
	} table[] = {
		{ OK "\r\nhello", 5 },
		{ "HTTP/1.1 206 Part\r\n\r\nell", 3 },
		{ "HTTP/1.1 404 No\r\n\r\nsorry", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct counting_sink sink = { .sink.write = count, .most = 9 };
		struct server server = { .serve = serve_answer,
					 .answer = table[i].answer };
		struct http_request request = { .method = "GET",
						.url = server.url,
						.sink = &sink.sink };
		struct client client;

		server_start(&server);
		client_open(&client, NULL);
		assert_int_equal(http_perform(client.http, &request,
					      &client.response, &client.err),
				 0);
		assert_int_equal(sink.size, table[i].size);
		assert_int_equal(client.response.body.size,
				 table[i].size ? 0 : 5);
		server_stop(&server);
		client_close(&client);
	}
}

static void
a_sinks_error_is_passed_on(void **state)
{
	struct counting_sink sink = { .sink.write = count, .most = 4 };
	struct server server = { .serve = serve_answer,
				 .answer = OK "\r\nhello" };
	struct http_request request = { .method = "GET",
					.url = server.url,
					.sink = &sink.sink };
	struct client client;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 FERRY_E_DIGEST);
	assert_string_equal(client.err.message, "the sink's own words");
	assert_false(client.response.broken || client.response.unreachable);
	server_stop(&server);
	client_close(&client);
}

static void
a_slow_sink_is_no_stall(void **state)
{
	struct counting_sink sink = { .sink.write = count,
				      .most = 5,
				      .sleep = 2 };
	struct server server = { .serve = serve_answer,
				 .answer = OK "\r\nhello" };
	struct http_request request = { .method = "GET",
					.url = server.url,
					.sink = &sink.sink,
					.stall_seconds = 1 };
	struct client client;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 0);
	server_stop(&server);
	client_close(&client);
}

static void
serve_endless(struct server *server, int fd)
{
	static const char piece[65536];

	if (!read_request(server, fd))
		return;
	send_text(fd, OK "\r\n");
	while (!atomic_load(&server->stop) &&
	       send(fd, piece, sizeof(piece), MSG_NOSIGNAL) > 0)
		;
}

static void *
interrupt_soon(void *context)
{
	usleep(200000);
	ferry_interrupt(context);
	return NULL;
}

/* Amidst a fast body, and while nothing comes at all. */
static void
interruptions_are_seen_soon(void **state)
{
	static void (*const serves[])(struct server *, int) = { serve_endless,
								serve_half };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(serves); i++) {
		struct counting_sink sink = { .sink.write = count,
					      .most = UINT64_MAX };
		struct server server = { .serve = serves[i], .answer = "" };
		struct http_request request = { .method = "GET",
						.url = server.url,
						.sink = &sink.sink };
		struct client client;
		pthread_t thread;
		uint64_t began;

		server_start(&server);
		client_open(&client, NULL);
		began = clock_milliseconds();
		pthread_create(&thread, NULL, interrupt_soon, client.context);
		assert_int_equal(http_perform(client.http, &request,
					      &client.response, &client.err),
				 FERRY_E_INTERRUPTED);
		assert_in_range(clock_milliseconds() - began, 190, 700);
		assert_string_equal(client.err.message, "interrupted");
		pthread_join(thread, NULL);
		server_stop(&server);
		client_close(&client);
	}
}

static void
serve_kept(struct server *server, int fd)
{
	while (read_request(server, fd)) {
		if (strstr(server->request, "Content-Length"))
			read_body(server, fd);
		send_text(fd, server->answer);
	}
}

static void
connections_are_kept(void **state)
{
	struct server server = { .serve = serve_kept,
				 .answer = OK "Content-Length: 0\r\n\r\n" };
	struct http_request request = { .method = "GET", .url = server.url };
	struct client client;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(http_perform(client.http, &request,
					      &client.response, &client.err),
				 0);
	client_close(&client);
	server_stop(&server);
	assert_int_equal(server.connections, 1);
	assert_int_equal(server.requests, 5);
}

static void
assert_sent(const struct server *server, const char *line, bool sent)
{
	if (!strstr(server->request, line) == sent)
		fail_msg("%s: %s", line, server->request);
}

static void
requests_say_what_they_should(void **state)
{
	static const char *const headers[] = { "Content-Type: text/x",
					       "Authorization: Bearer t" };
	static const struct {
		const char *method, *body;
		size_t headers;
		const char *sent, *unsent;
	} table[] = {
		{ "GET", NULL, 0, "GET /x?s=1 HTTP/1.1\r\n", "Content-Length" },
		{ "GET", NULL, 0, "\r\nUser-Agent: ferry/", "Content-Type" },
		{ "GET", NULL, 0, "\r\nAccept-Encoding: identity\r\n",
		  "Cookie" },
		{ "HEAD", NULL, 0, "HEAD /x?s=1 ", "Content-Length" },
		{ "DELETE", NULL, 0, "DELETE /x?s=1 ", "Transfer-Encoding" },
		{ "POST", NULL, 0, "POST /x?s=1 ", "Content-Type" },
		{ "POST", NULL, 0, "\r\nContent-Length: 0\r\n", "Expect" },
		{ "PUT", "xxx", 0, "\r\nContent-Length: 3\r\n", "Expect" },
		{ "PATCH", "xxx", 2, "\r\nContent-Type: text/x\r\n",
		  "Content-Type:\r\n" },
		{ "PUT", "xxx", 2, "\r\nAuthorization: Bearer t\r\n",
		  "urlencoded" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct server server = { .serve = serve_kept,
					 .answer = OK "Content-Length: 0\r\n"
						      "\r\n" };
		struct http_request request = {
			.method = table[i].method,
			.url = server.url,
			.headers = headers,
			.header_count = table[i].headers,
			.body = table[i].body,
			.body_size = table[i].body ? strlen(table[i].body) : 0,
		};
		struct client client;

		server_start(&server);
		client_open(&client, NULL);
		assert_int_equal(http_perform(client.http, &request,
					      &client.response, &client.err),
				 0);
		client_close(&client);
		server_stop(&server);
		assert_sent(&server, table[i].sent, true);
		assert_sent(&server, table[i].unsent, false);
		assert_int_equal(server.body_size, request.body_size);
	}
}

static void
a_head_has_no_body(void **state)
{
	struct server server = { .serve = serve_answer,
				 .answer = OK "Content-Length: 99\r\n\r\n" };
	struct http_request request = { .method = "HEAD", .url = server.url };
	struct client client;

	(void)state;
	server_start(&server);
	client_open(&client, NULL);
	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 0);
	assert_string_equal(
		http_response_header(&client.response, "Content-Length", 0),
		"99");
	client_close(&client);
	server_stop(&server);
}

static void
senseless_requests_are_refused(void **state)
{
	static const char *const split[] = { "A: b\r\nC: d" };
	static const struct {
		const char *url;
		size_t headers;
		const char *message;
	} table[] = {
		{ "file:///etc/passwd", 0,
		  "a URL of scheme \"file\", neither http nor https" },
		{ "http://u:p@127.0.0.1:1/", 0,
		  "a URL with a user name in it" },
		{ "http://127.0.0.1:1/", 1,
		  "header A: a control character in what is to be sent" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct http_request request = { .method = "GET",
						.url = table[i].url,
						.headers = split,
						.header_count =
							table[i].headers };
		struct client client;

		client_open(&client, NULL);
		assert_int_equal(http_perform(client.http, &request,
					      &client.response, &client.err),
				 FERRY_E_FAILED);
		assert_string_equal(client.err.message, table[i].message);
		assert_false(client.response.unreachable);
		client_close(&client);
	}
}

static void
unix_sockets_work(void **state)
{
	char folder[] = "/tmp/ferry-http-XXXXXX";
	char path[64];
	char message[128];
	struct server server = { .serve = serve_answer,
				 .answer = OK "\r\nhello",
				 .socket = path };
	struct http_request request = { .method = "GET", .url = server.url };
	struct client client;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	server_start(&server);
	client_open(&client, path);
	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 0);
	assert_int_equal(client.response.body.size, 5);
	assert_memory_equal(client.response.body.data, "hello", 5);
	server_stop(&server);

	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 FERRY_E_FAILED);
	snprintf(message, sizeof(message),
		 "%s: nobody answers there; is the daemon running?", path);
	assert_string_equal(client.err.message, message);
	assert_true(client.response.unreachable);

	unlink(path);
	rmdir(folder);
	assert_int_equal(http_perform(client.http, &request, &client.response,
				      &client.err),
			 FERRY_E_FAILED);
	snprintf(message, sizeof(message),
		 "%s: no such socket; is the daemon running?", path);
	assert_string_equal(client.err.message, message);
	client_close(&client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_http_is_suggested),
		cmocka_unit_test(refused_is_unreachable),
		cmocka_unit_test(a_stall_ends),
		cmocka_unit_test(a_sink_gets_successes_only),
		cmocka_unit_test(a_sinks_error_is_passed_on),
		cmocka_unit_test(a_slow_sink_is_no_stall),
		cmocka_unit_test(interruptions_are_seen_soon),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(requests_say_what_they_should),
		cmocka_unit_test(a_head_has_no_body),
		cmocka_unit_test(senseless_requests_are_refused),
		cmocka_unit_test(unix_sockets_work),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
