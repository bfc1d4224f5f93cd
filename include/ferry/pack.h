/*
 * Images, from wherever they are, to a bundle: work out the plan, look at it,
 * carry it out.
 */
#ifndef FERRY_PACK_H
#define FERRY_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/context.h"
#include "ferry/docker.h"
#include "ferry/error.h"
#include "ferry/index.h"
#include "ferry/list.h"
#include "ferry/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What it points to is borrowed until ferry_pack_free(). */
struct ferry_pack_options {
	/*
	 * As people write them: "redis:7", "quay.io/a/b@sha256:...",
	 * "oci-archive:FILE:NAME"; docs/lists.md has the whole of it.
	 */
	const char *const *references;
	size_t reference_count;
	/* Files of the formats that docs/lists.md describes; "-": stdin. */
	const char *const *lists;
	size_t list_count;
	struct ferry_list_options list;
	const char *output; /* NULL: for a plan only */
	/*
	 * OS/ARCH[/VARIANT], or "all"; none: linux/amd64.  What a list says of
	 * an image counts more.
	 */
	const char *const *platforms;
	size_t platform_count;
	unsigned jobs; /* blobs at once; 0: FERRY_JOBS_DEFAULT */
	bool force;    /* replace `output` and `lock` if they exist */
	bool fresh;    /* use nothing that an unfinished run left: remove it */
	/*
	 * Write what is packed to this file too, as a definition with every
	 * digest pinned; NULL: do not.
	 */
	const char *lock;
	struct ferry_registry_options registry;
	struct ferry_docker_options docker; /* where docker-daemon: is */
};

struct ferry_pack_image {
	const char *name;     /* as Docker shows it: "redis:7-alpine" */
	const char *platform; /* what was chosen; NULL when refused */
	const char *digest;   /* of the platform's manifest, or NULL */
	const char *within;  /* digest of the index carried above it, or NULL */
	uint64_t size;	     /* bytes of its blobs, each once */
	uint64_t shared;     /* of these, what other images have too */
	const char *refusal; /* why it cannot be packed, or NULL */
	bool wrong_platform; /* the refusal is about the platform */
};

struct ferry_pack_plan {
	const struct ferry_pack_image *images; /* by name, refused ones last */
	size_t image_count;
	size_t refused; /* images with a refusal */
	/* Above several images of one name, in the order of these. */
	const struct ferry_index *indexes;
	size_t index_count;
	size_t blob_count;     /* unique */
	uint64_t blob_bytes;   /* of these, manifests and configs included */
	uint64_t pull_bytes;   /* what still has to come over the network */
	uint64_t here_bytes;   /* what an unfinished run has left of it */
	uint64_t shared_bytes; /* what is not pulled again, since shared */
	uint64_t bundle_bytes; /* the file that this makes; at most, if .. */
	bool compressed;       /* .. some layers have yet to be compressed */
	uint64_t free_bytes;   /* where the output goes; UINT64_MAX: nowhere */
	uint64_t largest_file; /* there; UINT64_MAX: no limit known */
	const char *no_room;   /* why the output cannot fit, or NULL */
	/* What to know before it begins, in words. */
	const char *const *warnings;
	size_t warning_count;
	/* How often registries may be asked; as they say it last, also after
	 * ferry_pack_run(). */
	const struct ferry_quota *quotas;
	size_t quota_count;
};

struct ferry_pack;

/*
 * Resolves every reference, reads its config, and adds it all up; no layer
 * is pulled and nothing is written.  Refusals are part of the plan: *out is
 * set and 0 returned as long as a plan could be made.
 */
int ferry_pack_plan(struct ferry_context *context,
		    const struct ferry_pack_options *options,
		    struct ferry_pack **out, struct ferry_error *err);

/* Lives as long as `pack`. */
const struct ferry_pack_plan *
ferry_pack_get_plan(const struct ferry_pack *pack);

/* 0, or why ferry_pack_run() would not begin: refusals, or no room. */
int ferry_pack_check(const struct ferry_pack *pack, struct ferry_error *err);

/*
 * Pulls, proves and writes the bundle, if ferry_pack_check() lets it.  After a
 * failure there is no file under the output's name that was not there before;
 * what was pulled stays beside it (docs/journal.md), the message says where,
 * and the next run goes on there.
 */
int ferry_pack_run(struct ferry_pack *pack, struct ferry_error *err);

/*
 * Writes the options' lock file, of what the plan saw; ferry_pack_run() does
 * so too, once the bundle is there.
 */
int ferry_pack_write_lock(struct ferry_pack *pack, struct ferry_error *err);

/* The size of the file that ferry_pack_run() wrote. */
uint64_t ferry_pack_written(const struct ferry_pack *pack);

void ferry_pack_free(struct ferry_pack *pack);

#ifdef __cplusplus
}
#endif
#endif
