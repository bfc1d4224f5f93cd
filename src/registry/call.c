#include "registry/call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/url.h"
#include "registry/credentials.h"

struct auth_scope
call_scope(const struct registry *registry, const char *repository)
{
	return (struct auth_scope){
		.repository = repository,
		.push = repository && registry->access == REGISTRY_PUSH,
	};
}

static bool
is_https(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0;
}

/* The base is an origin and nothing else: most URLs need no parser. */
static bool
is_home(const struct registry *registry, const char *url)
{
	size_t length = strlen(registry->base);

	return (strncmp(url, registry->base, length) == 0 &&
		url[length] == '/') ||
	       url_same_origin(registry->base, url);
}

/* No storage has such an address; what gives machines their secrets has. */
static int
check_place(const struct registry *registry, const char *url,
	    struct ferry_error *err)
{
	struct url_origin there;
	int rc;

	if (is_home(registry, url))
		return 0;
	rc = url_origin(&there, url, err);
	if (rc)
		return error_wrap(err, "%s sends us to", registry->host);
	if (!url_host_is_link_local(there.host))
		return 0;
	return error_set(err, FERRY_E_FAILED,
			 "%s sends us to %s, a link-local address: refused",
			 registry->host, there.host);
}

int
call_resolve(char **out, const struct registry *registry, const char *url,
	     const char *location, struct ferry_error *err)
{
	AUTO_FREE char *next = NULL;
	int rc;

	if (!location || !*location)
		return error_set(err, FERRY_E_FAILED,
				 "%s sends us elsewhere without saying where",
				 registry->host);
	rc = url_resolve(&next, url, location, err);
	if (rc)
		return error_wrap(err, "%s sends us to", registry->host);
	if (!is_https(next) && (is_https(url) || is_https(registry->base)))
		return error_set(
			err, FERRY_E_FAILED,
			"%s sends us from HTTPS to plain HTTP: refused",
			registry->host);
	rc = check_place(registry, next, err);
	if (!rc)
		*out = STEAL(&next);
	return rc;
}

/* Header lines; one of them may be secret. */
struct headers {
	char *lines[5];
	size_t count;
};

static void
headers_release(struct headers *headers)
{
	for (size_t i = 0; i < headers->count; i++)
		credentials_forget(headers->lines[i]);
}

static int
add_header(struct headers *headers, const char *name, const char *value,
	   struct ferry_error *err)
{
	int rc;

	if (!value)
		return 0;
	rc = text_format(&headers->lines[headers->count], err, "%s: %s", name,
			 value);
	if (!rc)
		headers->count++;
	return rc;
}

static int
fill_headers(struct headers *headers, const struct call *call,
	     const char *authorization, struct ferry_error *err)
{
	int rc = add_header(headers, "Authorization", authorization, err);

	if (!rc)
		rc = add_header(headers, "Accept", call->accept, err);
	if (!rc)
		rc = add_header(headers, "Content-Type", call->content_type,
				err);
	if (!rc)
		rc = add_header(headers, "Range", call->range, err);
	if (!rc)
		rc = add_header(headers, "Content-Range", call->content_range,
				err);
	return rc;
}

/* Tells whether it was the connection that failed, or the content. */
struct upload_sink {
	struct sink sink;
	struct sink *next;
	uint64_t sent;
	bool failed;
};

static int
write_upload(struct sink *sink, const void *data, size_t size,
	     struct ferry_error *err)
{
	struct upload_sink *upload = (struct upload_sink *)sink;
	int rc = sink_write(upload->next, data, size, err);

	if (rc)
		upload->failed = true;
	else
		upload->sent += size;
	return rc;
}

static void
cleanup_upload(struct http_upload **upload)
{
	http_upload_free(*upload);
}

static int
send_content(struct http *http, const struct http_request *request,
	     struct call *call, struct http_response *response,
	     struct ferry_error *err)
{
	AUTO(cleanup_upload) struct http_upload *upload = NULL;
	struct upload_sink sink = { .sink = { .write = write_upload } };
	int rc = http_upload_begin(http, request, call->content_size, &upload,
				   err);

	if (rc)
		return rc;
	sink.next = http_upload_sink(upload);
	rc = call->content->push(call->content, &sink.sink, err);
	call->sent = sink.sent;
	if (rc && !sink.failed)
		return rc;
	return http_upload_finish(upload, response, err);
}

static int
send_request(struct http *http, struct call *call, const char *url,
	     const char *authorization, struct http_response *response,
	     struct ferry_error *err)
{
	AUTO(headers_release) struct headers headers = { 0 };
	struct http_request request = { .method = call->method,
					.url = url,
					.body = call->body,
					.body_size = call->body_size,
					.sink = call->sink,
					.body_max = call->body_max };
	int rc = fill_headers(&headers, call, authorization, err);

	if (rc)
		return rc;
	request.headers = (const char *const *)headers.lines;
	request.header_count = headers.count;
	http_response_release(response);
	*response = (struct http_response)HTTP_RESPONSE;
	return call->content ? send_content(http, &request, call, response, err)
			     : http_perform(http, &request, response, err);
}

static bool
is_redirect(const struct call *call, int status)
{
	if (strcmp(call->method, "GET") && strcmp(call->method, "HEAD"))
		return false;
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

static void
note_peer(struct call *call, const char *url, bool home)
{
	struct ferry_error ignored;

	call->away = !home;
	if (!home && url_peer(call->peer, url, &ignored))
		call->peer[0] = '\0';
}

static int
first_url(char **out, const struct registry *registry, const struct call *call,
	  struct ferry_error *err)
{
	if (call->path)
		return text_format(out, err, "%s%s", registry->base,
				   call->path);
	return text_copy(out, call->url, err);
}

/* Sends, and goes where it is sent; `authorization` stays at home. */
static int
follow(struct registry *registry, struct http *http, struct call *call,
       const char *authorization, struct http_response *response,
       struct ferry_error *err)
{
	AUTO_FREE char *url = NULL;
	int rc = first_url(&url, registry, call, err);

	for (unsigned hop = 0; !rc && hop <= CALL_HOPS_MAX; hop++) {
		AUTO_FREE char *from = NULL;
		bool home = is_home(registry, url);

		note_peer(call, url, home);
		rc = send_request(http, call, url, home ? authorization : NULL,
				  response, err);
		if (!rc && home)
			client_note_quota(registry, response);
		if (rc || !is_redirect(call, response->status))
			return rc;
		from = STEAL(&url);
		rc = call_resolve(&url, registry, from,
				  http_response_header(response, "Location", 0),
				  err);
	}
	if (rc)
		return rc;
	return error_set(err, FERRY_E_FAILED,
			 "%s sends us from place to place, more than %d times",
			 registry->host, CALL_HOPS_MAX);
}

int
call_plain(struct registry *registry, unsigned worker, struct call *call,
	   struct http_response *response, struct ferry_error *err)
{
	struct http *http = NULL;
	int rc = client_http(registry, worker, &http, err);

	return rc ? rc : follow(registry, http, call, NULL, response, err);
}

/*
 * After a 401 of the registry itself: once more with better credentials, if
 * there are any.  Other hosts' 401 is never answered (CVE-2020-15157).
 */
static int
renew(struct registry *registry, struct http *http, struct call *call,
      char **value, struct http_response *response, struct ferry_error *err)
{
	char *better = NULL;
	int rc = auth_renew(registry->auth, http, &call->scope, *value,
			    response, &better, err);

	if (rc || !better)
		return rc;
	credentials_forget(*value);
	*value = better;
	call->renewed = true;
	return call->content
		       ? 0
		       : follow(registry, http, call, *value, response, err);
}

static int
attempt(struct registry *registry, struct http *http, struct call *call,
	char **value, struct http_response *response, struct ferry_error *err)
{
	int rc = auth_get(registry->auth, http, &call->scope, value, err);

	if (!rc)
		rc = follow(registry, http, call, *value, response, err);
	if (!rc && response->status == 401 && !call->away)
		rc = renew(registry, http, call, value, response, err);
	/* A signed address does not live long: ask for a fresh one. */
	if (!rc && response->status == 403 && call->away && !call->content)
		rc = follow(registry, http, call, *value, response, err);
	return rc;
}

int
call_try(struct registry *registry, unsigned worker, struct call *call,
	 struct http_response *response, struct ferry_error *err)
{
	struct http *http = NULL;
	char *value = NULL;
	int rc;

	call->renewed = false;
	call->sent = 0;
	http_response_release(response);
	*response = (struct http_response)HTTP_RESPONSE;
	rc = client_ready(registry, worker, err);
	if (!rc)
		rc = client_http(registry, worker, &http, err);
	if (!rc)
		rc = attempt(registry, http, call, &value, response, err);
	credentials_forget(value);
	return rc;
}

void
call_begin(struct retry *retry, struct registry *registry,
	   const struct call *call, char name[CALL_NAME])
{
	const char *repository = call->scope.repository;

	snprintf(name, CALL_NAME, "%s%s%s", registry->host,
		 repository ? "/" : "", repository ? repository : "");
	*retry = (struct retry){ .context = registry->context,
				 .what = name,
				 .host = &registry->peer,
				 .began = clock_milliseconds(),
				 .limit = registry->options.retries };
}

int
call_run(struct registry *registry, unsigned worker, struct call *call,
	 struct http_response *response, struct ferry_error *err)
{
	char name[CALL_NAME];
	struct retry retry;
	bool again;
	int rc;

	call_begin(&retry, registry, call, name);
	do {
		unsigned round = limit_round(&registry->limit);

		rc = call_try(registry, worker, call, response, err);
		limit_note(&registry->limit, round,
			   limit_sign_of(rc, response));
		rc = retry_next(&retry, rc, response, &again, err);
	} while (again && !rc);
	return rc;
}

int
call_refused(struct registry *registry, const struct call *call,
	     const struct http_response *response, struct ferry_error *err)
{
	if (call->away)
		return refusal_error(response, call->peer, REFUSAL_AWAY, err);
	return refusal_error(response, registry->host,
			     auth_role(registry->auth, &call->scope), err);
}

int
call_stored(const struct http_response *response, const struct digest *digest,
	    bool *told, struct ferry_error *err)
{
	const char *name =
		http_response_header(response, "Docker-Content-Digest", 0);

	if (name && strcmp(name, digest->text))
		return error_set(err, FERRY_E_FAILED,
				 "the registry stored it as %s instead of %s",
				 name, digest->text);
	if (told)
		*told = name;
	return 0;
}
