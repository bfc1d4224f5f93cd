#include "net/answer.h"

#include <string.h>

#include "base/text.h"

static bool
is_success(const struct answer *answer)
{
	return answer->response->status / 100 == 2;
}

void
answer_init(struct answer *answer, const struct http_request *request,
	    struct http_response *response)
{
	http_response_release(response);
	*response = (struct http_response)HTTP_RESPONSE;
	response->headers.limit = HTTP_HEADER_BYTES;
	*answer = (struct answer){
		.response = response,
		.sink = request->sink,
		.body_max =
			request->body_max ? request->body_max : HTTP_BODY_MAX,
	};
}

/* "HTTP/1.1 200 OK"; 0 for anything else. */
static int
parse_status(const char *line, size_t size)
{
	const char *space = memchr(line, ' ', size);
	int status = 0;

	if (!space || (size_t)(line + size - space) < 4)
		return 0;
	for (int i = 1; i <= 3; i++) {
		if (space[i] < '0' || space[i] > '9')
			return 0;
		status = status * 10 + space[i] - '0';
	}
	return status;
}

static int
begin_headers(struct answer *answer, const char *line, size_t size,
	      struct ferry_error *err)
{
	struct http_response *response = answer->response;

	/* What an interim answer said does not belong to the final one. */
	buffer_release(&response->headers);
	answer->lines = 0;
	answer->header_bytes = 0;
	answer->in_headers = true;
	response->status = parse_status(line, size);
	if (response->status < 100)
		return error_set(err, FERRY_E_FAILED,
				 "an answer without a status");
	return 0;
}

/* One of the lengths "5, 5" in a line; *text moves behind its comma. */
static bool
next_length(const char **text, uint64_t *out)
{
	char digits[24];
	size_t length = strspn(*text, "0123456789");
	const char *end = *text + length;

	end += strspn(end, " \t");
	if (length >= sizeof(digits) || (*end && *end != ','))
		return false;
	memcpy(digits, *text, length);
	digits[length] = '\0';
	*text = *end ? end + 1 + strspn(end + 1, " \t") : end;
	return text_to_u64(digits, out);
}

/*
 * Nobody knows where an answer ends that names no number, or two different
 * ones; the same one again is harmless (RFC 9112, 6.3).
 */
static int
check_lengths(const struct http_response *response, struct ferry_error *err)
{
	uint64_t first = 0;
	uint64_t other = 0;
	size_t seen = 0;
	const char *line;

	for (size_t n = 0;
	     (line = http_response_header(response, "Content-Length", n));
	     n++) {
		do {
			if (!next_length(&line, seen ? &other : &first))
				return error_set(err, FERRY_E_FAILED,
						 "an answer whose length is no "
						 "number");
			if (seen++ && other != first)
				return error_set(err, FERRY_E_FAILED,
						 "an answer with two different "
						 "lengths");
		} while (*line);
	}
	return 0;
}

static int
end_headers(struct answer *answer, struct ferry_error *err)
{
	struct http_response *response = answer->response;

	answer->in_headers = false;
	if (response->status < 200) {
		if (++answer->interim > ANSWER_INTERIM_MAX)
			return error_set(err, FERRY_E_FAILED,
					 "more than %d interim answers",
					 ANSWER_INTERIM_MAX);
		return 0;
	}
	if (check_lengths(response, err))
		return err->code;
	answer->headed = true;
	response->body.limit =
		is_success(answer) ? answer->body_max : ANSWER_ERROR_MAX;
	return 0;
}

static int
keep_header(struct answer *answer, const char *line, size_t size,
	    struct ferry_error *err)
{
	struct buffer *headers = &answer->response->headers;
	bool folded = *line == ' ' || *line == '\t';
	int rc;

	if (++answer->lines > HTTP_HEADER_LINES)
		return error_set(err, FERRY_E_FAILED,
				 "an answer with more than %d header lines",
				 HTTP_HEADER_LINES);
	if (memchr(line, '\0', size))
		return error_set(err, FERRY_E_FAILED,
				 "an answer with a NUL in its headers");
	/* RFC 9112 5.2: a line that goes on below counts as one with spaces. */
	if (folded && headers->size)
		headers->data[headers->size - 1] = ' ';
	rc = buffer_append(headers, line, size, err);
	return rc ? rc : buffer_append(headers, "", 1, err);
}

int
answer_header(struct answer *answer, const char *line, size_t size,
	      struct ferry_error *err)
{
	answer->header_bytes += size;
	if (answer->header_bytes > HTTP_HEADER_BYTES)
		return error_set(err, FERRY_E_FAILED,
				 "an answer with more than %d bytes of headers",
				 HTTP_HEADER_BYTES);
	if (answer->headed)
		return 0; /* a trailer */
	if (!answer->in_headers)
		return begin_headers(answer, line, size, err);
	while (size && strchr("\r\n \t", line[size - 1]) && line[size - 1])
		size--;
	if (!size)
		return end_headers(answer, err);
	return keep_header(answer, line, size, err);
}

/* Beyond this nobody waits for the end of an error's body. */
static int
keep_error_body(struct answer *answer, const void *data, size_t size,
		struct ferry_error *err)
{
	struct buffer *body = &answer->response->body;
	size_t room = body->limit - body->size;

	if (answer->body_bytes > HTTP_BODY_MAX) {
		answer->enough = true;
		return error_set(err, FERRY_E_FAILED, "enough of this answer");
	}
	return buffer_append(body, data, size < room ? size : room, err);
}

int
answer_body(struct answer *answer, const void *data, size_t size,
	    struct ferry_error *err)
{
	struct http_response *response = answer->response;
	char most[TEXT_SIZE_MAX];

	answer->body_bytes += size;
	if (!is_success(answer))
		return keep_error_body(answer, data, size, err);
	if (answer->sink)
		return sink_write(answer->sink, data, size, err);
	if (size > response->body.limit - response->body.size)
		return error_set(
			err, FERRY_E_FAILED, "an answer of more than %s",
			text_size(most, sizeof(most), response->body.limit));
	return buffer_append(&response->body, data, size, err);
}
