/*
 * libferry: container images across an air gap.
 *
 * Everything the ferry command does, it does through these headers.  Types
 * without a visible definition are opaque; strings are UTF-8, sizes are bytes.
 * A handle is used by one thread at a time.
 */
#ifndef FERRY_FERRY_H
#define FERRY_FERRY_H

#include "ferry/bundle.h"
#include "ferry/context.h"
#include "ferry/diff.h"
#include "ferry/docker.h"
#include "ferry/error.h"
#include "ferry/host.h"
#include "ferry/index.h"
#include "ferry/list.h"
#include "ferry/load.h"
#include "ferry/map.h"
#include "ferry/pack.h"
#include "ferry/podman.h"
#include "ferry/registry.h"
#include "ferry/serve.h"

#define FERRY_VERSION "0.1.0"

#endif
