#include "engine/locate.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "codec/digest.h"
#include "json/json.h"

/* The one that is no context, but what the environment says. */
#define CONTEXT_DEFAULT "default"

static int
load_json(json_t **out, const char *path, size_t most, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(most);
	int rc = file_load(path, &bytes, err);

	if (rc)
		return rc;
	if (json_parse(out, bytes.data, bytes.size, err))
		return error_wrap(err, "%s", path);
	return 0;
}

/* *out is NULL when it names none. */
static int
current_context(char **out, const char *folder, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_JSON *config = NULL;
	const char *name = NULL;
	struct ferry_error why;
	int rc = text_format(&path, err, "%s/config.json", folder);

	if (rc)
		return rc;
	rc = load_json(&config, path, ENGINE_CONFIG_MAX, &why);
	if (rc == FERRY_E_NOT_FOUND)
		return 0;
	if (rc) {
		*err = why;
		return rc;
	}
	if (json_find_text(config, "currentContext", &name, err))
		return error_wrap(err, "%s", path);
	return name && *name ? text_copy(out, name, err) : 0;
}

/* What the environment says of TLS, which contexts do not heed. */
static int
add_environment_tls(struct engine_endpoint *endpoint,
		    const struct ferry_docker_options *options,
		    struct ferry_error *err)
{
	const char *folder = options->certs ? options->certs : options->config;

	if (!endpoint->tls)
		return 0;
	endpoint->unverified = options->tls && !options->tls_verify;
	if (folder && engine_endpoint_files(endpoint, folder, err))
		return err->code;
	if (options->tls_verify && !endpoint->ca)
		return error_set(err, FERRY_E_FAILED,
				 "DOCKER_TLS_VERIFY is set, and there is no "
				 "ca.pem in %s; DOCKER_CERT_PATH says where it "
				 "is",
				 folder ? folder : "any folder known");
	return 0;
}

static int
from_environment(struct engine_endpoint *out,
		 const struct ferry_docker_options *options,
		 struct ferry_error *err)
{
	AUTO(engine_endpoint_release) struct engine_endpoint endpoint = { 0 };
	bool tls = options->tls || options->tls_verify;
	int rc;

	if (options->host)
		rc = engine_endpoint_parse(&endpoint, options->host, tls, err)
			     ? error_wrap(err, "DOCKER_HOST")
			     : 0;
	else if (tls) /* as Docker: it is for TCP only */
		rc = engine_endpoint_parse(&endpoint, "tcp://", tls, err);
	else
		rc = engine_endpoint_socket(&endpoint, ENGINE_SOCKET, err);
	if (!rc)
		rc = add_environment_tls(&endpoint, options, err);
	if (rc)
		return rc;
	*out = endpoint;
	endpoint = (struct engine_endpoint){ 0 };
	return 0;
}

/* {"Endpoints": {"docker": {"Host": ..., "SkipTLSVerify": false}}} */
static int
read_endpoint(const json_t *meta, const char **host, bool *unverified,
	      struct ferry_error *err)
{
	const json_t *skip;
	json_t *endpoints, *docker;
	int rc = json_get_object(meta, "Endpoints", &endpoints, err);

	if (!rc)
		rc = json_find_object(endpoints, "docker", &docker, err);
	if (rc)
		return rc;
	if (!docker)
		return error_set(err, FERRY_E_FAILED,
				 "it has no endpoint for Docker");
	skip = json_object_get(docker, "SkipTLSVerify");
	if (skip && !json_is_boolean(skip))
		return error_set(err, FERRY_E_FAILED,
				 "SkipTLSVerify is neither true nor false");
	*unverified = json_is_true(skip);
	return json_get_text(docker, "Host", host, err);
}

static int
from_meta(struct engine_endpoint *out, const json_t *meta, const char *certs,
	  struct ferry_error *err)
{
	AUTO(engine_endpoint_release) struct engine_endpoint files = { 0 };
	const char *host;
	bool unverified = false;
	bool tls;
	int rc = read_endpoint(meta, &host, &unverified, err);

	if (!rc)
		rc = engine_endpoint_files(&files, certs, err);
	if (rc)
		return rc;
	tls = unverified || files.ca || files.cert;
	rc = engine_endpoint_parse(out, host, tls, err);
	if (rc)
		return rc;
	out->unverified = out->tls && unverified;
	out->ca = STEAL(&files.ca);
	out->cert = STEAL(&files.cert);
	out->key = STEAL(&files.key);
	return 0;
}

/* docker/cli, cli/context/store: folders are called by the name's sha256. */
static int
open_context(struct engine_endpoint *out, const char *folder, const char *name,
	     struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *certs = NULL;
	AUTO_JSON *meta = NULL;
	struct digest id;
	int rc = digest_of(&id, name, strlen(name), err);

	if (!rc)
		rc = text_format(&path, err, "%s/contexts/meta/%s/meta.json",
				 folder, digest_hex(&id));
	if (!rc)
		rc = text_format(&certs, err, "%s/contexts/tls/%s/docker",
				 folder, digest_hex(&id));
	if (!rc)
		rc = load_json(&meta, path, ENGINE_CONTEXT_MAX, err);
	if (rc == FERRY_E_NOT_FOUND)
		return error_set(err, FERRY_E_FAILED,
				 "there is no such context in %s/contexts; "
				 "'docker context ls' lists them",
				 folder);
	if (rc)
		return rc;
	return from_meta(out, meta, certs, err) ? error_wrap(err, "%s", path)
						: 0;
}

static int
from_context(struct engine_endpoint *out, const char *folder, const char *name,
	     const char *whence, struct ferry_error *err)
{
	int rc;

	if (folder)
		rc = open_context(out, folder, name, err);
	else
		rc = error_set(err, FERRY_E_FAILED,
			       "neither DOCKER_CONFIG nor HOME says where "
			       "contexts are");
	return rc ? error_wrap(err, "%s: Docker's context '%s'", whence, name)
		  : 0;
}

/*
 * The context that counts where no host is given; NULL: none that has a name.
 * *current is the one of config.json, if that is it.
 */
static int
find_context(const char **out, char **current,
	     const struct ferry_docker_options *options,
	     struct ferry_error *err)
{
	const char *name = options->context;
	int rc = 0;

	if (!name && options->config)
		rc = current_context(current, options->config, err);
	if (rc)
		return rc;
	if (*current)
		name = *current;
	*out = name && strcmp(name, CONTEXT_DEFAULT) != 0 ? name : NULL;
	return 0;
}

int
ferry_docker_chosen(const struct ferry_docker_options *options, bool *out,
		    struct ferry_error *err)
{
	AUTO_FREE char *current = NULL;
	const char *name = NULL;
	int rc = 0;

	if (!options->host)
		rc = find_context(&name, &current, options, err);
	if (!rc)
		*out = options->host || options->context || name;
	return rc;
}

int
engine_locate(struct engine_endpoint *out,
	      const struct ferry_docker_options *options,
	      struct ferry_error *err)
{
	AUTO_FREE char *current = NULL;
	const char *name;
	int rc;

	if (options->host)
		return from_environment(out, options, err);
	rc = find_context(&name, &current, options, err);
	if (rc)
		return rc;
	if (!name)
		return from_environment(out, options, err);
	return from_context(out, options->config, name,
			    current ? "config.json" : "DOCKER_CONTEXT", err);
}
