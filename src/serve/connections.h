/*
 * The connections there are, and which of them keep somebody waiting.
 *
 * libmicrohttpd ends a connection on which nothing moves.  Who sends a byte of
 * a request now and then moves: so what has not brought a whole request in a
 * time is ended here.
 */
#ifndef SERVE_CONNECTIONS_H
#define SERVE_CONNECTIONS_H

#include <pthread.h>
#include <stdint.h>

struct connection {
	struct connection *next, *previous;
	int fd;		/* libmicrohttpd's, open as long as this is listed */
	uint64_t since; /* waiting for a request, milliseconds; 0: in one */
};

struct connections {
	pthread_mutex_t lock;
	struct connection *first;
};

void connections_init(struct connections *connections);
void connections_release(struct connections *connections);

/* A new one, waiting; NULL when memory is short.  leave() frees it. */
struct connection *connections_join(struct connections *connections, int fd);
void connections_leave(struct connections *connections,
		       struct connection *connection);

/* A whole request has come; the answer to it is over.  NULL is left alone. */
void connections_begin(struct connections *connections,
		       struct connection *connection);
void connections_end(struct connections *connections,
		     struct connection *connection);

/* Ends those that have waited longer, in milliseconds. */
void connections_sweep(struct connections *connections, uint64_t longest);

#endif
