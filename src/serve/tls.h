/*
 * The server's side of TLS, over sockets that do not block.
 */
#ifndef SERVE_TLS_H
#define SERVE_TLS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct tls;
struct tls_session;

/* A certificate with its chain, and its key: PEM files, the key unprotected. */
int tls_new(struct tls **out, const char *certificate, const char *key,
	    struct ferry_error *err) MUST_CHECK;
void tls_free(struct tls *tls);

/* On a socket that stays the caller's; NULL when memory is short. */
struct tls_session *tls_session_new(struct tls *tls, int fd);
void tls_session_free(struct tls_session *session);

/* What a call came to, if not to a number of bytes. */
enum tls_result {
	TLS_WANTS_READ = -1, /* again when the socket can be read from */
	TLS_WANTS_WRITE = -2,
	TLS_ENDED = -3, /* by the peer, properly */
	TLS_FAILED = -4,
};

/* 0 when it is done. */
int tls_handshake(struct tls_session *session);
ssize_t tls_read(struct tls_session *session, void *data, size_t size);
/* May take less than `size`; what it did not take comes first again. */
ssize_t tls_write(struct tls_session *session, const void *data, size_t size);
/* Tells the peer that nothing more comes, if that can be told at once. */
void tls_end(struct tls_session *session);

#endif
