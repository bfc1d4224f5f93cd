#include "source/any.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "registry/registry.h"
#include "source/bundle.h"
#include "source/docker_archive.h"
#include "source/docker_daemon.h"
#include "source/oci.h"
#include "source/registry.h"

/* A place that somebody has asked for; they live as long as the source. */
struct place {
	struct place *next;
	enum transport transport;
	char *path;	       /* NULL: the transport has one place only */
	struct source *source; /* NULL: it could not be opened */
	int rc;		       /* of opening it: nobody tries again */
	struct ferry_error failure;
};

struct source_any {
	struct source source;
	struct ferry_context *context;
	struct source_options options;
	pthread_mutex_t lock; /* over the list */
	struct place *places;
};

static int
open_registries(struct source **out, struct source_any *any, const char *path,
		struct ferry_error *err)
{
	(void)path;
	return source_registry_new(out, any->context, any->options.registry,
				   any->options.workers, err);
}

static int
open_bundle(struct source **out, struct source_any *any, const char *path,
	    struct ferry_error *err)
{
	(void)any;
	return source_bundle_open(out, path, err);
}

static int
open_oci(struct source **out, struct source_any *any, const char *path,
	 struct ferry_error *err)
{
	return source_oci_open(out, path, any->context, err);
}

static int
open_oci_archive(struct source **out, struct source_any *any, const char *path,
		 struct ferry_error *err)
{
	return source_oci_archive_open(out, path, any->context, err);
}

static int
open_docker_archive(struct source **out, struct source_any *any,
		    const char *path, struct ferry_error *err)
{
	return source_docker_archive_open(out, path, any->context, err);
}

static int
open_docker_daemon(struct source **out, struct source_any *any,
		   const char *path, struct ferry_error *err)
{
	(void)path;
	return source_docker_daemon_new(out, any->context, any->options.docker,
					err);
}

static int (*const openers[])(struct source **out, struct source_any *any,
			      const char *path, struct ferry_error *err) = {
	[TRANSPORT_REGISTRY] = open_registries,
	[TRANSPORT_DOCKER_DAEMON] = open_docker_daemon,
	[TRANSPORT_OCI] = open_oci,
	[TRANSPORT_OCI_ARCHIVE] = open_oci_archive,
	[TRANSPORT_DOCKER_ARCHIVE] = open_docker_archive,
	[TRANSPORT_BUNDLE] = open_bundle,
};

static void
free_place(struct place *place)
{
	if (!place)
		return;
	source_free(place->source);
	free(place->path);
	free(place);
}

static int
add_place(struct source_any *any, const struct origin *origin,
	  struct ferry_error *err)
{
	struct place *place = calloc(1, sizeof(*place));
	int rc = place ? 0 : error_nomem(err);

	if (!rc && origin->path)
		rc = text_copy(&place->path, origin->path, err);
	if (rc) {
		free_place(place);
		return rc;
	}
	place->rc = openers[origin->transport](&place->source, any,
					       origin->path, &place->failure);
	place->transport = origin->transport;
	place->next = any->places;
	any->places = place;
	return 0;
}

static bool
is_at(const struct place *place, const struct origin *origin)
{
	return place->transport == origin->transport &&
	       (!place->path || strcmp(place->path, origin->path) == 0);
}

static int
find_place(struct source_any *any, const struct origin *origin,
	   struct source **out, struct ferry_error *err)
{
	struct place *place;
	int rc = 0;

	pthread_mutex_lock(&any->lock);
	for (place = any->places; place; place = place->next)
		if (is_at(place, origin))
			break;
	if (!place) {
		rc = add_place(any, origin, err);
		place = any->places;
	}
	if (!rc && place->rc) {
		*err = place->failure;
		rc = place->rc;
	}
	if (!rc)
		*out = place->source;
	pthread_mutex_unlock(&any->lock);
	return rc;
}

static int
expand(struct source *base, const struct wanted *wanted, struct list *out,
       struct ferry_error *err)
{
	struct source *source = NULL;
	int rc = find_place((struct source_any *)base, &wanted->origin, &source,
			    err);

	return rc ? rc : source->ops->expand(source, wanted, out, err);
}

static int
resolve(struct source *base, unsigned worker, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	struct source *source = NULL;
	int rc = find_place((struct source_any *)base, &wanted->origin, &source,
			    err);

	return rc ? rc
		  : source->ops->resolve(source, worker, wanted, platforms, out,
					 err);
}

/* Whether the blob's user number `at` has it from where nobody has asked. */
static bool
is_new_source(const struct release *release, const struct blob *blob, size_t at)
{
	const struct source *source = release->images[blob->users[at]].source;

	for (size_t i = 0; i < at; i++)
		if (release->images[blob->users[i]].source == source)
			return false;
	return true;
}

/*
 * The source of its first user; where that has lost it, which is to say that
 * nothing has gone into the sink, the others'.
 */
static int
fetch(struct source *base, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	struct ferry_error other;
	int rc = FERRY_E_NOT_FOUND;

	(void)base;
	for (size_t i = 0; rc == FERRY_E_NOT_FOUND && i < blob->uses; i++) {
		struct source *source = release->images[blob->users[i]].source;

		if (!is_new_source(release, blob, i))
			continue;
		rc = source->ops->fetch(source, worker, release, blob, proof,
					i ? &other : err);
		if (i && rc && rc != FERRY_E_NOT_FOUND)
			*err = other;
	}
	return rc;
}

static int
add_quotas(struct source *base, struct quotas *quotas, struct ferry_error *err)
{
	struct source_any *any = (struct source_any *)base;
	int rc = 0;

	pthread_mutex_lock(&any->lock);
	for (struct place *place = any->places; place && !rc;
	     place = place->next)
		if (place->source && place->source->ops->add_quotas)
			rc = place->source->ops->add_quotas(place->source,
							    quotas, err);
	pthread_mutex_unlock(&any->lock);
	return rc;
}

static void
free_source(struct source *base)
{
	struct source_any *any = (struct source_any *)base;

	while (any->places) {
		struct place *place = any->places;

		any->places = place->next;
		free_place(place);
	}
	pthread_mutex_destroy(&any->lock);
	free(any);
}

static const struct source_ops ops = {
	.expand = expand,
	.resolve = resolve,
	.fetch = fetch,
	.add_quotas = add_quotas,
	.free = free_source,
};

int
source_any_new(struct source **out, struct ferry_context *context,
	       const struct source_options *options, struct ferry_error *err)
{
	struct source_any *any;
	int rc = registry_check_mirrors(options->registry, err);

	if (rc)
		return rc;
	any = calloc(1, sizeof(*any));
	if (!any)
		return error_nomem(err);
	any->source.ops = &ops;
	any->context = context;
	any->options = *options;
	pthread_mutex_init(&any->lock, NULL);
	*out = &any->source;
	return 0;
}

static bool
is_same_file(const char *path, const char *output)
{
	struct stat one;
	struct stat other;

	return stat(path, &one) == 0 && stat(output, &other) == 0 &&
	       S_ISREG(one.st_mode) && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

int
source_any_check_output(const struct list *list, const char *output,
			struct ferry_error *err)
{
	AUTO_FREE char *partial = NULL;
	int rc = text_format(&partial, err, "%s.partial", output);

	for (size_t i = 0; i < list->count && !rc; i++) {
		const char *path = list->items[i].origin.path;

		if (path &&
		    (is_same_file(path, output) || is_same_file(path, partial)))
			rc = error_set(err, FERRY_E_USAGE,
				       "%s is read and written at once; write "
				       "under another name",
				       path);
	}
	return rc;
}
