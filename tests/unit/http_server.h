/*
 * A server that says what a test tells it to, byte for byte: one thread that
 * hands each connection to the test's function.
 */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/http.h"

#define REQUEST_MAX 65536

struct server {
	/* Serves one connection; it is closed afterwards. */
	void (*serve)(struct server *server, int fd);
	const char *answer; /* for what serve_answer() sends */
	size_t answer_size;
	const char *socket; /* NULL: TCP */
	int listener;
	char url[64];
	pthread_t thread;
	/* To be looked at after server_stop(). */
	char request[REQUEST_MAX]; /* the last request's head */
	unsigned connections;
	unsigned requests;
	unsigned cut; /* bodies that ended too soon */
	uint64_t body_size;
	bool body_whole;
	atomic_bool stop;
};

static inline void
send_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += n;
		size -= (size_t)n;
	}
}

static inline void
send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

/* Byte by byte up to the empty line, so that the body stays unread. */
static inline bool
read_request(struct server *server, int fd)
{
	static _Thread_local char head[REQUEST_MAX];
	size_t n = 0;

	while (n < REQUEST_MAX - 1 && recv(fd, head + n, 1, 0) == 1)
		if (++n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0) {
			memcpy(server->request, head, n);
			server->request[n] = '\0';
			server->requests++;
			return true;
		}
	return false;
}

static inline bool
read_exact(int fd, uint64_t size, struct server *server)
{
	static _Thread_local char piece[65536];

	while (size) {
		size_t want = size < sizeof(piece) ? size : sizeof(piece);
		ssize_t n = recv(fd, piece, want, 0);

		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++)
			if (piece[i] != 'x')
				return false;
		server->body_size += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return true;
}

static inline bool
read_line(int fd, char *line, size_t room)
{
	size_t n = 0;

	while (n + 1 < room && recv(fd, line + n, 1, 0) == 1)
		if (line[n++] == '\n') {
			line[n] = '\0';
			return true;
		}
	return false;
}

/* The body by either framing; it must be all 'x'. */
static inline void
read_body(struct server *server, int fd)
{
	const char *length = strstr(server->request, "Content-Length: ");
	char line[64];
	uint64_t size;

	server->body_size = 0;
	server->body_whole = false;
	if (length) {
		size = strtoull(length + 16, NULL, 10);
		server->body_whole = read_exact(fd, size, server);
		return;
	}
	if (!strstr(server->request, "Transfer-Encoding: chunked"))
		return;
	while (read_line(fd, line, sizeof(line))) {
		size = strtoull(line, NULL, 16);
		if (!size) {
			server->body_whole = read_line(fd, line, sizeof(line));
			return;
		}
		if (!read_exact(fd, size, server) ||
		    !read_line(fd, line, sizeof(line)))
			return;
	}
}

/* One canned answer, then the end. */
static inline void
serve_answer(struct server *server, int fd)
{
	if (read_request(server, fd))
		send_all(fd, server->answer,
			 server->answer_size ? server->answer_size
					     : strlen(server->answer));
}

/* Takes bodies, says how large they were, and keeps the connection. */
static inline void
serve_uploads(struct server *server, int fd)
{
	char answer[128];

	while (read_request(server, fd)) {
		read_body(server, fd);
		server->cut += !server->body_whole;
		if (!server->body_whole)
			return;
		snprintf(answer, sizeof(answer),
			 "HTTP/1.1 201 Created\r\nX-Size: %llu\r\n"
			 "Content-Length: 0\r\n\r\n",
			 (unsigned long long)server->body_size);
		send_text(fd, answer);
	}
}

/* Waits until the client has gone, or for the end of the test. */
static inline void
hold(struct server *server, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	while (!atomic_load(&server->stop))
		if (poll(&wait, 1, 20) > 0 && recv(fd, &byte, 1, 0) <= 0)
			return;
}

static inline void *
server_main(void *data)
{
	struct server *server = data;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		server->connections++;
		if (!atomic_load(&server->stop))
			server->serve(server, fd);
		close(fd);
	}
	return NULL;
}

static inline void
listen_tcp(struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address,
			      sizeof(address)),
			 0);
	assert_int_equal(getsockname(server->listener,
				     (struct sockaddr *)&address, &size),
			 0);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u/x?s=1",
		 ntohs(address.sin_port));
}

static inline void
listen_unix(struct server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 server->socket);
	snprintf(server->url, sizeof(server->url), "http://localhost/x");
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address,
			      sizeof(address)),
			 0);
}

static inline void
server_start(struct server *server)
{
	if (server->socket)
		listen_unix(server);
	else
		listen_tcp(server);
	assert_int_equal(listen(server->listener, 16), 0);
	assert_int_equal(
		pthread_create(&server->thread, NULL, server_main, server), 0);
}

static inline void
server_stop(struct server *server)
{
	atomic_store(&server->stop, true);
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
}

/* A client, and what it is asked to do; `err` and `response` are the last. */
struct client {
	struct ferry_context *context;
	struct http *http;
	struct http_response response;
	struct ferry_error err;
};

static inline void
client_open(struct client *client, const char *socket)
{
	struct http_settings settings = { .unix_socket = socket };

	*client = (struct client){ .context = ferry_context_new() };
	assert_non_null(client->context);
	settings.context = client->context;
	assert_int_equal(http_new(&client->http, &settings, &client->err), 0);
}

static inline void
client_close(struct client *client)
{
	http_response_release(&client->response);
	http_free(client->http);
	ferry_context_free(client->context);
}

#endif
