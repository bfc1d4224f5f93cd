/*
 * TLS in front of a server that speaks none: takes connections over, does the
 * handshake, and passes what comes through to a socket pair whose other end the
 * server has.  Two buffers of 16 KiB a connection, whatever goes through.
 */
#ifndef SERVE_RELAY_H
#define SERVE_RELAY_H

#include <stdint.h>
#include <sys/socket.h>

#include "serve/tls.h"

struct relay;

/* What becomes of a connection; called from the relay's threads. */
struct relay_owner {
	/* It speaks: takes over `fd`, the server's end, in any case. */
	void (*speaks)(struct relay_owner *owner, int fd,
		       const struct sockaddr *peer, socklen_t length);
	/* It is over; told once for each relay_take(). */
	void (*ended)(struct relay_owner *owner);
};

/*
 * `tls` and `owner` are borrowed.  Who does not finish his handshake, or does
 * not take what is sent to him, for `patience` milliseconds is ended.
 */
int relay_new(struct relay **out, struct tls *tls, struct relay_owner *owner,
	      unsigned threads, uint64_t patience, struct ferry_error *err)
	MUST_CHECK;

/* Takes `fd` over, which does not block; on failure it is closed, and ended()
 * told. */
void relay_take(struct relay *relay, int fd, const struct sockaddr *peer,
		socklen_t length);

/* Ends all connections and the threads. */
void relay_free(struct relay *relay);

#endif
