/*
 * This machine, as far as it decides what can run here.
 */
#ifndef FERRY_HOST_H
#define FERRY_HOST_H

#include <stddef.h>

#include "ferry/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A container runtime whose socket is there. */
struct ferry_runtime {
	const char *name; /* "docker", "containerd", "podman" */
	const char *socket;
};

struct ferry_host {
	char machine[66];  /* as uname(2) says: "x86_64" */
	char kernel[66];   /* "Linux" */
	char release[66];  /* "6.1.0-18-amd64" */
	char platform[64]; /* as OCI says: "linux/amd64" */
	struct ferry_runtime runtimes[8];
	size_t runtime_count;
};

int ferry_host_find(struct ferry_host *out, struct ferry_error *err);

#ifdef __cplusplus
}
#endif
#endif
