/*
 * Which Docker is meant, for every operation that speaks to one.  The same
 * as Docker's own program makes of the same values.
 */
#ifndef FERRY_DOCKER_H
#define FERRY_DOCKER_H

#include <stdbool.h>

#include "ferry/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * `host` counts most, then `context`, then currentContext of config.json; else
 * it is the one at /var/run/docker.sock.  What it points to is borrowed by the
 * operation it is handed to.
 */
struct ferry_docker_options {
	/* DOCKER_HOST: unix://SOCKET, tcp://HOST[:PORT]; NULL: not set */
	const char *host;
	const char *context; /* DOCKER_CONTEXT; NULL: not set */
	/* Has config.json and contexts/: ~/.docker; NULL: there is none. */
	const char *config;
	/* Has ca.pem, cert.pem and key.pem: DOCKER_CERT_PATH; NULL: `config` */
	const char *certs;
	/* TLS, for what no context says: */
	bool tls;	 /* DOCKER_TLS: and whoever answers is believed, */
	bool tls_verify; /* DOCKER_TLS_VERIFY: unless this is set */
};

/*
 * Whether anybody has chosen a Docker: by `host`, by `context`, or by a
 * currentContext other than "default".
 */
int ferry_docker_chosen(const struct ferry_docker_options *options, bool *out,
			struct ferry_error *err);

#ifdef __cplusplus
}
#endif
#endif
