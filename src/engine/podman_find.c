#include "base/text.h"
#include "engine/podman.h"

#define ELSEWHERE "--to podman:SOCKET names another"

/* Which podman is wanted, and where to put what is found. */
struct search {
	struct ferry_context *context;
	const struct ferry_podman_options *options;
	const char *address;
	struct podman *podman;
};

static int
parse_host(struct engine_endpoint *out, const char *host,
	   struct ferry_error *err)
{
	if (text_starts(host, "ssh://"))
		return error_set(err, FERRY_E_USAGE,
				 "CONTAINER_HOST: '%s': ferry does not speak "
				 "ssh: run it on that host, or forward the "
				 "socket and name that (" ELSEWHERE ")",
				 host);
	return engine_endpoint_parse(out, host, false, err)
		       ? error_wrap(err, "CONTAINER_HOST")
		       : 0;
}

static int
open_service(struct search *search, struct ferry_error *err)
{
	const struct ferry_podman_options *options = search->options;
	AUTO(engine_endpoint_release) struct engine_endpoint endpoint = { 0 };
	int rc;

	if (search->address)
		rc = engine_endpoint_socket(&endpoint, search->address, err);
	else if (options->host)
		rc = parse_host(&endpoint, options->host, err);
	else
		rc = engine_endpoint_socket(&endpoint, options->socket, err);
	return rc ? rc
		  : podman_open_service(&search->podman, search->context,
					&endpoint, err);
}

/* Nobody has to run a service for podman to be there. */
static int
ask_program(struct search *search, struct podman_info *info,
	    struct ferry_error *err)
{
	const char *socket = search->options->socket;
	int rc;

	podman_close(STEAL(&search->podman));
	rc = podman_open_program(&search->podman, search->context, err);
	if (!rc)
		rc = podman_ask(search->podman, info, err);
	if (rc == FERRY_E_NOT_FOUND)
		return error_set(err, FERRY_E_FAILED,
				 "no podman here: nobody listens at %s, and "
				 "there is no program podman (" ELSEWHERE ")",
				 socket ? socket : "a socket of this user");
	return rc;
}

static int
ask(struct search *search, struct podman_info *info, struct ferry_error *err)
{
	bool named = search->address || search->options->host;
	int rc;

	if (!named && !search->options->socket)
		return ask_program(search, info, err);
	rc = open_service(search, err);
	if (!rc)
		rc = podman_ask(search->podman, info, err);
	if (!rc || !search->podman || !search->podman->gone)
		return rc;
	return named ? error_add(err, " ('systemctl start podman.socket' or "
				      "'podman system service' has podman "
				      "answer)")
		     : ask_program(search, info, err);
}

int
podman_find(struct podman **out, struct podman_info *info,
	    struct ferry_context *context,
	    const struct ferry_podman_options *options, const char *address,
	    struct ferry_error *err)
{
	struct search search = { context, options, address, NULL };
	int rc = ask(&search, info, err);

	if (rc)
		podman_close(search.podman);
	else
		*out = search.podman;
	return rc;
}
