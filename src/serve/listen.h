/*
 * Where a server listens.
 */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"

struct listen_address {
	struct sockaddr_storage address;
	socklen_t length;
};

#define LISTEN_TEXT (INET6_ADDRSTRLEN + 16) /* "[::1]:5000" */

/*
 * ADDRESS:PORT, [ADDRESS]:PORT, localhost:PORT, or :PORT for all addresses.
 * An address, no name: which of its addresses was meant would be a guess.
 * FERRY_E_USAGE.
 */
int listen_parse(struct listen_address *out, const char *text,
		 struct ferry_error *err) MUST_CHECK;

/* Whether only this machine can reach it. */
bool listen_is_local(const struct listen_address *address);

/* "127.0.0.1:5000"; returns `out`. */
const char *listen_text(char out[LISTEN_TEXT], const struct sockaddr *address);

/* Binds and listens; puts the port in that was chosen where it was 0. */
int listen_open(int *out, struct listen_address *address,
		struct ferry_error *err) MUST_CHECK;

#endif
