/*
 * What ferry reads from the environment.  No other file does.
 */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "ferry/containerd.h"
#include "ferry/docker.h"
#include "ferry/podman.h"

/* Paths that the environment leads to; owned. */
#define ENVIRONMENT_FILES_MAX 8

struct environment_files {
	char *paths[ENVIRONMENT_FILES_MAX];
	size_t count;
};

void environment_files_release(struct environment_files *files);

/*
 * The files with registries' credentials that Docker, Podman and skopeo look
 * into, in that order, those that there are: *out was empty.  The one that
 * REGISTRY_AUTH_FILE names stands alone, if it is there.
 */
int environment_authfiles(struct environment_files *out,
			  struct ferry_error *err) MUST_CHECK;

/*
 * Where OpenSSL is told to look for authorities, or where static.h finds them;
 * NULL: where libcurl was told to look when it was built.
 */
const char *environment_ca(bool folder);

/* Where Docker's own program would find its daemon. */
struct docker_place {
	struct ferry_docker_options options;
	char *config; /* what options point to; owned */
};

int environment_docker(struct docker_place *out, struct ferry_error *err)
	MUST_CHECK;
void docker_place_release(struct docker_place *place);

/* Which containerd ctr would speak to, and in which namespace. */
struct ferry_containerd_options environment_containerd(void);

/* Where podman's own program would find its service. */
struct podman_place {
	struct ferry_podman_options options;
	char *socket; /* what options point to; owned */
};

int environment_podman(struct podman_place *out, struct ferry_error *err)
	MUST_CHECK;
void podman_place_release(struct podman_place *place);

/*
 * Where `to` leads: NULL is "docker" if DOCKER_HOST, DOCKER_CONTEXT or the
 * context in use choose one, "containerd" if CONTAINERD_ADDRESS is set, else
 * the one runtime on this machine.  *out is owned by the caller.
 */
int environment_target(const char *to,
		       const struct ferry_docker_options *docker, char **out,
		       struct ferry_error *err) MUST_CHECK;

/*
 * Where ferry may remember what it was at: $XDG_STATE_HOME/ferry, or
 * ~/.local/state/ferry; *out stays NULL without a home.
 */
int environment_state(char **out, struct ferry_error *err) MUST_CHECK;

/* All of it, "NAME=VALUE" up to a NULL: the variables of a Compose file. */
const char *const *environment_all(void);

/* Whether the user or the terminal wants no escape sequences. */
bool environment_no_escapes(void);

/* Rows of the terminal that `fd` is, else 24. */
size_t environment_rows(int fd);

/* Columns of the terminal that `fd` is, else COLUMNS, else 80. */
size_t environment_columns(int fd);

#endif
