/*
 * One request, and how it is answered; for requests.c, answers.c and
 * documents.c only.
 */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include "serve/reply.h"
#include "serve/server_state.h"

#define METHOD_TEXT 16

struct request {
	struct proof_waiter waiter;
	struct server *server;
	struct MHD_Connection *connection;
	char *uri;
	char method[METHOD_TEXT]; /* "": it has not come whole yet */
	struct route route;
	bool reads;		     /* GET: HEAD has no content */
	const struct bundle *waited; /* for a proof of its file, or NULL */
	unsigned status;
	uint64_t length; /* of the content that was promised */
};

/* The value of its first header of that name, or NULL. */
const char *request_header(const struct request *request, const char *name);

/* Both return what libmicrohttpd's handler has to return, as all below. */
enum MHD_Result request_reply(struct request *request, struct reply *reply);
enum MHD_Result request_refuse(struct request *request, enum refusal refusal);

/* What is made for whoever asks: answers.c. */
enum MHD_Result answer_base(struct request *request);
enum MHD_Result answer_page(struct request *request);
enum MHD_Result answer_catalog(struct request *request);
enum MHD_Result answer_tags(struct request *request);
enum MHD_Result answer_referrers(struct request *request);

/* What lies in the bundles: documents.c. */
enum MHD_Result answer_manifest(struct request *request);
enum MHD_Result answer_blob(struct request *request);

#endif
