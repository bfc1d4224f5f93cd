#include "cli/environment.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/static.h"
#include "ferry/host.h"

#define TARGET_FORMS                                                            \
	"--to docker, --to docker-daemon:SOCKET, --to containerd[:NAMESPACE], " \
	"--to podman[:SOCKET], --to oci:DIR, "                                  \
	"or for a registry --to HOST[:PORT][/PREFIX]"

/* An empty variable is as good as none. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Where a file is looked for: $VARIABLE and what is appended to it. */
struct place {
	const char *variable;
	const char *tail;
	const char *unless; /* a variable that takes this one's place */
};

struct ferry_containerd_options
environment_containerd(void)
{
	return (struct ferry_containerd_options){
		.address = variable("CONTAINERD_ADDRESS"),
		.space = variable("CONTAINERD_NAMESPACE"),
	};
}

static int
add_if_there(struct environment_files *files, char *take_path)
{
	if (access(take_path, F_OK))
		free(take_path);
	else
		files->paths[files->count++] = take_path;
	return 0;
}

/* Where podman logs in when there is no folder for the session. */
static int
add_run_file(struct environment_files *files, struct ferry_error *err)
{
	char *path = NULL;

	if (variable("XDG_RUNTIME_DIR"))
		return 0;
	if (text_format(&path, err, "/run/containers/%u/auth.json",
			(unsigned)getuid()))
		return err->code;
	return add_if_there(files, path);
}

/* containers-auth.json(5), and where Docker looks. */
int
environment_authfiles(struct environment_files *out, struct ferry_error *err)
{
	static const struct place places[] = {
		{ "XDG_RUNTIME_DIR", "/containers/auth.json", NULL },
		{ "XDG_CONFIG_HOME", "/containers/auth.json", NULL },
		{ "HOME", "/.config/containers/auth.json", "XDG_CONFIG_HOME" },
		{ "DOCKER_CONFIG", "/config.json", NULL },
		{ "HOME", "/.docker/config.json", "DOCKER_CONFIG" },
	};
	const char *only = variable("REGISTRY_AUTH_FILE");
	int rc;

	if (only && access(only, F_OK) == 0)
		return text_copy(&out->paths[out->count++], only, err);
	rc = add_run_file(out, err);
	for (size_t i = 0; i < ARRAY_SIZE(places) && !rc; i++) {
		const char *folder = variable(places[i].variable);
		char *path = NULL;

		if (!folder || (places[i].unless && variable(places[i].unless)))
			continue;
		rc = text_format(&path, err, "%s%s", folder, places[i].tail);
		if (!rc)
			rc = add_if_there(out, path);
	}
	return rc;
}

void
environment_files_release(struct environment_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	files->count = 0;
}

const char *
environment_ca(bool folder)
{
	const char *given = variable(folder ? "SSL_CERT_DIR" : "SSL_CERT_FILE");

	return given || folder ? given : static_authorities();
}

int
environment_docker(struct docker_place *out, struct ferry_error *err)
{
	const char *config = variable("DOCKER_CONFIG");
	const char *home = variable("HOME");
	struct docker_place place = {
		.options = {
			.host = variable("DOCKER_HOST"),
			.context = variable("DOCKER_CONTEXT"),
			.certs = variable("DOCKER_CERT_PATH"),
			.tls = variable("DOCKER_TLS") != NULL,
			.tls_verify = variable("DOCKER_TLS_VERIFY") != NULL,
		},
	};
	int rc = 0;

	if (config)
		rc = text_copy(&place.config, config, err);
	else if (home)
		rc = text_format(&place.config, err, "%s/.docker", home);
	if (rc)
		return rc;
	place.options.config = place.config;
	*out = place;
	return 0;
}

void
docker_place_release(struct docker_place *place)
{
	free(place->config);
	*place = (struct docker_place){ 0 };
}

/* Each Docker brings a containerd, whose images are not Docker's. */
static bool
is_dockers_own(const struct ferry_host *host,
	       const struct ferry_runtime *runtime)
{
	bool docker = false;

	for (size_t i = 0; i < host->runtime_count; i++)
		if (strcmp(host->runtimes[i].name, "docker") == 0)
			docker = true;
	return docker && strcmp(runtime->name, "containerd") == 0 &&
	       text_starts(runtime->socket, "/run/containerd/");
}

/* Each user has a podman of their own, and containerd is root's. */
static bool
is_anothers(const struct ferry_runtime *runtime)
{
	return strcmp(runtime->name, "docker") &&
	       access(runtime->socket, R_OK | W_OK);
}

static bool
is_target(const struct ferry_host *host, const struct ferry_runtime *runtime)
{
	return !is_anothers(runtime) && !is_dockers_own(host, runtime);
}

/* podman-system-service(1): one for root, and one for each user. */
int
environment_podman(struct podman_place *out, struct ferry_error *err)
{
	const char *folder = variable("XDG_RUNTIME_DIR");
	struct podman_place place = {
		.options.host = variable("CONTAINER_HOST"),
	};
	int rc;

	if (geteuid() == 0)
		rc = text_copy(&place.socket, "/run/podman/podman.sock", err);
	else if (folder)
		rc = text_format(&place.socket, err, "%s/podman/podman.sock",
				 folder);
	else
		rc = text_format(&place.socket, err,
				 "/run/user/%u/podman/podman.sock",
				 (unsigned)geteuid());
	if (rc)
		return rc;
	place.options.socket = place.socket;
	*out = place;
	return 0;
}

void
podman_place_release(struct podman_place *place)
{
	free(place->socket);
	*place = (struct podman_place){ 0 };
}

static int
refuse_hosts(const struct ferry_host *host, struct ferry_error *err)
{
	error_set(err, FERRY_E_USAGE,
		  host->runtime_count ? "no --to given, and found"
				      : "no --to given, and no runtime found");
	for (size_t i = 0; i < host->runtime_count; i++) {
		const struct ferry_runtime *runtime = &host->runtimes[i];

		error_add(err, "%s %s at %s%s", i ? "," : "", runtime->name,
			  runtime->socket,
			  is_anothers(runtime) ? " (not for this user)" : "");
	}
	return error_add(err, "; give " TARGET_FORMS);
}

/* The library looks for those of the system. */
static void
add_own_podman(struct ferry_host *host, const char *socket)
{
	if (geteuid() && access(socket, F_OK) == 0 &&
	    host->runtime_count < ARRAY_SIZE(host->runtimes))
		host->runtimes[host->runtime_count++] =
			(struct ferry_runtime){ "podman", socket };
}

static int
found_target(char **out, struct ferry_error *err)
{
	AUTO(podman_place_release) struct podman_place own = { 0 };
	struct ferry_host host = { 0 };
	const struct ferry_runtime *runtime = NULL;
	unsigned found = 0;

	if (ferry_host_find(&host, err) || environment_podman(&own, err))
		return err->code;
	add_own_podman(&host, own.socket);
	for (size_t i = 0; i < host.runtime_count; i++) {
		if (!is_target(&host, &host.runtimes[i]))
			continue;
		runtime = &host.runtimes[i];
		found++;
	}
	if (found != 1)
		return refuse_hosts(&host, err);
	/* Where containerd is at home is found once more by the library. */
	if (strcmp(runtime->name, "containerd") == 0)
		return text_copy(out, runtime->name, err);
	return text_format(out, err, "%s:%s",
			   strcmp(runtime->name, "podman") ? "docker-daemon"
							   : "podman",
			   runtime->socket);
}

int
environment_target(const char *to, const struct ferry_docker_options *docker,
		   char **out, struct ferry_error *err)
{
	bool chosen = false;

	if (!to && ferry_docker_chosen(docker, &chosen, err))
		return error_add(err, " (it may say which Docker is meant: "
				      "without --to it is read first)");
	if (chosen)
		to = "docker";
	else if (!to && variable("CONTAINERD_ADDRESS"))
		to = "containerd";
	else if (!to && variable("CONTAINER_HOST"))
		to = "podman";
	return to ? text_copy(out, to, err) : found_target(out, err);
}

int
environment_state(char **out, struct ferry_error *err)
{
	const char *state = variable("XDG_STATE_HOME");
	const char *home = variable("HOME");

	/* "All paths must be absolute", or they do not count. */
	if (state && *state == '/')
		return text_format(out, err, "%s/ferry", state);
	if (home && *home == '/')
		return text_format(out, err, "%s/.local/state/ferry", home);
	return 0;
}

const char *const *
environment_all(void)
{
	return (const char *const *)environ;
}

bool
environment_no_escapes(void)
{
	const char *terminal = variable("TERM");

	return variable("NO_COLOR") || !terminal ||
	       strcmp(terminal, "dumb") == 0;
}

/* All 0: no terminal, or one that does not know. */
static struct winsize
window_of(int fd)
{
	struct winsize window = { 0 };

	if (ioctl(fd, TIOCGWINSZ, &window))
		return (struct winsize){ 0 };
	return window;
}

size_t
environment_rows(int fd)
{
	struct winsize window = window_of(fd);

	return window.ws_row ? window.ws_row : 24;
}

size_t
environment_columns(int fd)
{
	struct winsize window = window_of(fd);
	const char *columns = variable("COLUMNS");
	uint64_t number;

	if (window.ws_col)
		return window.ws_col;
	if (columns && text_to_u64(columns, &number) && number &&
	    number <= UINT16_MAX)
		return (size_t)number;
	return 80;
}
