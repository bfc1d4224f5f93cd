/*
 * One registry, spoken to by several workers: the OCI distribution-spec and
 * what Docker's registry did before it.
 *
 * `repository` and tags are assumed to have passed the reference grammar:
 * they go into URLs as they are.  `worker` is below the number given to
 * registry_new() and used by one thread at a time.  What is worth another try
 * is tried again here, within the options' limit.
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "base/context.h"
#include "ferry/registry.h"
#include "oci/manifest.h"
#include "registry/quota.h"

struct registry;

/* FERRY_E_USAGE for a mirror among the options that cannot be one. */
int registry_check_mirrors(const struct ferry_registry_options *options,
			   struct ferry_error *err) MUST_CHECK;

enum registry_access {
	REGISTRY_PULL,
	REGISTRY_PUSH, /* and pull */
};

/*
 * `host` as references name it: HOST[:PORT], "docker.io".  Nothing is sent
 * yet.  `context` and what `options` points to are borrowed.
 */
int registry_new(struct registry **out, struct ferry_context *context,
		 const struct ferry_registry_options *options, const char *host,
		 enum registry_access access, unsigned workers,
		 struct ferry_error *err) MUST_CHECK;
void registry_free(struct registry *registry);
const char *registry_host(const struct registry *registry);

/* Adds what it and its mirrors have said of how often they may be asked. */
int registry_add_quotas(struct registry *registry, struct quotas *quotas,
			struct ferry_error *err) MUST_CHECK;

/* Whether it answers, and takes our credentials. */
int registry_check(struct registry *registry, unsigned worker,
		   struct ferry_error *err) MUST_CHECK;

/* The bytes as they were served; zeroed is empty. */
struct registry_manifest {
	struct buffer bytes;
	char media_type[MEDIA_TYPE_TEXT]; /* as the registry calls it; or "" */
	struct digest digest;		  /* of the bytes */
};

#define AUTO_REGISTRY_MANIFEST                                                 \
	AUTO(registry_manifest_release) struct registry_manifest

void registry_manifest_release(struct registry_manifest *manifest);

/*
 * A manifest or index by tag or digest.  FERRY_E_DIGEST when the bytes are
 * not those named by the digest, or by the registry's own header.
 */
int registry_get_manifest(struct registry *registry, unsigned worker,
			  const char *repository, const char *reference,
			  struct registry_manifest *out,
			  struct ferry_error *err) MUST_CHECK;

/* An error, too, when the registry says it has stored something else. */
int registry_put_manifest(struct registry *registry, unsigned worker,
			  const char *repository, const char *reference,
			  const struct descriptor *descriptor,
			  const struct buffer *bytes, struct ferry_error *err)
	MUST_CHECK;

/*
 * Pushes the blob from proof->seen on into `proof`, each byte once whatever
 * breaks on the way, and finishes that.  FERRY_E_DIGEST when they were not what
 * the descriptor says; FERRY_E_NOT_FOUND only if none has been pushed.
 */
int registry_get_blob(struct registry *registry, unsigned worker,
		      const char *repository,
		      const struct descriptor *descriptor, struct proof *proof,
		      struct ferry_error *err) MUST_CHECK;

int registry_has_blob(struct registry *registry, unsigned worker,
		      const char *repository,
		      const struct descriptor *descriptor, bool *out,
		      struct ferry_error *err) MUST_CHECK;

/*
 * Lets `repository` have a blob that `from` has.  That it does not is no
 * error, whatever the reason.
 */
int registry_mount_blob(struct registry *registry, unsigned worker,
			const char *repository, const char *from,
			const struct descriptor *descriptor, bool *mounted,
			struct ferry_error *err) MUST_CHECK;

/*
 * Where the bytes of an upload come from; asked again, from the first byte,
 * when one breaks.  If it can be pushed `once` only, the upload keeps what it
 * may have to repeat: a chunk in memory.
 */
struct registry_content {
	int (*push)(struct registry_content *content, struct sink *to,
		    struct ferry_error *err);
	bool once;
};

/* An error of the content is passed on as it is. */
int registry_put_blob(struct registry *registry, unsigned worker,
		      const char *repository,
		      const struct descriptor *descriptor,
		      struct registry_content *content, struct ferry_error *err)
	MUST_CHECK;

#endif
