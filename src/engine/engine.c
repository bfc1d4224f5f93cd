#include "engine/engine.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "net/url.h"

#define QUOTED_MAX 200
/* A thousand images take about half a MiB. */
#define ANSWER_MAX ((size_t)16 << 20)
/* zstd layers came with Docker 23.0, and so did API 1.42. */
#define ZSTD_API_MINOR 42

static const struct http_advice advice = {
	.authority = "let ca.pem, in DOCKER_CERT_PATH or beside the context, "
		     "have the authority that issued it",
	.certificate = "cert.pem and key.pem, in DOCKER_CERT_PATH or beside "
		       "the context",
	.no_tls = "unset DOCKER_TLS_VERIFY, or mend the context",
	.only_tls = "set DOCKER_TLS_VERIFY=1",
};

int
engine_init(struct engine *engine, struct ferry_context *context,
	    const struct engine_endpoint *endpoint, const char *elsewhere,
	    struct ferry_error *err)
{
	struct http_settings settings = {
		.context = context,
		.ca = endpoint->ca,
		.cert = endpoint->cert,
		.key = endpoint->key,
		.unverified = endpoint->unverified,
		.advice = &advice,
		.unix_socket = endpoint->socket,
	};

	engine->context = context;
	engine->endpoint = endpoint;
	engine->elsewhere = elsewhere;
	return http_new(&engine->http, &settings, err);
}

void
engine_release(struct engine *engine)
{
	http_free(engine->http);
	*engine = (struct engine){ 0 };
}

/* Of what answers in words and not in JSON, as Go's own server does. */
static int
quote(const struct http_response *response, struct ferry_error *err)
{
	const char *text = (const char *)response->body.data;
	size_t size = response->body.size;
	const char *end = text ? memchr(text, '\n', size) : NULL;

	if (end)
		size = (size_t)(end - text);
	if (!size || size > QUOTED_MAX || *text == '<' || *text == '{')
		return error_set(err, FERRY_E_FAILED,
				 "Docker answers with status %d",
				 response->status);
	return error_set(err, FERRY_E_FAILED,
			 "Docker answers with status %d: %.*s",
			 response->status, (int)size, text);
}

int
engine_refused(const struct http_response *response, struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	struct ferry_error ignored;
	const char *message = NULL;

	if (json_parse(&json, response->body.data, response->body.size,
		       &ignored) == 0)
		message = json_string_value(json_object_get(json, "message"));
	if (message)
		return error_set(err, FERRY_E_FAILED, "Docker says: %s",
				 message);
	return quote(response, err);
}

static int
perform(struct engine *engine, const char *method, const char *path,
	struct http_response *response, struct ferry_error *err)
{
	AUTO_FREE char *url = NULL;
	struct http_request request = { .method = method,
					.body_max = ANSWER_MAX };
	int rc = text_format(&url, err, "%s%s", engine->endpoint->url, path);

	if (rc)
		return rc;
	request.url = url;
	rc = http_perform(engine->http, &request, response, err);
	return rc ? error_wrap(err, "Docker") : 0;
}

/* `response` of a GET that succeeded, or *found is false for a 404. */
static int
get(struct engine *engine, const char *path, struct http_response *response,
    bool *found, struct ferry_error *err)
{
	int rc = perform(engine, "GET", path, response, err);

	if (rc)
		return rc;
	*found = response->status != 404;
	if (!*found || response->status / 100 == 2)
		return 0;
	engine_refused(response, err);
	return error_wrap(err, "%s", engine->endpoint->name);
}

static int
get_json(struct engine *engine, const char *path, json_t **out, bool *found,
	 struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	int rc = get(engine, path, &response, found, err);

	if (rc || !*found)
		return rc;
	if (json_parse(out, response.body.data, response.body.size, err))
		return error_wrap(err, "what %s answers",
				  engine->endpoint->name);
	return 0;
}

static int
get_known(struct engine *engine, const char *path, json_t **out,
	  struct ferry_error *err)
{
	bool found;
	int rc = get_json(engine, path, out, &found, err);

	if (!rc && !found)
		return error_set(err, FERRY_E_FAILED,
				 "what listens at %s is no Docker: it does "
				 "not know %s",
				 engine->endpoint->name, path);
	return rc ? error_wrap(err, "%s", path) : 0;
}

/* Only one that is not there at all may be meant to be elsewhere. */
static int
no_daemon(const struct engine *engine, const struct http_response *response,
	  struct ferry_error *err)
{
	const char *socket = engine->endpoint->socket;

	if (!response->unreachable || (socket && access(socket, F_OK) == 0))
		return err->code;
	return error_add(err, " (elsewhere: %s)", engine->elsewhere);
}

static int
take_ping(struct engine *engine, struct engine_daemon *out,
	  struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	const char *server;
	bool found;
	int rc = get(engine, "/_ping", &response, &found, err);

	if (rc)
		return no_daemon(engine, &response, err);
	server = http_response_header(&response, "Server", 0);
	out->podman = server && text_starts(server, "Libpod");
	return 0;
}

static bool
knows_zstd(const json_t *version)
{
	const char *text =
		json_string_value(json_object_get(version, "ApiVersion"));
	uint64_t minor;

	if (!text || !text_starts(text, "1."))
		return true; /* a version to come */
	return !text_to_u64(text + 2, &minor) || minor >= ZSTD_API_MINOR;
}

static int
take_version(struct engine *engine, struct engine_daemon *out,
	     struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	const char *version, *os, *architecture;
	int rc = get_known(engine, "/version", &json, err);

	if (rc)
		return rc;
	rc = json_get_text(json, "Version", &version, err);
	if (!rc)
		rc = json_get_text(json, "Os", &os, err);
	if (!rc)
		rc = json_get_text(json, "Arch", &architecture, err);
	if (!rc)
		rc = platform_set(&out->platform, os, architecture, NULL, err);
	if (rc)
		return error_wrap(err, "Docker at %s: /version",
				  engine->endpoint->name);
	text_escape(out->version, sizeof(out->version), version);
	out->zstd = knows_zstd(json);
	return 0;
}

/* "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]] */
static bool
is_containerd_store(const json_t *info)
{
	const json_t *status = json_object_get(info, "DriverStatus");
	const json_t *pair;
	size_t i;

	json_array_foreach (status, i, pair) {
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		if (key && value && strcmp(key, "driver-type") == 0 &&
		    text_starts(value, "io.containerd."))
			return true;
	}
	return false;
}

/* A socket may lead to another machine too, through ssh. */
static bool
is_on_this_machine(const json_t *info)
{
	const char *name = json_string_value(json_object_get(info, "Name"));
	struct utsname host;

	return name && uname(&host) == 0 && strcmp(name, host.nodename) == 0;
}

static int
take_info(struct engine *engine, struct engine_daemon *out,
	  struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	const char *root = NULL;
	int rc = get_known(engine, "/info", &json, err);

	if (rc)
		return rc;
	out->containerd_store = is_containerd_store(json);
	rc = json_find_text(json, "DockerRootDir", &root, err);
	if (rc)
		return error_wrap(err, "Docker at %s: /info",
				  engine->endpoint->name);
	return root && is_on_this_machine(json)
		       ? text_copy(&out->root, root, err)
		       : 0;
}

int
engine_ask(struct engine *engine, struct engine_daemon *out,
	   struct ferry_error *err)
{
	AUTO(engine_daemon_release) struct engine_daemon daemon = { 0 };
	int rc = take_ping(engine, &daemon, err);

	if (!rc)
		rc = take_version(engine, &daemon, err);
	if (!rc)
		rc = take_info(engine, &daemon, err);
	if (rc)
		return rc;
	*out = daemon;
	daemon.root = NULL;
	return 0;
}

void
engine_daemon_release(struct engine_daemon *daemon)
{
	free(daemon->root);
	daemon->root = NULL;
}

int
engine_image(struct engine *engine, const char *name, json_t **out,
	     struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_JSON *json = NULL;
	bool found;
	int rc = text_format(&path, err, "/images/%s/json", name);

	if (!rc)
		rc = get_json(engine, path, &json, &found, err);
	if (!rc)
		*out = STEAL(&json);
	return rc;
}

/* The answer is a list, and json_parse() takes objects only. */
int
engine_images(struct engine *engine, json_t **out, struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	AUTO_BUFFER object = BUFFER(ANSWER_MAX + 32);
	bool found;
	int rc = get(engine, "/images/json", &response, &found, err);

	if (!rc)
		rc = buffer_format(&object, err, "{\"images\":");
	if (!rc)
		rc = buffer_append(&object, response.body.data,
				   response.body.size, err);
	if (!rc)
		rc = buffer_format(&object, err, "}");
	if (!rc)
		rc = json_parse(out, object.data, object.size, err);
	return rc ? error_wrap(err, "list of images") : 0;
}

int
engine_tag(struct engine *engine, const char *id,
	   const struct reference *reference, struct ferry_error *err)
{
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
		rc = perform(engine, "POST", path, &response, err);
	if (!rc && response.status / 100 != 2)
		rc = engine_refused(&response, err);
	return rc;
}

int
engine_untag(struct engine *engine, const char *name, struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	AUTO_FREE char *path = NULL;
	int rc = text_format(&path, err, "/images/%s", name);

	if (!rc)
		rc = perform(engine, "DELETE", path, &response, err);
	if (!rc && response.status / 100 != 2 && response.status != 404)
		rc = engine_refused(&response, err);
	return rc;
}
