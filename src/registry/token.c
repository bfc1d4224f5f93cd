#include "registry/token.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "net/url.h"
#include "oci/reference.h"
#include "registry/retry.h"

#define CLIENT_ID "ferry"

/* No answer of a token server is longer: a token and a few words. */
#define ANSWER_MAX ((size_t)1 << 17)
#define REQUEST_MAX ((size_t)1 << 17)

static int
add_pair(struct buffer *query, const char *separator, const char *name,
	 const char *value, struct ferry_error *err)
{
	AUTO_FREE char *escaped = NULL;
	int rc;

	if (!*value)
		return 0;
	rc = url_escape(&escaped, value, err);
	if (rc)
		return rc;
	return buffer_format(query, err, "%s%s=%s", separator, name, escaped);
}

/* One parameter for each scope: token.md. */
static int
add_scopes(struct buffer *query, const char *scopes, struct ferry_error *err)
{
	AUTO_FREE char *copy = NULL;
	char *rest = NULL;
	int rc = text_copy(&copy, scopes, err);

	if (rc)
		return rc;
	for (char *scope = strtok_r(copy, " ", &rest); scope && !rc;
	     scope = strtok_r(NULL, " ", &rest))
		rc = add_pair(query, "&", "scope", scope, err);
	return rc;
}

static int
make_url(struct buffer *url, const struct token_request *request,
	 struct ferry_error *err)
{
	/* A realm may have a query of its own. */
	const char *first = strchr(request->realm, '?') ? "&" : "?";
	int rc =
		buffer_append(url, request->realm, strlen(request->realm), err);

	if (!rc)
		rc = *request->service ? add_pair(url, first, "service",
						  request->service, err)
				       : buffer_append(url, first, 1, err);
	if (!rc)
		rc = add_scopes(url, request->scope, err);
	return rc;
}

static int
make_form(struct buffer *form, const struct token_request *request,
	  struct ferry_error *err)
{
	int rc = buffer_format(form, err, "grant_type=refresh_token");

	if (!rc)
		rc = add_pair(form, "&", "service", request->service, err);
	if (!rc)
		rc = add_pair(form, "&", "client_id", CLIENT_ID, err);
	if (!rc)
		rc = add_pair(form, "&", "scope", request->scope, err);
	if (!rc)
		rc = add_pair(form, "&", "refresh_token",
			      request->credentials->identity_token, err);
	return rc;
}

/* Asks until there is an answer that has to do; follows no redirects. */
static int
ask(const struct token_request *request, const struct http_request *question,
    struct http_response *response, struct ferry_error *err)
{
	char name[REFERENCE_HOST_MAX + 32];
	struct retry retry = { .context = request->context,
			       .what = name,
			       .host = request->server,
			       .began = clock_milliseconds(),
			       .limit = request->retries };
	bool again;
	int rc;

	snprintf(name, sizeof(name), "token server of %s", request->host);
	do {
		rc = http_perform(request->http, question, response, err);
		rc = retry_next(&retry, rc, response, &again, err);
	} while (again && !rc);
	return rc ? error_wrap(err, "token server") : 0;
}

static int
add_authorization(struct buffer *out, const struct credentials *credentials,
		  struct ferry_error *err)
{
	int rc = buffer_format(out, err, "Authorization: ");

	if (!rc)
		rc = credentials_basic(out, credentials, err);
	return rc ? rc : buffer_append(out, "", 1, err);
}

static int
ask_by_get(const struct token_request *request, struct http_response *response,
	   struct ferry_error *err)
{
	AUTO_BUFFER url = BUFFER(REQUEST_MAX);
	AUTO(credentials_wipe) struct buffer header = BUFFER(REQUEST_MAX);
	struct http_request question = { .method = "GET",
					 .body_max = ANSWER_MAX };
	const char *headers[1];
	int rc = make_url(&url, request, err);

	if (!rc)
		rc = buffer_text(&url, &question.url, err);
	if (!rc && credentials_are_set(request->credentials)) {
		rc = add_authorization(&header, request->credentials, err);
		headers[0] = (const char *)header.data;
		question.headers = headers;
		question.header_count = 1;
	}
	return rc ? rc : ask(request, &question, response, err);
}

static int
ask_by_post(const struct token_request *request, struct http_response *response,
	    struct ferry_error *err)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded"
	};
	AUTO(credentials_wipe) struct buffer form = BUFFER(REQUEST_MAX);
	struct http_request question = { .method = "POST",
					 .url = request->realm,
					 .headers = headers,
					 .header_count = ARRAY_SIZE(headers),
					 .body_max = ANSWER_MAX };
	int rc = make_form(&form, request, err);

	if (rc)
		return rc;
	question.body = form.data;
	question.body_size = form.size;
	return ask(request, &question, response, err);
}

/* oauth.md: a server that knows no POST answers 404; then GET has to do. */
static int
ask_somehow(const struct token_request *request, struct http_response *response,
	    struct ferry_error *err)
{
	int rc;

	if (!request->credentials->identity_token)
		return ask_by_get(request, response, err);
	rc = ask_by_post(request, response, err);
	if (rc || (response->status != 404 && response->status != 405))
		return rc;
	return ask_by_get(request, response, err);
}

/* A header's value: visible ASCII, so that nobody smuggles a line end in. */
static bool
is_sane(const char *token)
{
	size_t length = 0;

	for (; token[length]; length++)
		if (token[length] <= ' ' || token[length] > '~')
			return false;
	return length && length <= TOKEN_MAX;
}

/* Anything but a whole number of seconds is as good as none: 60, token.md. */
static uint64_t
lifetime(const json_t *answer)
{
	const json_t *value = json_object_get(answer, "expires_in");
	json_int_t seconds = json_integer_value(value);

	if (seconds <= TOKEN_LIFE_MIN / 1000)
		return TOKEN_LIFE_MIN;
	if (seconds >= TOKEN_LIFE_MAX / 1000)
		return TOKEN_LIFE_MAX;
	return (uint64_t)seconds * 1000;
}

int
token_parse(char **out, uint64_t *life, const void *data, size_t size,
	    struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	const char *token = NULL;
	int rc;

	/* jansson's message may quote the token. */
	if (json_parse(&json, data, size, err))
		return error_set(err, FERRY_E_FAILED,
				 "the token server's answer is no JSON object");
	rc = json_find_text(json, "token", &token, err);
	if (!rc && (!token || !*token))
		rc = json_find_text(json, "access_token", &token, err);
	if (rc)
		return error_wrap(err, "the token server's answer");
	if (!token || !*token)
		return error_set(err, FERRY_E_FAILED,
				 "the token server's answer holds no token");
	if (!is_sane(token))
		return error_set(err, FERRY_E_FAILED,
				 "the token server's token cannot stand in a "
				 "header");
	rc = text_copy(out, token, err);
	if (!rc)
		*life = lifetime(json);
	return rc;
}

/*
 * 401 and 403 are the registry's word on who may have a token; else it is not
 * the registry that has trouble, and a 404 is not about the image.
 */
static int
refuse(const struct token_request *request,
       const struct http_response *response, struct ferry_error *err)
{
	bool known = credentials_are_set(request->credentials);
	char there[URL_PEER_TEXT];
	int rc;

	if (response->status == 401 || response->status == 403)
		return refusal_error(response, request->host,
				     known ? REFUSAL_KNOWN : request->stranger,
				     err);
	rc = url_peer(there, request->realm, err);
	if (rc)
		return rc;
	refusal_error(response, there, REFUSAL_TOKENS, err);
	return error_wrap(err, "token server");
}

static int
take_token(const struct token_request *request,
	   const struct http_response *response, char **out, uint64_t *life,
	   struct ferry_error *err)
{
	char there[URL_PEER_TEXT];
	int rc = url_peer(there, request->realm, err);

	if (rc)
		return rc;
	rc = token_parse(out, life, response->body.data, response->body.size,
			 err);
	return rc ? error_wrap(err, "%s", there) : 0;
}

int
token_fetch(const struct token_request *request, char **out, uint64_t *life,
	    struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	int rc = ask_somehow(request, &response, err);

	if (rc)
		return rc;
	rc = response.status == 200
		     ? take_token(request, &response, out, life, err)
		     : refuse(request, &response, err);
	credentials_wipe(&response.body);
	return rc;
}
