/*
 * A registry that is read from only: HTTP/1.1, over TLS where it has a
 * certificate.
 */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "base/context.h"
#include "serve/shelf.h"
#include "serve/listen.h"

struct server;

struct server_options {
	struct listen_address address;
	const char *certificate; /* PEM files, or NULL: no TLS */
	const char *key;
	unsigned timeout; /* seconds in which something must move */
	unsigned connections;
};

/* Listens, and answers nobody yet.  `shelf` and `context` are borrowed. */
int server_open(struct server **out, struct ferry_context *context,
		const struct shelf *shelf, const struct server_options *options,
		struct ferry_error *err) MUST_CHECK;

/* "http://127.0.0.1:5000/", with the port that was chosen. */
const char *server_url(const struct server *server);

/*
 * Answers until the context is interrupted, and then lets what is on its way
 * arrive for a few seconds: 0.  Once only.
 */
int server_run(struct server *server, struct ferry_error *err) MUST_CHECK;
void server_close(struct server *server);

#endif
