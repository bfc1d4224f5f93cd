/*
 * Bundle to target: prove it, check that it fits, send it, read it back.
 */
#ifndef FERRY_LOAD_H
#define FERRY_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/containerd.h"
#include "ferry/context.h"
#include "ferry/docker.h"
#include "ferry/error.h"
#include "ferry/podman.h"
#include "ferry/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What to do about a registry's tag that stands for another image already. */
enum ferry_existing_tag {
	FERRY_TAG_OVERWRITE,
	FERRY_TAG_SKIP, /* leave it, and the image out */
	FERRY_TAG_FAIL, /* the image fails */
};

/* What it points to is borrowed until ferry_load_free(). */
struct ferry_load_options {
	/*
	 * A bundle, or an archive of skopeo, `docker save` or `podman save`;
	 * "-" is standard input, of which, as of a FIFO, only a bundle can be
	 * loaded as it comes.
	 */
	const char *bundle;
	/*
	 * A folder to keep all that comes through a pipe in first, in a file
	 * without a name; NULL: it is kept nowhere.
	 */
	const char *spool;
	/* As docs/man/ferry-load.1 says: "docker", "HOST[:PORT][/PREFIX]". */
	const char *to;
	/* The images to load, as people write them; none: all. */
	const char *const *only;
	size_t only_count;
	/* "FROM=TO": what images are called there; docs/names.md. */
	const char *const *rewrite;
	size_t rewrite_count;
	bool any_host; /* the target serves other machines than this one */
	unsigned jobs; /* blobs at once; 0: FERRY_JOBS_DEFAULT */
	struct ferry_registry_options registry;
	/*
	 * Of a registry only; another target is refused with these, and with
	 * registry.chunk_size.
	 */
	enum ferry_existing_tag existing_tag;
	bool deep; /* read every blob back */
	/* The plan says what would be sent; a registry is asked for each blob.
	 */
	bool closely;
	struct ferry_docker_options docker; /* what "docker" stands for */
	struct ferry_containerd_options containerd; /* the same of it */
	struct ferry_podman_options podman;	    /* and what "podman" does */
};

enum ferry_load_state {
	FERRY_LOAD_PENDING, /* not begun, or not finished when it ended */
	FERRY_LOAD_DONE,    /* sent, and read back equal */
	FERRY_LOAD_PRESENT, /* was there already; proved all the same */
	FERRY_LOAD_FAILED,
	FERRY_LOAD_SKIPPED, /* left out, as the options want it */
};

struct ferry_load_image {
	const char *name;	 /* in the bundle: "redis:7-alpine" */
	const char *target_name; /* there: "127.0.0.1:5000/redis:7-alpine" */
	const char *platform;
	const char *digest;	  /* manifest; for Docker the image ID */
	const char *index_digest; /* it was chosen from, or NULL */
	uint64_t size;		  /* bytes of its blobs, each once */
	/* Of these, those to send: UINT64_MAX: known only when it is done */
	uint64_t to_send;
	enum ferry_load_state state;
	const char *detail; /* what happened, in words; "" before */
	const char *note;   /* what to know besides; or "" */
};

enum ferry_load_kind {
	FERRY_LOAD_BUNDLE,
	FERRY_LOAD_OCI_ARCHIVE,
	FERRY_LOAD_DOCKER_ARCHIVE,
};

struct ferry_load_plan {
	enum ferry_load_kind kind; /* of what is loaded */
	const char *proof;    /* how far its bytes can be proved, in words */
	const char *target;   /* in words: "registry 127.0.0.1:5000" */
	const char *platform; /* what the target runs on, or "any" */
	const char *digests;  /* what to know of them there, or NULL */
	/* What to know before it begins, in words. */
	const char *const *warnings;
	size_t warning_count;
	const struct ferry_load_image *images;
	size_t image_count;
	size_t blob_count;
	uint64_t blob_bytes;   /* at most this many are sent */
	uint64_t send_bytes;   /* this many; UINT64_MAX: not known */
	uint64_t needed_bytes; /* on the target's disk, about; 0: not known */
	uint64_t free_bytes;   /* there; 0: not known */
};

struct ferry_load;

/*
 * Opens and checks the bundle's metadata, reaches the target, and refuses a
 * host that the images do not fit with FERRY_E_PLATFORM; sends nothing.
 */
int ferry_load_plan(struct ferry_context *context,
		    const struct ferry_load_options *options,
		    struct ferry_load **out, struct ferry_error *err);

/* Lives as long as `load`; the images' states follow ferry_load_run(). */
const struct ferry_load_plan *
ferry_load_get_plan(const struct ferry_load *load);

/*
 * FERRY_E_PARTIAL when some images are in place and others are not, each
 * with its reason in its `detail`.
 */
int ferry_load_run(struct ferry_load *load, struct ferry_error *err);

/* Bytes of blobs that went over the wire. */
uint64_t ferry_load_sent(const struct ferry_load *load);

void ferry_load_free(struct ferry_load *load);

#ifdef __cplusplus
}
#endif
#endif
