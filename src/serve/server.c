#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "serve/server_state.h"

#define TICK 100	/* milliseconds between looks at interruptions */
#define SWEEP_EVERY 500 /* ... and at who keeps us waiting */
#define REQUEST_TIME 30 /* seconds that a request may take to arrive */
#define GRACE 5000	/* milliseconds for what is on its way at the end */
#define ACCEPT_AT_ONCE 64
#define CONNECTION_MEMORY 16384 /* a request's line and headers: below that */
#define THREADS_LEAST 4		/* reading from a disk, some of them wait */
#define THREADS_MOST 16

static unsigned
processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : (unsigned)count;
}

static unsigned
threads(void)
{
	unsigned count = processors();

	if (count < THREADS_LEAST)
		return THREADS_LEAST;
	return count < THREADS_MOST ? count : THREADS_MOST;
}

static void
count_one(struct server *server, int change)
{
	__atomic_add_fetch(&server->open, (size_t)change, __ATOMIC_RELAXED);
}

static size_t
count_open(const struct server *server)
{
	return __atomic_load_n(&server->open, __ATOMIC_RELAXED);
}

/* Over TLS the relay tells when a connection is over. */
static void
notify(void *data, struct MHD_Connection *connection, void **context,
       enum MHD_ConnectionNotificationCode what)
{
	struct server *server = data;
	const union MHD_ConnectionInfo *fd;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		connections_leave(&server->connections, *context);
		*context = NULL;
		if (!server->tls)
			count_one(server, -1);
		return;
	}
	fd = MHD_get_connection_info(connection,
				     MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = connections_join(&server->connections, fd->connect_fd);
}

static int
start_daemon(struct server *server, struct ferry_error *err)
{
	/* Ours is the limit that counts: who exceeds it waits, unrefused. */
	unsigned limit = 2 * server->options.connections + THREADS_MOST;

	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
			MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME,
		0, NULL, NULL, request_handle, server,
		MHD_OPTION_THREAD_POOL_SIZE, threads(),
		MHD_OPTION_CONNECTION_LIMIT, limit,
		MHD_OPTION_CONNECTION_TIMEOUT, server->options.timeout,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_URI_LOG_CALLBACK, request_begin, server,
		MHD_OPTION_NOTIFY_COMPLETED, request_end, server,
		MHD_OPTION_NOTIFY_CONNECTION, notify, server, MHD_OPTION_END);
	if (!server->daemon)
		return error_set(err, FERRY_E_FAILED,
				 "the HTTP server cannot be started");
	return 0;
}

/* A connection speaks HTTP from here on, in the clear. */
static void
speaks(struct relay_owner *owner, int fd, const struct sockaddr *peer,
       socklen_t length)
{
	struct server *server = (struct server *)owner;

	/* It closes the socket if it does not take it. */
	if (MHD_add_connection(server->daemon, fd, peer, length) != MHD_YES &&
	    !server->tls)
		count_one(server, -1);
}

static void
relay_ended(struct relay_owner *owner)
{
	struct server *server = (struct server *)owner;

	count_one(server, -1);
}

static void
take_connection(struct server *server, int fd, const struct sockaddr *peer,
		socklen_t length)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	count_one(server, 1);
	if (server->tls)
		relay_take(server->relay, fd, peer, length);
	else
		speaks(&server->owner, fd, peer, length);
}

static bool
is_full(const struct server *server)
{
	return count_open(server) >= server->options.connections;
}

/* Until nobody waits; false where no more can be taken for now. */
static bool
accept_some(struct server *server)
{
	struct sockaddr_storage peer;

	for (int i = 0; i < ACCEPT_AT_ONCE && !is_full(server); i++) {
		socklen_t length = sizeof(peer);
		int fd = accept4(server->fd, (struct sockaddr *)&peer, &length,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return errno != EMFILE && errno != ENFILE &&
			       errno != ENOBUFS && errno != ENOMEM;
		take_connection(server, fd, (struct sockaddr *)&peer, length);
	}
	return true;
}

static uint64_t
patience(const struct server *server)
{
	unsigned seconds = server->options.timeout;

	return 1000 *
	       (uint64_t)(seconds < REQUEST_TIME ? seconds : REQUEST_TIME);
}

static void
answer_all(struct server *server)
{
	uint64_t swept = clock_milliseconds();

	while (!context_interrupted(server->context)) {
		struct pollfd ready = { .fd = is_full(server) ? -1 : server->fd,
					.events = POLLIN };

		if (poll(&ready, 1, TICK) > 0 && !accept_some(server))
			poll(NULL, 0, TICK);
		decoders_tick(&server->decoders);
		if (clock_milliseconds() - swept >= SWEEP_EVERY) {
			swept = clock_milliseconds();
			connections_sweep(&server->connections,
					  patience(server));
		}
	}
}

/* Who has his answer is ended; the others get a moment. */
static void
drain(struct server *server)
{
	uint64_t began = clock_milliseconds();

	close(server->fd);
	server->fd = -1;
	proofs_stop(server->proofs);
	while (count_open(server) && clock_milliseconds() - began < GRACE) {
		connections_sweep(&server->connections, 0);
		decoders_tick(&server->decoders);
		poll(NULL, 0, TICK / 2);
	}
}

static void
stop(struct server *server)
{
	/* It hands connections to the daemon, so it ends before that. */
	relay_free(server->relay);
	server->relay = NULL;
	decoders_stop(&server->decoders);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
}

int
server_run(struct server *server, struct ferry_error *err)
{
	int rc = start_daemon(server, err);

	if (!rc && server->tls)
		rc = relay_new(&server->relay, server->tls, &server->owner,
			       processors(), 1000 * server->options.timeout,
			       err);
	if (!rc) {
		answer_all(server);
		drain(server);
	}
	stop(server);
	return rc;
}

static int
open_parts(struct server *server, struct ferry_error *err)
{
	const struct server_options *options = &server->options;
	int rc = 0;

	if (options->certificate)
		rc = tls_new(&server->tls, options->certificate, options->key,
			     err);
	if (!rc)
		rc = proofs_new(&server->proofs, server->context,
				server->shelf->bundles,
				server->shelf->bundle_count, err);
	if (!rc)
		rc = page_policy(server->policy, err);
	if (!rc)
		rc = listen_open(&server->fd, &server->options.address, err);
	return rc;
}

int
server_open(struct server **out, struct ferry_context *context,
	    const struct shelf *shelf, const struct server_options *options,
	    struct ferry_error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int rc;

	if (!server)
		return error_nomem(err);
	*server = (struct server){
		.owner = { .speaks = speaks, .ended = relay_ended },
		.context = context,
		.shelf = shelf,
		.options = *options,
		.fd = -1,
	};
	connections_init(&server->connections);
	decoders_init(&server->decoders);
	rc = open_parts(server, err);
	if (rc) {
		server_close(server);
		return rc;
	}
	listen_text(server->host,
		    (struct sockaddr *)&server->options.address.address);
	snprintf(server->url, sizeof(server->url), "http%s://%s/",
		 server->tls ? "s" : "", server->host);
	*out = server;
	return 0;
}

const char *
server_url(const struct server *server)
{
	return server->url;
}

void
server_close(struct server *server)
{
	if (!server)
		return;
	if (server->fd >= 0)
		close(server->fd);
	proofs_free(server->proofs);
	tls_free(server->tls);
	decoders_release(&server->decoders);
	connections_release(&server->connections);
	free(server);
}
