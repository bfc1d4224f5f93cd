#include "registry/client.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/url.h"
#include "registry/call.h"
#include "registry/credentials.h"
#include "registry/mirror.h"

#define HUB_API "registry-1.docker.io"

int
client_new(struct registry **out, struct ferry_context *context,
	   const struct ferry_registry_options *options, const char *host,
	   const char *url, enum registry_access access, unsigned workers,
	   struct ferry_error *err)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	int rc;

	if (!registry)
		return error_nomem(err);
	registry->context = context;
	registry->options = *options;
	registry->url = url;
	retry_host_init(&registry->peer, options->give_up_after);
	limit_init(&registry->limit, workers);
	registry->access = access;
	registry->settings = (struct http_settings){
		.context = context,
		/* libcurl 7.88 sends bodies in HTTP/2 at half the speed and
		 * several times the cost. */
		.http2 = access == REGISTRY_PULL,
		.ca = options->ca,
		.cert = options->cert,
		.key = options->key,
		.system_ca = options->system_ca,
		.system_ca_folder = options->system_ca_folder,
		.connect_seconds = options->connect_timeout,
		.stall_seconds = options->stall_timeout
	};
	registry->workers = workers;
	manifest_cache_init(&registry->manifests);
	pthread_mutex_init(&registry->probing, NULL);
	pthread_mutex_init(&registry->counting, NULL);
	registry->https = calloc(workers, sizeof(struct http *));
	rc = registry->https ? text_copy(&registry->host, host, err)
			     : error_nomem(err);
	if (!rc)
		rc = auth_new(&registry->auth, context, &registry->options,
			      registry->host, err);
	if (rc)
		registry_free(registry);
	else
		*out = registry;
	return rc;
}

int
registry_new(struct registry **out, struct ferry_context *context,
	     const struct ferry_registry_options *options, const char *host,
	     enum registry_access access, unsigned workers,
	     struct ferry_error *err)
{
	struct registry *registry = NULL;
	int rc = client_new(&registry, context, options, host, NULL, access,
			    workers, err);

	if (!rc && access == REGISTRY_PULL)
		rc = mirrors_new(&registry->mirrors, context, options, host,
				 workers, err);
	if (rc)
		registry_free(registry);
	else
		*out = registry;
	return rc;
}

void
registry_free(struct registry *registry)
{
	if (!registry)
		return;
	mirrors_free(registry->mirrors);
	for (unsigned i = 0; registry->https && i < registry->workers; i++)
		http_free(registry->https[i]);
	auth_free(registry->auth);
	manifest_cache_release(&registry->manifests);
	limit_release(&registry->limit);
	pthread_mutex_destroy(&registry->probing);
	pthread_mutex_destroy(&registry->counting);
	free(registry->https);
	free(registry->host);
	free(registry->base);
	free(registry);
}

const char *
registry_host(const struct registry *registry)
{
	return registry->host;
}

void
client_note_quota(struct registry *registry,
		  const struct http_response *response)
{
	struct ferry_quota quota = { 0 };

	if (!quota_read(&quota, response))
		return;
	snprintf(quota.host, sizeof(quota.host), "%s", registry->host);
	pthread_mutex_lock(&registry->counting);
	registry->quota = quota;
	registry->has_quota = true;
	pthread_mutex_unlock(&registry->counting);
}

int
registry_add_quotas(struct registry *registry, struct quotas *quotas,
		    struct ferry_error *err)
{
	int rc = mirrors_add_quotas(registry->mirrors, quotas, err);

	pthread_mutex_lock(&registry->counting);
	if (!rc && registry->has_quota)
		rc = quotas_add(quotas, &registry->quota, err);
	pthread_mutex_unlock(&registry->counting);
	return rc;
}

int
client_http(struct registry *registry, unsigned worker, struct http **out,
	    struct ferry_error *err)
{
	int rc = 0;

	if (!registry->https[worker])
		rc = http_new(&registry->https[worker], &registry->settings,
			      err);
	if (!rc)
		*out = registry->https[worker];
	return rc;
}

/* Whether `name` is HOST[:PORT] of the registry; without port: of any. */
static bool
names_host(const char *name, const char *host)
{
	size_t length = strlen(name);

	return strncasecmp(name, host, length) == 0 &&
	       (!host[length] || host[length] == ':');
}

bool
client_allows_plain(const struct ferry_registry_options *options,
		    const char *host)
{
	for (size_t i = 0; i < options->plain_http_count; i++)
		if (names_host(options->plain_http[i], host))
			return true;
	return false;
}

static int
make_base(char **out, const struct registry *registry, const char *scheme,
	  struct ferry_error *err)
{
	bool hub = strcmp(credentials_host(registry->host), REFERENCE_HUB) == 0;

	if (registry->url)
		return text_copy(out, registry->url, err);
	return text_format(out, err, "%s://%s", scheme,
			   hub ? HUB_API : registry->host);
}

static int
set_base(struct registry *registry, const char *scheme, struct ferry_error *err)
{
	char *base = NULL;
	int rc = make_base(&base, registry, scheme, err);

	if (rc)
		return rc;
	free(registry->base);
	registry->base = base;
	auth_set_base(registry->auth, base);
	return 0;
}

/* GET /v2/, the distribution-spec's "end-1", as often as `retries` allow. */
static int
ping(struct registry *registry, unsigned worker, unsigned retries,
     struct http_response *response, struct ferry_error *err)
{
	struct call call = { .method = "GET", .path = "/v2/" };
	char name[CALL_NAME];
	struct retry retry;
	bool again;
	int rc;

	call_begin(&retry, registry, &call, name);
	retry.limit = retries;
	do {
		rc = call_plain(registry, worker, &call, response, err);
		rc = retry_next(&retry, rc, response, &again, err);
	} while (again && !rc);
	if (!rc && retry_status(response->status))
		rc = call_refused(registry, &call, response, err);
	if (!rc && response->status / 100 == 2)
		rc = refusal_check_type(response, registry->host, err);
	if (!rc && response->status == 401 && !call.away)
		rc = auth_learn(registry->auth, response, err);
	return rc;
}

/* What Go's, nginx's and other servers say to HTTP on a TLS port. */
static bool
wants_tls(int rc, struct http_response *response)
{
	struct ferry_error ignored;
	const char *said = "";

	if (!response->status)
		return rc && !response->unreachable;
	return response->status == 400 &&
	       buffer_text(&response->body, &said, &ignored) == 0 &&
	       strcasestr(said, "https");
}

/* Nobody listens in on loopback, so HTTP will do unless TLS is spoken. */
static int
probe_loopback(struct registry *registry, unsigned worker,
	       struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	bool said;
	int rc = set_base(registry, "http", err);

	if (rc)
		return rc;
	rc = ping(registry, worker, 0, &response, err);
	/* It speaks HTTP, but not now. */
	if (rc && retry_status(response.status))
		return ping(registry, worker, registry->options.retries,
			    &response, err);
	if (rc == FERRY_E_INTERRUPTED || !wants_tls(rc, &response))
		return rc;
	said = response.status; /* then what goes wrong with TLS is the news */
	rc = set_base(registry, "https", err);
	if (!rc)
		rc = ping(registry, worker,
			  said ? registry->options.retries : 0, &response, err);
	/* An answer, whatever it is, proves that TLS is spoken; so does a
	 * certificate that we do not trust. */
	if (!rc || said || response.status ||
	    strstr(err->message, "TLS certificate"))
		return rc;
	rc = set_base(registry, "http", err);
	if (!rc)
		rc = ping(registry, worker, registry->options.retries,
			  &response, err);
	return rc;
}

static int
probe(struct registry *registry, unsigned worker, struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	bool plain = client_allows_plain(&registry->options, registry->host);
	struct url_origin origin;
	int rc = set_base(registry, plain ? "http" : "https", err);

	if (!rc)
		rc = url_origin(&origin, registry->base, err);
	if (rc)
		return rc;
	if (!registry->url && !plain && url_host_is_loopback(origin.host))
		return probe_loopback(registry, worker, err);
	return ping(registry, worker, registry->options.retries, &response,
		    err);
}

int
client_ready(struct registry *registry, unsigned worker,
	     struct ferry_error *err)
{
	if (!atomic_load(&registry->probed)) {
		pthread_mutex_lock(&registry->probing);
		if (!atomic_load(&registry->probed))
			registry->probe_rc =
				probe(registry, worker, &registry->probe_err);
		atomic_store(&registry->probed, true);
		pthread_mutex_unlock(&registry->probing);
	}
	if (registry->probe_rc)
		*err = registry->probe_err;
	return registry->probe_rc;
}

int
registry_check(struct registry *registry, unsigned worker,
	       struct ferry_error *err)
{
	struct call call = { .method = "GET", .path = "/v2/" };
	AUTO_RESPONSE response = HTTP_RESPONSE;
	int rc = call_run(registry, worker, &call, &response, err);

	if (rc)
		return rc;
	if (response.status == 404)
		return error_set(err, FERRY_E_FAILED,
				 "%s is not a registry (it has no /v2/)",
				 registry->host);
	if (response.status != 200)
		return call_refused(registry, &call, &response, err);
	return refusal_check_type(&response, registry->host, err);
}
