#include "source/registry.h"

#include <pthread.h>
#include <string.h>

#include "registry/registry.h"
#include "source/resolve.h"

/* A registry that somebody has asked for; they live as long as the source. */
struct host {
	struct host *next;
	struct registry *registry;
};

struct source_registry {
	struct source source;
	struct ferry_context *context;
	struct ferry_registry_options options;
	unsigned workers;
	pthread_mutex_t lock; /* over the list */
	struct host *hosts;
};

static int
add_host(struct source_registry *source, const char *name,
	 struct registry **out, struct ferry_error *err)
{
	AUTO_FREE struct host *host = calloc(1, sizeof(*host));
	int rc;

	if (!host)
		return error_nomem(err);
	rc = registry_new(&host->registry, source->context, &source->options,
			  name, REGISTRY_PULL, source->workers, err);
	if (rc)
		return rc;
	*out = host->registry;
	host->next = source->hosts;
	source->hosts = STEAL(&host);
	return 0;
}

static int
find_host(struct source_registry *source, const char *name,
	  struct registry **out, struct ferry_error *err)
{
	struct host *host;
	int rc = 0;

	pthread_mutex_lock(&source->lock);
	for (host = source->hosts; host; host = host->next)
		if (strcmp(registry_host(host->registry), name) == 0)
			break;
	if (host)
		*out = host->registry;
	else
		rc = add_host(source, name, out, err);
	pthread_mutex_unlock(&source->lock);
	return rc;
}

/* Where its blobs are to be found. */
static int
set_origin(struct image *image, const struct reference *reference,
	   struct ferry_error *err)
{
	image->origin = malloc(sizeof(*image->origin));
	if (!image->origin)
		return error_nomem(err);
	*image->origin = *reference;
	return 0;
}

static int
set_origins(struct resolved *resolved, const struct wanted *wanted,
	    struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < resolved->image_count && !rc; i++)
		rc = set_origin(&resolved->images[i], &wanted->origin.reference,
				err);
	return rc;
}

/* One repository, as one worker sees it. */
struct repository {
	struct resolve_place place;
	struct registry *registry;
	unsigned worker;
	const char *name;
};

static int
get_manifest(const struct repository *repository, const char *reference,
	     struct resolve_document *out, struct ferry_error *err)
{
	AUTO_REGISTRY_MANIFEST found = { 0 };
	int rc =
		registry_get_manifest(repository->registry, repository->worker,
				      repository->name, reference, &found, err);

	if (rc)
		return rc;
	out->bytes = found.bytes;
	out->digest = found.digest;
	strcpy(out->media_type, found.media_type);
	found.bytes = (struct buffer){ 0 };
	return 0;
}

static int
get_listed(struct resolve_place *place, const struct digest *digest,
	   struct resolve_document *out, struct ferry_error *err)
{
	return get_manifest((struct repository *)place, digest->text, out, err);
}

static int
get_config(struct resolve_place *place, const struct descriptor *descriptor,
	   struct proof *proof, struct ferry_error *err)
{
	struct repository *repository = (struct repository *)place;

	return registry_get_blob(repository->registry, repository->worker,
				 repository->name, descriptor, proof, err);
}

/* Whoever pinned it wants to know where the tag has gone since. */
static int
tell_gone(const struct repository *repository,
	  const struct reference *reference, struct ferry_error *err)
{
	AUTO_RESOLVE_DOCUMENT now = { 0 };
	struct ferry_error why;
	char name[REFERENCE_TEXT];
	struct reference tagged = *reference;
	int rc = FERRY_E_FAILED;

	reference_unpin(&tagged);
	reference_familiar(name, &tagged);
	if (reference->tag[0])
		rc = get_manifest(repository, reference->tag, &now, &why);
	if (!rc)
		return error_set(err, FERRY_E_NOT_FOUND,
				 "the registry no longer has %s, which it is "
				 "pinned to; %s is %s there now: pack the list "
				 "again to make a new lock",
				 reference->digest.text, name, now.digest.text);
	error_wrap(err, "pinned to %s", reference->digest.text);
	return rc == FERRY_E_NOT_FOUND
		       ? error_add(err, "; nor is there any %s", name)
		       : (int)err->code;
}

/* A tag is asked for once: it may move. */
static int
find_root(const struct repository *repository,
	  const struct reference *reference, struct resolve_document *out,
	  struct ferry_error *err)
{
	int rc;

	if (!digest_is_set(&reference->digest))
		return get_manifest(repository, reference->tag, out, err);
	rc = get_manifest(repository, reference->digest.text, out, err);
	return rc == FERRY_E_NOT_FOUND ? tell_gone(repository, reference, err)
				       : rc;
}

static int
find_images(struct repository *repository, const struct reference *reference,
	    const struct platforms *platforms, struct resolved *out,
	    struct ferry_error *err)
{
	AUTO_RESOLVE_DOCUMENT root = { 0 };
	int rc = find_root(repository, reference, &root, err);

	return rc ? rc
		  : resolve_images(&repository->place, &root, platforms, out,
				   err);
}

static int
resolve(struct source *base, unsigned worker, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	struct source_registry *source = (struct source_registry *)base;
	const struct reference *reference = &wanted->origin.reference;
	AUTO(resolved_release) struct resolved resolved = { 0 };
	struct repository repository = { .place = { .get = get_listed,
						    .get_blob = get_config },
					 .worker = worker,
					 .name = reference->repository };
	int rc = find_host(source, reference->host, &repository.registry, err);

	if (!rc)
		rc = find_images(&repository, reference, platforms, &resolved,
				 err);
	if (!rc)
		rc = set_origins(&resolved, wanted, err);
	if (rc)
		return rc;
	resolve_name(&resolved, base, wanted_name(wanted));
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

static bool
is_same_place(const struct image *a, const struct image *b)
{
	return strcmp(a->origin->host, b->origin->host) == 0 &&
	       strcmp(a->origin->repository, b->origin->repository) == 0;
}

/* Whether its user number `at` is where the blob is to be looked for next. */
static bool
is_new_place(const struct source *source, const struct release *release,
	     const struct blob *blob, size_t at)
{
	const struct image *image = &release->images[blob->users[at]];

	if (image->source != source)
		return false;
	for (size_t i = 0; i < at; i++) {
		const struct image *other = &release->images[blob->users[i]];

		if (other->source == source && is_same_place(other, image))
			return false;
	}
	return true;
}

static int
fetch_from(struct source_registry *source, unsigned worker,
	   const struct image *image, const struct blob *blob,
	   struct proof *proof, struct ferry_error *err)
{
	struct registry *registry = NULL;
	char name[REFERENCE_TEXT];
	int rc = find_host(source, image->origin->host, &registry, err);

	if (!rc)
		rc = registry_get_blob(registry, worker,
				       image->origin->repository,
				       &blob->descriptor, proof, err);
	return rc ? error_wrap(err, "%s",
			       reference_familiar(name, image->origin))
		  : 0;
}

/*
 * A registry may have lost a blob in one repository and still have it in
 * another.  NOT_FOUND also says that nothing has gone into the sink yet.
 */
static int
fetch(struct source *base, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	struct source_registry *source = (struct source_registry *)base;
	struct ferry_error other;
	int rc = FERRY_E_NOT_FOUND;
	bool asked = false;

	for (size_t i = 0; rc == FERRY_E_NOT_FOUND && i < blob->uses; i++) {
		if (!is_new_place(base, release, blob, i))
			continue;
		rc = fetch_from(source, worker,
				&release->images[blob->users[i]], blob, proof,
				asked ? &other : err);
		if (asked && rc && rc != FERRY_E_NOT_FOUND)
			*err = other;
		asked = true;
	}
	return rc;
}

static int
add_quotas(struct source *base, struct quotas *quotas, struct ferry_error *err)
{
	struct source_registry *source = (struct source_registry *)base;
	int rc = 0;

	pthread_mutex_lock(&source->lock);
	for (struct host *host = source->hosts; host && !rc; host = host->next)
		rc = registry_add_quotas(host->registry, quotas, err);
	pthread_mutex_unlock(&source->lock);
	return rc;
}

static void
free_source(struct source *base)
{
	struct source_registry *source = (struct source_registry *)base;

	while (source->hosts) {
		struct host *host = source->hosts;

		source->hosts = host->next;
		registry_free(host->registry);
		free(host);
	}
	pthread_mutex_destroy(&source->lock);
	free(source);
}

static const struct source_ops ops = {
	.resolve = resolve,
	.fetch = fetch,
	.add_quotas = add_quotas,
	.free = free_source,
};

int
source_registry_new(struct source **out, struct ferry_context *context,
		    const struct ferry_registry_options *options,
		    unsigned workers, struct ferry_error *err)
{
	struct source_registry *source = calloc(1, sizeof(*source));

	if (!source)
		return error_nomem(err);
	source->source.ops = &ops;
	source->context = context;
	source->options = *options;
	source->workers = workers;
	pthread_mutex_init(&source->lock, NULL);
	*out = &source->source;
	return 0;
}
