#include "op/requests.h"

#include <string.h>

#include "base/parallel.h"

#define PLATFORM_DEFAULT "linux/amd64"

static int
read_lists(struct requests *requests, const struct ferry_pack_options *options,
	   struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < options->reference_count && !rc; i++)
		rc = list_add(&requests->list, options->references[i], err);
	if (!rc)
		rc = list_add_files(&requests->list, options->lists,
				    options->list_count, &options->list, err);
	if (!rc && !requests->list.count)
		rc = error_set(err, FERRY_E_USAGE, "no image to pack");
	return rc;
}

static int
read_platforms(struct requests *requests,
	       const struct ferry_pack_options *options,
	       struct ferry_error *err)
{
	struct platforms *platforms = &requests->list.platforms;
	int rc = 0;

	for (size_t i = 0; i < options->platform_count && !rc; i++)
		rc = platforms_add(platforms, options->platforms[i], err);
	if (!rc && !options->platform_count)
		rc = platforms_add(platforms, PLATFORM_DEFAULT, err);
	requests->list.platforms_asked = options->platform_count;
	return rc;
}

int
requests_read(struct requests *out, struct ferry_context *context,
	      const struct ferry_pack_options *options, struct ferry_error *err)
{
	int rc;

	out->context = context;
	out->list.context = context;
	rc = read_platforms(out, options, err);
	return rc ? rc : read_lists(out, options, err);
}

static bool
names_all(const struct wanted *wanted)
{
	return wanted->origin.transport != TRANSPORT_REGISTRY &&
	       !wanted->origin.selector;
}

/* Puts in the place of "all that it holds" what that is. */
static int
expand_list(struct requests *requests, struct ferry_error *err)
{
	AUTO(list_release) struct list asked = { 0 };
	int rc = 0;

	list_swap_items(&requests->list, &asked);
	for (size_t i = 0; i < asked.count && !rc; i++) {
		struct wanted *wanted = &asked.items[i];

		rc = names_all(wanted)
			     ? requests->source->ops->expand(
				       requests->source, wanted,
				       &requests->list, err)
			     : list_take(&requests->list, wanted, err);
	}
	return rc ? rc : list_settle(&requests->list, err);
}

static int
resolve_one(void *data, size_t index, unsigned worker, struct ferry_error *err)
{
	struct requests *requests = data;
	struct request *request = &requests->items[index];
	const struct wanted *wanted = &requests->list.items[index];
	int rc = context_check(requests->context, err);

	request->wanted = wanted;
	if (!rc)
		rc = requests->source->ops->resolve(requests->source, worker,
						    wanted, &wanted->platforms,
						    &request->resolved, err);
	if (!rc || rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
		return rc;
	request->refusal = *err;
	return 0;
}

/* What cannot be told from its name is refused here and now, all together. */
int
requests_resolve(struct requests *requests, struct source *source,
		 unsigned jobs, struct ferry_error *err)
{
	int rc;

	requests->source = source;
	rc = expand_list(requests, err);
	if (rc)
		return rc;
	requests->items =
		calloc(requests->list.count, sizeof(*requests->items));
	if (!requests->items)
		return error_nomem(err);
	return parallel_run(requests->list.count, jobs, resolve_one, requests,
			    err);
}

static bool
is_same_image(const struct image *one, const struct image *other)
{
	const struct reference *a = &one->reference;
	const struct reference *b = &other->reference;

	return digest_equal(&one->descriptor.digest,
			    &other->descriptor.digest) &&
	       digest_equal(&a->digest, &b->digest) &&
	       strcmp(a->tag, b->tag) == 0 &&
	       strcmp(a->repository, b->repository) == 0 &&
	       strcmp(a->host, b->host) == 0;
}

/*
 * Two pins may turn out to be one image, and so may two names of which one was
 * not known before: it is carried once.
 */
static bool
is_repeated(const struct resolved *resolved, size_t count,
	    const struct request *request)
{
	const struct image *image = request->resolved.images;

	if (image->reference.tag[0] && wanted_name(request->wanted))
		return false;
	for (size_t i = 0; i < count; i++)
		if (is_same_image(&resolved[i].images[0], image))
			return true;
	return false;
}

/* Now that all names are known, the list is settled once more. */
int
requests_pin(const struct requests *requests, struct lock *lock,
	     struct ferry_error *err)
{
	bool needed = lock->path;
	int rc = 0;

	for (size_t i = 0; i < requests->list.count; i++)
		needed |= !wanted_name(&requests->list.items[i]);
	for (size_t i = 0; i < requests->list.count && needed && !rc; i++) {
		const struct request *request = &requests->items[i];

		if (!request->refusal.code)
			rc = lock_add(lock, request->wanted, &request->resolved,
				      err);
	}
	return rc ? rc : list_settle(&lock->list, err);
}

int
requests_take_release(struct requests *requests, struct release *out,
		      struct ferry_error *err)
{
	AUTO_FREE struct resolved *resolved =
		calloc(requests->list.count, sizeof(*resolved));
	size_t count = 0;

	if (!resolved)
		return error_nomem(err);
	for (size_t i = 0; i < requests->list.count; i++) {
		struct request *request = &requests->items[i];

		if (request->refusal.code ||
		    is_repeated(resolved, count, request))
			continue;
		resolved[count++] = request->resolved;
		request->resolved = (struct resolved){ 0 };
	}
	return release_init(out, resolved, count, err);
}

void
requests_release(struct requests *requests)
{
	for (size_t i = 0; i < requests->list.count && requests->items; i++)
		resolved_release(&requests->items[i].resolved);
	free(requests->items);
	list_release(&requests->list);
	*requests = (struct requests){ 0 };
}
