#include "target/containerd_place.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/text.h"

#define OWN_SOCKET "/run/containerd/containerd.sock"
#define K3S_SOCKET "/run/k3s/containerd/containerd.sock"

static bool
is_there(const char *root, const char *path)
{
	char whole[4096];
	struct stat status;
	int length = snprintf(whole, sizeof(whole), "%s%s", root, path);

	return length > 0 && (size_t)length < sizeof(whole) &&
	       stat(whole, &status) == 0;
}

/*
 * What a kubelet leaves on a disk, k3s' and RKE2's too.  That it does not run
 * just now means nothing: images are loaded before it is started.
 */
static bool
has_kubernetes(const char *root)
{
	static const char *const traces[] = {
		K3S_SOCKET,
		"/etc/rancher/k3s",
		"/etc/rancher/rke2",
		"/var/lib/kubelet",
		"/etc/kubernetes/kubelet.conf",
	};

	for (size_t i = 0; i < ARRAY_SIZE(traces); i++)
		if (is_there(root, traces[i]))
			return true;
	return false;
}

/*
 * containerd's identifiers.Validate(): words of letters and digits, with one
 * '-', '_' or '.' between two.
 */
static bool
is_space(const char *text)
{
	bool word = false;

	if (strlen(text) >= CONTAINERD_SPACE_MAX)
		return false;
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) && (unsigned char)*text < 128)
			word = true;
		else if (word && strchr("-_.", *text))
			word = false;
		else
			return false;
	}
	return word;
}

static int
set_space(struct containerd_place *out, const char *root, const char *said,
	  const char *set, struct ferry_error *err)
{
	const char *space = said ? said : set;

	if (!space)
		space = has_kubernetes(root) ? CONTAINERD_KUBERNETES
					     : "default";
	if (!is_space(space))
		return error_set(err, FERRY_E_USAGE,
				 "%s'%s' is no namespace of containerd: it is "
				 "letters and digits, with '-', '_' or '.' "
				 "between them",
				 said ? "" : "CONTAINERD_NAMESPACE: ", space);
	snprintf(out->space, sizeof(out->space), "%s", space);
	return 0;
}

static int
set_address(struct containerd_place *out, const char *root, const char *set,
	    struct ferry_error *err)
{
	const char *address = set;

	if (!address)
		address = !is_there(root, OWN_SOCKET) &&
					  is_there(root, K3S_SOCKET)
				  ? K3S_SOCKET
				  : OWN_SOCKET;
	if (text_starts(address, "unix://"))
		address += strlen("unix://");
	if (*address != '/' || strlen(address) >= CONTAINERD_ADDRESS_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "CONTAINERD_ADDRESS: '%s' is no path of a "
				 "socket",
				 address);
	snprintf(out->address, sizeof(out->address), "%s", address);
	return 0;
}

int
containerd_place_find(struct containerd_place *out, const char *root,
		      const struct ferry_containerd_options *options,
		      const char *space, struct ferry_error *err)
{
	struct containerd_place place;
	int rc = set_address(&place, root, options->address, err);

	if (!rc)
		rc = set_space(&place, root, space, options->space, err);
	if (!rc)
		*out = place;
	return rc;
}

static int
tell_refused(const struct containerd_place *place, struct ferry_error *err)
{
	switch (errno) {
	case EACCES:
	case EPERM:
		return error_set(err, FERRY_E_DENIED,
				 "containerd at %s: no permission; it is "
				 "root's: run ferry as root",
				 place->address);
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		return error_set(err, FERRY_E_NOT_FOUND,
				 "containerd does not run: nobody listens at "
				 "%s; start it, or name its socket in "
				 "CONTAINERD_ADDRESS",
				 place->address);
	default:
		return error_errno(err, "containerd at %s", place->address);
	}
}

int
containerd_place_probe(const struct containerd_place *place,
		       struct ferry_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_errno(err, "socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 place->address);
	/* EAGAIN: many are waiting there already. */
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) &&
	    errno != EAGAIN)
		return tell_refused(place, err);
	return 0;
}
