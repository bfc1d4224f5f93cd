/*
 * What the parts of the server share; for server.c and request.h only.
 */
#ifndef SERVE_SERVER_STATE_H
#define SERVE_SERVER_STATE_H

#include <microhttpd.h>

#include "serve/connections.h"
#include "serve/decoders.h"
#include "serve/page.h"
#include "serve/proofs.h"
#include "serve/relay.h"
#include "serve/route.h"
#include "serve/server.h"

struct server {
	struct relay_owner owner;
	struct ferry_context *context;
	const struct shelf *shelf;
	struct server_options options;
	int fd;
	char host[LISTEN_TEXT];
	char url[LISTEN_TEXT + 16];
	char policy[PAGE_POLICY_TEXT];
	struct tls *tls; /* or NULL */
	struct relay *relay;
	size_t open; /* connections taken and not over; atomic */
	struct MHD_Daemon *daemon;
	struct connections connections;
	struct decoders decoders;
	struct proofs *proofs;
};

/* libmicrohttpd's callbacks; `data` is the server. */
void *request_begin(void *data, const char *uri,
		    struct MHD_Connection *connection);
enum MHD_Result request_handle(void *data, struct MHD_Connection *connection,
			       const char *url, const char *method,
			       const char *version, const char *upload,
			       size_t *upload_size, void **cookie);
void request_end(void *data, struct MHD_Connection *connection, void **cookie,
		 enum MHD_RequestTerminationCode how);

#endif
