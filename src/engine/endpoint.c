#include "engine/endpoint.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "net/url.h"

/* Of the URL only; the host of a unix socket is not looked up. */
#define SOCKET_URL "http://docker"
#define HOST_DEFAULT "localhost"
/* Of "docker" and "docker-s" in IANA's list. */
#define PORT_PLAIN 2375
#define PORT_TLS 2376
#define PORT_TEXT 8 /* ":65535" */

int
engine_endpoint_socket(struct engine_endpoint *out, const char *path,
		       struct ferry_error *err)
{
	AUTO(engine_endpoint_release) struct engine_endpoint endpoint = { 0 };
	const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	int rc;

	if (strlen(path) > most)
		return error_set(err, FERRY_E_USAGE,
				 "%.40s...: the path of a socket has %zu bytes "
				 "at most",
				 path, most);
	rc = text_copy(&endpoint.socket, path, err);
	if (!rc)
		rc = text_copy(&endpoint.name, path, err);
	if (!rc)
		rc = text_copy(&endpoint.url, SOCKET_URL, err);
	if (rc)
		return rc;
	*out = endpoint;
	endpoint = (struct engine_endpoint){ 0 };
	return 0;
}

/* Bytes of the host at the front of HOST[:PORT][/PATH], brackets included. */
static size_t
host_length(const char *rest)
{
	const char *end = *rest == '[' ? strchr(rest, ']') : NULL;

	return end ? (size_t)(end + 1 - rest) : strcspn(rest, ":/");
}

/* Of what stands between host and path: ":PORT", ":" or nothing. */
static int
read_port(char out[PORT_TEXT], const char *text, size_t size, bool tls,
	  struct ferry_error *err)
{
	if (size >= PORT_TEXT)
		return error_set(err, FERRY_E_USAGE, "'%.*s' is no port",
				 (int)(size - 1), text + 1);
	if (size > 1)
		snprintf(out, PORT_TEXT, "%.*s", (int)size, text);
	else
		snprintf(out, PORT_TEXT, ":%d", tls ? PORT_TLS : PORT_PLAIN);
	return 0;
}

/* HOST[:PORT][/PATH] as a URL, with what is left out put in. */
static int
make_url(char **out, const char *rest, bool tls, struct ferry_error *err)
{
	size_t host = host_length(rest);
	size_t port = strcspn(rest + host, "/");
	const char *path = rest + host + port;
	size_t length = strlen(path);
	char port_text[PORT_TEXT];

	if (rest[strcspn(rest, "?#@%")])
		return error_set(err, FERRY_E_USAGE,
				 "it is HOST[:PORT], without a user name, a "
				 "query or a fragment");
	if (read_port(port_text, rest + host, port, tls, err))
		return err->code;
	while (length && path[length - 1] == '/')
		length--;
	return text_format(out, err, "%s://%.*s%s%.*s", tls ? "https" : "http",
			   host ? (int)host : (int)strlen(HOST_DEFAULT),
			   host ? rest : HOST_DEFAULT, port_text, (int)length,
			   path);
}

static int
parse_tcp(struct engine_endpoint *out, const char *rest, bool tls,
	  struct ferry_error *err)
{
	AUTO(engine_endpoint_release) struct engine_endpoint endpoint = { 0 };
	char peer[URL_PEER_TEXT];
	int rc = make_url(&endpoint.url, rest, tls, err);

	if (!rc && url_peer(peer, endpoint.url, err))
		rc = err->code = FERRY_E_USAGE;
	if (!rc)
		rc = text_copy(&endpoint.name, peer, err);
	if (rc)
		return rc;
	endpoint.tls = tls;
	*out = endpoint;
	endpoint = (struct engine_endpoint){ 0 };
	return 0;
}

static int
parse_unix(struct engine_endpoint *out, const char *rest, bool tls,
	   struct ferry_error *err)
{
	(void)tls; /* whoever can open the socket is trusted */
	return engine_endpoint_socket(out, *rest ? rest : ENGINE_SOCKET, err);
}

/* A word for no TLS is not to win over a wish for TLS unnoticed. */
static int
parse_http(struct engine_endpoint *out, const char *rest, bool tls,
	   struct ferry_error *err)
{
	if (tls)
		return error_set(err, FERRY_E_USAGE,
				 "http:// is without TLS, which is asked for "
				 "elsewhere: say tcp://%s",
				 rest);
	return parse_tcp(out, rest, false, err);
}

static int
parse_https(struct engine_endpoint *out, const char *rest, bool tls,
	    struct ferry_error *err)
{
	(void)tls;
	return parse_tcp(out, rest, true, err);
}

static int
refuse_ssh(struct engine_endpoint *out, const char *rest, bool tls,
	   struct ferry_error *err)
{
	(void)out;
	(void)tls;
	return error_set(err, FERRY_E_USAGE,
			 "ferry does not speak ssh: run it on that host, or "
			 "forward the socket (ssh -nNT -L "
			 "/tmp/docker.sock:" ENGINE_SOCKET " %.*s) and set "
			 "DOCKER_HOST=unix:///tmp/docker.sock",
			 (int)strcspn(rest, "/"), rest);
}

static int
refuse_npipe(struct engine_endpoint *out, const char *rest, bool tls,
	     struct ferry_error *err)
{
	(void)out;
	(void)rest;
	(void)tls;
	return error_set(err, FERRY_E_USAGE,
			 "named pipes are of Windows: let its Docker listen at "
			 "tcp:// with TLS, or run ferry in WSL with its "
			 "unix:// socket");
}

static const struct {
	const char *front;
	int (*parse)(struct engine_endpoint *out, const char *rest, bool tls,
		     struct ferry_error *err);
} schemes[] = {
	{ "unix://", parse_unix }, { "tcp://", parse_tcp },
	{ "http://", parse_http }, { "https://", parse_https },
	{ "ssh://", refuse_ssh },  { "npipe://", refuse_npipe },
};

int
engine_endpoint_parse(struct engine_endpoint *out, const char *text, bool tls,
		      struct ferry_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		const char *front = schemes[i].front;

		if (!text_starts(text, front))
			continue;
		if (schemes[i].parse(out, text + strlen(front), tls, err))
			return error_wrap(err, "'%s'", text);
		return 0;
	}
	if (!*text || strstr(text, "://"))
		return error_set(err, FERRY_E_USAGE,
				 "'%s': Docker is reached at unix://SOCKET or "
				 "tcp://HOST[:PORT]",
				 text);
	if (parse_tcp(out, text, tls, err))
		return error_wrap(err, "'%s'", text);
	return 0;
}

static int
take_file(char **out, const char *folder, const char *name,
	  struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	int rc = text_format(&path, err, "%s/%s", folder, name);

	if (!rc && access(path, F_OK) == 0)
		*out = STEAL(&path);
	return rc;
}

int
engine_endpoint_files(struct engine_endpoint *endpoint, const char *folder,
		      struct ferry_error *err)
{
	int rc = take_file(&endpoint->ca, folder, "ca.pem", err);

	if (!rc)
		rc = take_file(&endpoint->cert, folder, "cert.pem", err);
	if (!rc)
		rc = take_file(&endpoint->key, folder, "key.pem", err);
	if (!rc && !endpoint->cert != !endpoint->key)
		rc = error_set(err, FERRY_E_FAILED,
			       "%s has %s without the %s that belongs to it",
			       folder, endpoint->cert ? "cert.pem" : "key.pem",
			       endpoint->cert ? "key.pem" : "cert.pem");
	return rc;
}

void
engine_endpoint_release(struct engine_endpoint *endpoint)
{
	free(endpoint->url);
	free(endpoint->socket);
	free(endpoint->name);
	free(endpoint->ca);
	free(endpoint->cert);
	free(endpoint->key);
	*endpoint = (struct engine_endpoint){ 0 };
}
