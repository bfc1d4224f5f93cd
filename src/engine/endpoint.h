/*
 * Where a Docker daemon listens.
 */
#ifndef ENGINE_ENDPOINT_H
#define ENGINE_ENDPOINT_H

#include <stdbool.h>

#include "base/error.h"

#define ENGINE_SOCKET "/var/run/docker.sock"

/* Owns what it points to; zeroed is empty. */
struct engine_endpoint {
	char *url; /* paths are appended: "http://docker", "https://h:2376" */
	char *socket; /* NULL: TCP, to where `url` says */
	char *name;   /* for people: the socket's path, HOST:PORT */
	bool tls;
	bool unverified; /* whoever answers is believed */
	/* PEM files; NULL: the system's authorities, no client certificate. */
	char *ca;
	char *cert;
	char *key;
};

int engine_endpoint_socket(struct engine_endpoint *out, const char *path,
			   struct ferry_error *err) MUST_CHECK;

/*
 * As people write it for Docker: unix://SOCKET, tcp://HOST[:PORT][/PATH], the
 * same without tcp://, http:// and https://.  `tls` is whether tcp:// means
 * TLS; the files are for engine_endpoint_files().  FERRY_E_USAGE, with what to
 * do, where ferry cannot speak to it.
 */
int engine_endpoint_parse(struct engine_endpoint *out, const char *text,
			  bool tls, struct ferry_error *err) MUST_CHECK;

/*
 * Takes those of ca.pem, cert.pem and key.pem that are in `folder`.  A
 * certificate without its key, or the other way round, is an error.
 */
int engine_endpoint_files(struct engine_endpoint *endpoint, const char *folder,
			  struct ferry_error *err) MUST_CHECK;

void engine_endpoint_release(struct engine_endpoint *endpoint);

#endif
