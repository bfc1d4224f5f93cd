/*
 * The docker-archive that Docker loads: configs, layers, and at the very end
 * manifest.json, without which Docker takes nothing from it.
 *
 * All sizes are known beforehand, so the length of the whole is, too.
 */
#ifndef TARGET_DOCKER_ARCHIVE_H
#define TARGET_DOCKER_ARCHIVE_H

#include "oci/release.h"
#include "source/source.h"

struct docker_archive {
	const struct release *release;
	bool *wanted;		/* blob by blob of the release */
	struct buffer manifest; /* manifest.json */
	uint64_t size;		/* of the stream; 0: nothing to send */
	uint64_t unpacked;	/* what its layers take once unpacked, about */
};

/*
 * Plans the archive of those images of `release` (borrowed) for which
 * send[i] holds, without the layers that Docker has: have[i] counts those of
 * image i, lowest first.  Images with one ID are one entry with all names.
 */
int docker_archive_init(struct docker_archive *out,
			const struct release *release, const bool *send,
			const size_t *have, struct ferry_error *err) MUST_CHECK;
void docker_archive_release(struct docker_archive *archive);

/*
 * Writes the stream, exactly `size` bytes, into `to`.  Every blob comes from
 * `source`, which proves it; its error and that of `to` are passed on.
 */
int docker_archive_write(const struct docker_archive *archive,
			 struct source *source, struct sink *to,
			 struct ferry_error *err) MUST_CHECK;

#endif
