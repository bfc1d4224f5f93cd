#include <string.h>

#include "base/text.h"
#include "engine/podman.h"
#include "net/http.h"
#include "net/url.h"

/* Podman 4 and 5 answer to it, and 3 does. */
#define API "/v4.0.0/libpod"
#define ANSWER_MAX ((size_t)16 << 20)
/*
 * It unpacks after the last byte, and tells nothing while it does so on a slow
 * disk.  Should it die, the socket closes: nobody waits so long then.
 */
#define STALL_SECONDS 1800

struct podman_service {
	struct podman podman;
	struct engine_endpoint endpoint;
	struct http *http;
};

/* Lets bytes through, and knows whether it was the network that failed. */
struct guard {
	struct sink sink;
	struct sink *next;
	bool failed;
};

static int
not_there(struct podman_service *service, const struct http_response *response,
	  struct ferry_error *err)
{
	service->podman.gone = response->unreachable;
	return error_wrap(err, "podman");
}

/* What is no success, in podman's words. */
static int
refused(const struct podman_service *service,
	const struct http_response *response, struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	struct ferry_error ignored;
	const char *message = NULL;

	if (!json_parse(&json, response->body.data, response->body.size,
			&ignored))
		message = json_string_value(json_object_get(json, "message"));
	/* Docker has neither of these. */
	if (!message || !json_object_get(json, "cause"))
		return error_set(err, FERRY_E_FAILED,
				 "what listens at %s is no podman: it answers "
				 "with status %d",
				 service->endpoint.name, response->status);
	return podman_refused(message, err);
}

static int
perform(struct podman_service *service, const char *method, const char *path,
	struct http_response *response, struct ferry_error *err)
{
	AUTO_FREE char *url = NULL;
	struct http_request request = { .method = method,
					.body_max = ANSWER_MAX };
	int rc = text_format(&url, err, "%s" API "%s", service->endpoint.url,
			     path);

	if (rc)
		return rc;
	request.url = url;
	rc = http_perform(service->http, &request, response, err);
	return rc ? not_there(service, response, err) : 0;
}

/* *out stays NULL for a 404 of podman's own. */
static int
get(struct podman_service *service, const char *path, json_t **out,
    struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	int rc = perform(service, "GET", path, &response, err);

	if (rc)
		return rc;
	if (response.status / 100 != 2) {
		rc = refused(service, &response, err);
		return response.status == 404 &&
				       text_starts(err->message, "podman says")
			       ? 0
			       : rc;
	}
	rc = json_parse(out, response.body.data, response.body.size, err);
	return rc ? error_wrap(err, "podman: %s", path) : 0;
}

static int
info(struct podman *base, json_t **out, struct ferry_error *err)
{
	struct podman_service *service = (struct podman_service *)base;
	AUTO_JSON *json = NULL;
	int rc = get(service, "/info", &json, err);

	if (!rc && !json)
		rc = error_set(err, FERRY_E_FAILED,
			       "what listens at %s is no podman of version 3 "
			       "or later",
			       service->endpoint.name);
	if (!rc)
		*out = STEAL(&json);
	return rc;
}

static int
image(struct podman *base, const char *name, json_t **out,
      struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_JSON *json = NULL;
	int rc = text_format(&path, err, "/images/%s/json", name);

	if (!rc)
		rc = get((struct podman_service *)base, path, &json, err);
	if (!rc)
		*out = STEAL(&json);
	return rc;
}

static int
tag(struct podman *base, const char *id, const struct reference *reference,
    struct ferry_error *err)
{
	struct podman_service *service = (struct podman_service *)base;
	AUTO_RESPONSE response = HTTP_RESPONSE;
	AUTO_FREE char *repository = NULL;
	AUTO_FREE char *escaped = NULL;
	AUTO_FREE char *path = NULL;
	int rc = text_format(&repository, err, "%s/%s", reference->host,
			     reference->repository);

	if (!rc)
		rc = url_escape(&escaped, repository, err);
	if (!rc)
		rc = text_format(&path, err, "/images/%s/tag?repo=%s&tag=%s",
				 id, escaped, reference->tag);
	if (!rc)
		rc = perform(service, "POST", path, &response, err);
	if (!rc && response.status / 100 != 2)
		rc = refused(service, &response, err);
	return rc;
}

static void
upload_release(struct http_upload **upload)
{
	if (*upload)
		http_upload_free(*upload);
}

static int
begin(struct podman_service *service, uint64_t size, struct http_upload **out,
      struct ferry_error *err)
{
	static const char *const headers[] = {
		"Content-Type: application/x-tar"
	};
	AUTO_FREE char *url = NULL;
	struct http_request request = {
		.method = "POST",
		.headers = headers,
		.header_count = ARRAY_SIZE(headers),
		.body_max = ANSWER_MAX,
		.stall_seconds = STALL_SECONDS,
	};

	if (text_format(&url, err, "%s" API "/images/load",
			service->endpoint.url))
		return err->code;
	request.url = url;
	return http_upload_begin(service->http, &request, size, out, err);
}

static int
finish(struct podman_service *service, struct http_upload *upload,
       struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	int rc = http_upload_finish(upload, &response, err);

	if (rc)
		return not_there(service, &response, err);
	return response.status / 100 == 2 ? 0
					  : refused(service, &response, err);
}

static int
write_guarded(struct sink *sink, const void *data, size_t size,
	      struct ferry_error *err)
{
	struct guard *guard = (struct guard *)sink;
	int rc = sink_write(guard->next, data, size, err);

	guard->failed = rc != 0;
	return rc;
}

static int
load(struct podman *base, struct podman_content *content,
     struct ferry_error *err)
{
	struct podman_service *service = (struct podman_service *)base;
	AUTO(upload_release) struct http_upload *upload = NULL;
	struct guard guard = { .sink = { .write = write_guarded } };
	struct ferry_error cut;
	int stopped;
	int rc = begin(service, content->size, &upload, err);

	if (rc)
		return rc;
	guard.next = http_upload_sink(upload);
	stopped = content->write(content, &guard.sink, &cut);
	/* Where the content failed, the request is broken off. */
	if (stopped && (!guard.failed || stopped == FERRY_E_INTERRUPTED)) {
		*err = cut;
		return stopped;
	}
	rc = finish(service, upload, err);
	if (rc || !stopped)
		return rc;
	*err = cut;
	return stopped;
}

static void
close_service(struct podman *base)
{
	struct podman_service *service = (struct podman_service *)base;

	http_free(service->http);
	engine_endpoint_release(&service->endpoint);
	free(base->words);
	free(service);
}

static const struct podman_ops service_ops = {
	.info = info,
	.image = image,
	.tag = tag,
	.load = load,
	.close = close_service,
};

static int
connect_later(struct podman_service *service, struct ferry_error *err)
{
	const struct engine_endpoint *endpoint = &service->endpoint;
	struct http_settings settings = {
		.context = service->podman.context,
		.unix_socket = endpoint->socket,
	};
	int rc = text_format(&service->podman.words, err, "podman at %s",
			     endpoint->name);

	return rc ? rc : http_new(&service->http, &settings, err);
}

int
podman_open_service(struct podman **out, struct ferry_context *context,
		    struct engine_endpoint *take_endpoint,
		    struct ferry_error *err)
{
	struct podman_service *service = calloc(1, sizeof(*service));

	if (!service) {
		engine_endpoint_release(take_endpoint);
		return error_nomem(err);
	}
	service->podman.ops = &service_ops;
	service->podman.context = context;
	service->endpoint = *take_endpoint;
	*take_endpoint = (struct engine_endpoint){ 0 };
	if (connect_later(service, err)) {
		close_service(&service->podman);
		return err->code;
	}
	*out = &service->podman;
	return 0;
}
