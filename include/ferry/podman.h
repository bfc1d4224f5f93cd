/*
 * Which Podman is meant.
 */
#ifndef FERRY_PODMAN_H
#define FERRY_PODMAN_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * `host` counts most.  Without it, it is the one at `socket`, if somebody
 * listens there, else podman's own program.  What it points to is borrowed by
 * the operation it is handed to.
 */
struct ferry_podman_options {
	/* CONTAINER_HOST: unix://SOCKET, tcp://HOST:PORT; NULL: not set */
	const char *host;
	/* Where the service of this user listens; NULL: not known. */
	const char *socket;
};

#ifdef __cplusplus
}
#endif
#endif
