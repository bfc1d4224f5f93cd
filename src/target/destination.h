/*
 * What `--to` names.
 */
#ifndef TARGET_DESTINATION_H
#define TARGET_DESTINATION_H

#include "base/error.h"

enum destination_kind {
	DESTINATION_DOCKER,
	DESTINATION_REGISTRY,
	DESTINATION_OCI,
	DESTINATION_CONTAINERD,
	DESTINATION_PODMAN,
};

struct destination {
	enum destination_kind kind;
	/*
	 * Socket, folder, namespace, or HOST[:PORT][/PREFIX]; borrowed.  NULL:
	 * the one that the options name.
	 */
	const char *address;
};

#define DESTINATION_FORMS                                                      \
	"docker, docker-daemon:SOCKET, containerd[:NAMESPACE], podman[:SOCKET], oci:DIR or HOST[:PORT][/PREFIX] of a registry"

/*
 * One of the forms of destination.c, or HOST[:PORT][/PREFIX] where HOST cannot
 * be taken for anything else: it has a dot, a port, or is "localhost".
 * FERRY_E_USAGE otherwise.
 */
int destination_parse(struct destination *out, const char *text,
		      struct ferry_error *err) MUST_CHECK;

#endif
