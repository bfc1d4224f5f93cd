/*
 * Which containerd is meant, and what in it.
 */
#ifndef FERRY_CONTAINERD_H
#define FERRY_CONTAINERD_H

#ifdef __cplusplus
extern "C" {
#endif

/* What it points to is borrowed by the operation it is handed to. */
struct ferry_containerd_options {
	/*
	 * CONTAINERD_ADDRESS: the path of a socket; NULL: containerd's own
	 * place, or that of k3s.
	 */
	const char *address;
	/*
	 * CONTAINERD_NAMESPACE; NULL: "k8s.io" where Kubernetes is, else
	 * "default".
	 */
	const char *space;
};

#ifdef __cplusplus
}
#endif
#endif
