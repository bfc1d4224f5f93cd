#include <string.h>

#include "target/registry_state.h"

/* One blob on its way into the repositories that need it. */
struct delivery {
	struct target_registry *target;
	unsigned worker;
	const struct blob *blob;
	struct source *source;
	const char *home; /* a repository that has it, or NULL */
};

/* The blob as the content of an upload. */
struct fetched {
	struct registry_content content;
	struct delivery *delivery;
};

static int
push_fetched(struct registry_content *content, struct sink *to,
	     struct ferry_error *err)
{
	struct delivery *delivery = ((struct fetched *)content)->delivery;
	struct source *source = delivery->source;

	return source_fetch(source, delivery->worker, delivery->target->release,
			    delivery->blob, to, err);
}

static const char *
repository_of(const struct delivery *delivery, size_t user)
{
	return target_registry_repository(delivery->target, delivery->blob,
					  user);
}

bool
target_registry_refused(struct target *base, size_t image,
			struct ferry_error *why)
{
	struct target_registry *target = (struct target_registry *)base;

	pthread_mutex_lock(&target->lock);
	*why = target->refusals[image];
	pthread_mutex_unlock(&target->lock);
	return why->code;
}

/* Whether the image can still get there. */
static bool
is_in(struct target_registry *target, size_t image)
{
	struct ferry_error why;

	return !target->left_out[image] &&
	       !target_registry_refused(&target->target, image, &why);
}

/* Whether there is an image for whom it should be there. */
static bool
is_wanted(const struct delivery *delivery, const char *repository)
{
	for (size_t i = 0; i < delivery->blob->uses; i++)
		if (is_in(delivery->target, delivery->blob->users[i]) &&
		    strcmp(repository_of(delivery, i), repository) == 0)
			return true;
	return false;
}

static void
mark_sent(struct delivery *delivery, const char *repository)
{
	for (size_t i = 0; i < delivery->blob->uses; i++)
		if (strcmp(repository_of(delivery, i), repository) == 0)
			target_registry_sent(delivery->target,
					     delivery->blob->users[i]);
}

/* One repository that does not take it is no matter for the others. */
static void
refuse(struct delivery *delivery, const char *repository,
       const struct ferry_error *why)
{
	struct target_registry *target = delivery->target;

	pthread_mutex_lock(&target->lock);
	for (size_t i = 0; i < delivery->blob->uses; i++) {
		size_t image = delivery->blob->users[i];

		if (!target->refusals[image].code &&
		    strcmp(repository_of(delivery, i), repository) == 0)
			target->refusals[image] = *why;
	}
	pthread_mutex_unlock(&target->lock);
}

static int
upload(struct delivery *delivery, const char *repository,
       struct ferry_error *err)
{
	struct fetched content = {
		.content = { .push = push_fetched,
			     .once = delivery->source->once },
		.delivery = delivery
	};

	return registry_put_blob(delivery->target->registry, delivery->worker,
				 repository, &delivery->blob->descriptor,
				 &content.content, err);
}

static int
send(struct delivery *delivery, const char *repository, struct ferry_error *err)
{
	bool mounted = false;
	int rc = 0;

	mark_sent(delivery, repository);
	if (delivery->home)
		rc = registry_mount_blob(
			delivery->target->registry, delivery->worker,
			repository, delivery->home, &delivery->blob->descriptor,
			&mounted, err);
	if (rc || mounted)
		return rc;
	rc = upload(delivery, repository, err);
	if (!rc)
		delivery->home = repository;
	return rc;
}

/* 0 is for a repository that does not take it, too. */
static int
send_or_refuse(struct delivery *delivery, const char *repository,
	       struct ferry_error *err)
{
	struct ferry_error why = { 0 };
	int rc = send(delivery, repository, &why);

	switch (rc) {
	case FERRY_OK:
		return 0;
	case FERRY_E_INTERRUPTED:
	case FERRY_E_NOMEM:
	case FERRY_E_DAMAGED:
		*err = why;
		return rc;
	default:
		refuse(delivery, repository, &why);
		return 0;
	}
}

/*
 * Registries do not all tell "you may not see" from "there is none"; if we
 * may not, the upload will hear of it, and then it is about pushing.
 */
static int
look(struct delivery *delivery, const char *repository, bool *there,
     struct ferry_error *err)
{
	struct ferry_error why;
	int rc = registry_has_blob(delivery->target->registry, delivery->worker,
				   repository, &delivery->blob->descriptor,
				   there, &why);

	if (rc == FERRY_E_DENIED)
		return 0;
	if (!rc)
		return 0;
	*err = why;
	return error_wrap(err, "blob %s",
			  delivery->blob->descriptor.digest.text);
}

/* Looks everywhere first: what one repository has, others can mount. */
static int
find_missing(struct delivery *delivery, bool *missing, struct ferry_error *err)
{
	for (size_t i = 0; i < delivery->blob->uses; i++) {
		bool there = false;
		int rc;

		if (!target_registry_is_first(delivery->target, delivery->blob,
					      i))
			continue;
		rc = look(delivery, repository_of(delivery, i), &there, err);
		if (rc)
			return rc;
		missing[i] = !there &&
			     is_wanted(delivery, repository_of(delivery, i));
		if (there && !delivery->home)
			delivery->home = repository_of(delivery, i);
	}
	return 0;
}

int
target_registry_missing(struct target_registry *target, unsigned worker,
			const struct blob *blob, bool *missing,
			const char **home, struct ferry_error *err)
{
	struct delivery delivery = { .target = target,
				     .worker = worker,
				     .blob = blob };
	int rc = find_missing(&delivery, missing, err);

	*home = delivery.home;
	return rc;
}

static int
deliver(struct delivery *delivery, struct ferry_error *err)
{
	AUTO_FREE bool *missing =
		calloc(delivery->blob->uses + 1, sizeof(bool));
	int rc = missing ? 0 : error_nomem(err);

	if (!rc)
		rc = find_missing(delivery, missing, err);
	for (size_t i = 0; i < delivery->blob->uses && !rc; i++)
		if (missing[i])
			rc = send_or_refuse(delivery,
					    repository_of(delivery, i), err);
	return rc;
}

int
target_registry_put(struct target *base, unsigned worker, size_t blob,
		    struct source *source, struct ferry_error *err)
{
	struct target_registry *target = (struct target_registry *)base;
	struct delivery delivery = {
		.target = target,
		.worker = worker,
		.blob = &target->release->blobs[blob],
		.source = source,
	};

	/* A registry keeps these apart from blobs; they wait for commit(). */
	if (delivery.blob->manifest)
		return 0;
	return deliver(&delivery, err);
}
