/*
 * The docker-archive that Docker's classic store loads: configs, layers, and
 * at the very end manifest.json, without which it takes nothing from it.
 */
#ifndef TARGET_DOCKER_ARCHIVE_H
#define TARGET_DOCKER_ARCHIVE_H

#include "target/archive_stream.h"

/*
 * Plans the archive of those images of `release` (borrowed) for which
 * send[i] holds, without the layers that Docker has: have[i] counts those of
 * image i, lowest first.  Images with one ID are one entry with all names.
 * Without any image, *out has no document: there is nothing to send.
 */
int docker_archive_init(struct archive_stream *out,
			const struct release *release, const bool *send,
			const size_t *have, struct ferry_error *err) MUST_CHECK;

#endif
