/*
 * What the parts of the registry target share.  Internal to registry*.c.
 */
#ifndef TARGET_REGISTRY_STATE_H
#define TARGET_REGISTRY_STATE_H

#include <pthread.h>

#include "ferry/load.h"
#include "registry/registry.h"
#include "target/target.h"

struct target_registry {
	struct target target;
	struct ferry_context *context;
	char *to;
	char *words;
	unsigned workers;
	enum ferry_existing_tag existing_tag;
	bool deep;
	bool closely;
	struct registry *registry;

	/* Since prepare(). */
	const struct release *release;
	struct outcome *outcomes; /* those of prepare() */
	struct reference *names;  /* one an image */
	bool *left_out; /* per image: prepare() has refused or skipped it */
	bool planned;	/* it is known what has to be sent: */
	uint64_t send_bytes;

	pthread_mutex_t lock; /* over what follows */
	bool *sent;	      /* per image: not all of it was there before */
	/* Per image: what put() failed of; code OK: nothing. */
	struct ferry_error *refusals;
};

/* From now on the image does not count as having been there. */
void target_registry_sent(struct target_registry *target, size_t image);

/* Whether put() has failed for the image: then it gets no more blobs. */
bool target_registry_refused(struct target *base, size_t image,
			     struct ferry_error *why);

/* A manifest or an index. */
struct document {
	const struct descriptor *descriptor;
	const struct buffer *bytes;
};

struct document target_registry_manifest(const struct image *image);

/* What the image's name stands for: its index, or else its manifest. */
struct document target_registry_whole(const struct image *image);

/* The images that have one name in common. */
struct span {
	size_t first, end;
};

struct span target_registry_span(const struct target_registry *target,
				 size_t image);

/*
 * What the registry has under a name: an unset digest if nothing that it
 * shows, and then `why` it does not.
 */
int target_registry_find(struct target_registry *target, size_t image,
			 unsigned worker, const char *name,
			 struct digest *found, struct ferry_error *why,
			 struct ferry_error *err) MUST_CHECK;

/*
 * What the options want of a tag that stands for `found`, another digest than
 * the image's: a note in the outcomes of all that have the name, another state
 * of them, or an error.
 */
int target_registry_existing(struct target_registry *target, size_t image,
			     const struct digest *found,
			     struct outcome *outcomes, struct ferry_error *err)
	MUST_CHECK;

/* The one note of all images that share this one's name. */
void target_registry_note(struct target_registry *target,
			  struct outcome *outcomes, size_t image,
			  const char *what, const struct digest *digest);

/* The repository that needs the blob for this one of its users. */
const char *target_registry_repository(const struct target_registry *target,
				       const struct blob *blob, size_t user);

/* Whether no user before this one has the same repository. */
bool target_registry_is_first(const struct target_registry *target,
			      const struct blob *blob, size_t user);

/*
 * Where a blob is lacking: missing[user] for the first user of each
 * repository that has it not, and *home a repository that has it, or NULL.
 */
int target_registry_missing(struct target_registry *target, unsigned worker,
			    const struct blob *blob, bool *missing,
			    const char **home, struct ferry_error *err)
	MUST_CHECK;

/* Looks at tags and blobs, as far as the options need it. */
int target_registry_plan(struct target_registry *target,
			 struct outcome *outcomes, struct ferry_error *err)
	MUST_CHECK;

/*
 * Reads every blob back, from every repository that should have it now; an
 * image fails whose blob is not what it should be.
 */
int target_registry_read_blobs(struct target_registry *target,
			       struct outcome *outcomes,
			       struct ferry_error *err) MUST_CHECK;

/* The image has failed: tells it, once. */
void target_registry_fail(struct target_registry *target,
			  struct outcome *outcomes, size_t image,
			  const struct ferry_error *err);

int target_registry_put(struct target *base, unsigned worker, size_t blob,
			struct source *source, struct ferry_error *err)
	MUST_CHECK;

int target_registry_commit(struct target *base, struct source *source,
			   struct outcome *outcomes, struct ferry_error *err)
	MUST_CHECK;

#endif
