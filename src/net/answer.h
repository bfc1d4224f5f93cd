/*
 * An answer as it comes in: header lines and body, each with its limit.
 * Knows nothing of libcurl, whose callbacks feed it.
 */
#ifndef NET_ANSWER_H
#define NET_ANSWER_H

#include "net/http.h"

/* Nobody needs more than one or two of 100 Continue and 103 Early Hints. */
#define ANSWER_INTERIM_MAX 16
/* What is kept to quote from when a server says no. */
#define ANSWER_ERROR_MAX ((size_t)65536)

struct answer {
	struct http_response *response;
	struct sink *sink;
	size_t body_max;
	unsigned interim;
	unsigned lines;
	size_t header_bytes;
	bool in_headers;
	bool headed; /* the final answer's headers are there */
	uint64_t body_bytes;
	bool enough; /* the rest of an error's body is of no interest */
};

/* Empties `response` and collects into it. */
void answer_init(struct answer *answer, const struct http_request *request,
		 struct http_response *response);

/* One line as it came, with its line end; the empty one ends the headers. */
int answer_header(struct answer *answer, const char *line, size_t size,
		  struct ferry_error *err) MUST_CHECK;

/* A failure with `enough` set is none: the answer can do without the rest. */
int answer_body(struct answer *answer, const void *data, size_t size,
		struct ferry_error *err) MUST_CHECK;

#endif
