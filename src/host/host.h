/*
 * This machine: uname's word for it in OCI's terms, and what it can run.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>

#include "ferry/host.h"
#include "oci/platform.h"

/* `machine` as uname(2) says it; what OCI has no name for is an error. */
int host_platform(struct platform *out, const char *machine,
		  struct ferry_error *err) MUST_CHECK;

/*
 * Whether containerd on such a host would take the image without being asked
 * to emulate: an equal or lower variant of the host's architecture, 386 on
 * amd64, arm on arm64.
 */
bool host_runs(const struct platform *host, const struct platform *image);

#endif
