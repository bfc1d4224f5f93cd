/*
 * net/answer, through net/http: what servers may answer, and may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_server.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define MIB ((size_t)1 << 20)

/* One GET of a server that gives one canned answer. */
static int
get(struct client *client, const char *answer, size_t size)
{
	struct server server = { .serve = serve_answer,
				 .answer = answer,
				 .answer_size = size };
	struct http_request request = { .method = "GET", .url = server.url };
	int rc;

	server_start(&server);
	client_open(client, NULL);
	rc = http_perform(client->http, &request, &client->response,
			  &client->err);
	server_stop(&server);
	/* Signed URLs show in no message. */
	assert_null(strstr(client->err.message, "s=1"));
	return rc;
}

static void
assert_body(const struct client *client, const char *text)
{
	assert_int_equal(client->response.body.size, strlen(text));
	assert_memory_equal(client->response.body.data, text, strlen(text));
}

static void
assert_header(const struct client *client, const char *name, size_t nth,
	      const char *value)
{
	const char *found = http_response_header(&client->response, name, nth);

	if (!value) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, value);
}

static void
an_answer_comes_whole(void **state)
{
	struct client client;

	(void)state;
	assert_int_equal(get(&client,
			     OK "Content-Length: 5\r\n"
				"X-Two:first\r\n"
				"x-two: \t second \t \r\n"
				"Empty:\r\n"
				"Odd : no\r\n"
				"Folded: a\r\n \tb\r\n"
				"\r\nhello",
			     0),
			 0);
	assert_int_equal(client.response.status, 200);
	assert_body(&client, "hello");
	assert_header(&client, "content-length", 0, "5");
	assert_header(&client, "X-TWO", 0, "first");
	assert_header(&client, "X-Two", 1, "second");
	assert_header(&client, "X-Two", 2, NULL);
	assert_header(&client, "X-Tw", 0, NULL);
	assert_header(&client, "Empty", 0, "");
	assert_header(&client, "Odd", 0, NULL);
	assert_header(&client, "HTTP/1.1 200 OK", 0, NULL);
	assert_non_null(http_response_header(&client.response, "Folded", 0));
	assert_false(client.response.broken || client.response.unreachable);
	client_close(&client);
}

static void
nothing_is_found_in_an_empty_answer(void **state)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;

	(void)state;
	assert_null(http_response_header(&response, "Any", 0));
}

static void
bodies_are_not_decoded(void **state)
{
	struct client client;

	(void)state;
	assert_int_equal(get(&client,
			     OK "Content-Encoding: gzip\r\n"
				"Content-Length: 3\r\n\r\nraw",
			     0),
			 0);
	assert_body(&client, "raw");
	client_close(&client);
}

static void
redirects_are_not_followed(void **state)
{
	struct client client;

	(void)state;
	assert_int_equal(get(&client,
			     "HTTP/1.1 307 There\r\n"
			     "Location: http://127.0.0.1:1/\r\n"
			     "Content-Length: 0\r\n\r\n",
			     0),
			 0);
	assert_int_equal(client.response.status, 307);
	assert_header(&client, "location", 0, "http://127.0.0.1:1/");
	client_close(&client);
}

static void
chunks_are_put_together(void **state)
{
	struct client client;

	(void)state;
	assert_int_equal(get(&client,
			     OK "Transfer-Encoding: chunked\r\n\r\n"
				"2\r\nab\r\n1\r\nc\r\n0\r\nTrailer: x\r\n\r\n",
			     0),
			 0);
	assert_body(&client, "abc");
	assert_header(&client, "Trailer", 0, NULL);
	client_close(&client);
}

static void
interim_answers_are_dropped(void **state)
{
	struct client client;

	(void)state;
	assert_int_equal(get(&client,
			     "HTTP/1.1 100 Continue\r\nEarly: a\r\n\r\n"
			     "HTTP/1.1 103 Hints\r\nEarly: b\r\n\r\n" OK
			     "Late: c\r\nContent-Length: 0\r\n\r\n",
			     0),
			 0);
	assert_int_equal(client.response.status, 200);
	assert_header(&client, "Early", 0, NULL);
	assert_header(&client, "Late", 0, "c");
	client_close(&client);
}

/* Room for any of the floods. */
static char *
repeat(const char *front, const char *part, size_t count, const char *back)
{
	size_t size = strlen(front) + strlen(part) * count + strlen(back) + 1;
	char *text = malloc(size);
	char *at;

	assert_non_null(text);
	at = stpcpy(text, front);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, part);
	strcpy(at, back);
	return text;
}

static void
floods_are_stopped(void **state)
{
	static const struct {
		const char *front, *part;
		size_t count;
		const char *back, *message;
	} table[] = {
		{ "", "HTTP/1.1 100 Continue\r\n\r\n", 1000, OK "\r\n",
		  ": more than 16 interim answers" },
		{ OK, "A: b\r\n", HTTP_HEADER_LINES + 1, "\r\n",
		  ": an answer with more than 128 header lines" },
		{ OK "A: ", "0123456789abcdef", 4096, "\r\n\r\n",
		  ": an answer with more than 65536 bytes of headers" },
		{ OK "A: ", "0123456789abcdef", 20000, "\r\n\r\n",
		  ": an answer with an endless header line" },
		{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n",
		  "Trailing: 0123456789abcdef0123456789\r\n", 10000, "\r\n",
		  ": an answer with more than 65536 bytes of headers" },
		{ OK "\r\n", "0123456789abcdef", HTTP_BODY_MAX / 16, "x",
		  ": an answer of more than 1.0 MiB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_FREE char *answer = repeat(table[i].front, table[i].part,
						table[i].count, table[i].back);
		struct client client;

		assert_int_not_equal(get(&client, answer, 0), 0);
		if (!strstr(client.err.message, table[i].message) ||
		    strncmp(client.err.message, "127.0.0.1:", 10) != 0)
			fail_msg("%zu: %s", i, client.err.message);
		assert_false(client.response.broken);
		client_close(&client);
	}
}

static void
caps_themselves_are_allowed(void **state)
{
	AUTO_FREE char *lines =
		repeat(OK, "A: b\r\n", HTTP_HEADER_LINES, "\r\n");
	AUTO_FREE char *body =
		repeat(OK "\r\n", "0123456789abcdef", HTTP_BODY_MAX / 16, "");
	struct client client;

	(void)state;
	assert_int_equal(get(&client, lines, 0), 0);
	assert_header(&client, "a", HTTP_HEADER_LINES - 1, "b");
	client_close(&client);
	assert_int_equal(get(&client, body, 0), 0);
	assert_int_equal(client.response.body.size, HTTP_BODY_MAX);
	client_close(&client);
}

static void
bodies_of_errors_are_cut(void **state)
{
	AUTO_FREE char *large = repeat("HTTP/1.1 500 Oops\r\n\r\n",
				       "0123456789abcdef", 16384, "");
	AUTO_FREE char *endless =
		repeat("HTTP/1.1 404 No\r\n\r\n", "0123456789abcdef", MIB, "");
	struct client client;

	(void)state;
	assert_int_equal(get(&client, large, 0), 0);
	assert_int_equal(client.response.status, 500);
	assert_int_equal(client.response.body.size, 65536);
	client_close(&client);
	assert_int_equal(get(&client, endless, 0), 0);
	assert_int_equal(client.response.status, 404);
	assert_int_equal(client.response.body.size, 65536);
	client_close(&client);
}

static void
broken_answers_are_known(void **state)
{
	static const struct {
		const char *answer, *message;
	} table[] = {
		{ OK "Content-Length: 10\r\n\r\nhello",
		  ": the connection broke after 5 B of the answer" },
		{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		  ": the connection broke after 5 B of the answer" },
		{ OK "Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
		  ": the connection broke after 5 B of the answer" },
		{ OK "Content-Length: 10\r\nX-H",
		  ": the connection broke without an answer" },
		{ OK "Content-Length: 0\r\n",
		  ": the connection broke without an answer" },
		{ "HTTP/1.1 100 Continue\r\n\r\n",
		  ": the connection broke without an answer" },
		{ "", ": the connection broke without an answer" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct client client;

		assert_int_equal(get(&client, table[i].answer, 0),
				 FERRY_E_FAILED);
		if (!strstr(client.err.message, table[i].message))
			fail_msg("%zu: %s", i, client.err.message);
		assert_true(client.response.broken);
		assert_false(client.response.unreachable);
		client_close(&client);
	}
}

static void
other_protocols_are_named(void **state)
{
	static const char alert[] = "\x15\x03\x01\x00\x02\x02\x46";
	struct client client;

	(void)state;
	assert_int_equal(get(&client, alert, sizeof(alert) - 1),
			 FERRY_E_FAILED);
	assert_non_null(strstr(client.err.message,
			       ": what it answers is not HTTP; if it speaks "
			       "TLS, leave out --plain-http"));
	assert_false(client.response.broken);
	client_close(&client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_whole),
		cmocka_unit_test(nothing_is_found_in_an_empty_answer),
		cmocka_unit_test(bodies_are_not_decoded),
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(chunks_are_put_together),
		cmocka_unit_test(interim_answers_are_dropped),
		cmocka_unit_test(floods_are_stopped),
		cmocka_unit_test(caps_themselves_are_allowed),
		cmocka_unit_test(bodies_of_errors_are_cut),
		cmocka_unit_test(broken_answers_are_known),
		cmocka_unit_test(other_protocols_are_named),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
