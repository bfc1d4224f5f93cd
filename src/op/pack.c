/*
 * pack: images from wherever they are to a bundle.
 */
#include "op/pack.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/text.h"
#include "bundle/writer.h"
#include "list/list.h"
#include "op/caption.h"
#include "op/copy.h"
#include "op/indexes.h"
#include "op/lock.h"
#include "registry/quota.h"
#include "source/any.h"
#include "target/bundle.h"

#define PLATFORM_DEFAULT "linux/amd64"

/* One image asked for, and what came of it. */
struct request {
	const struct wanted *wanted; /* in the list */
	struct resolved resolved;    /* when it was not refused */
	struct ferry_error refusal;  /* code FERRY_OK: none */
};

struct ferry_pack {
	struct ferry_context *context;
	char *output;
	bool force;
	bool fresh;
	unsigned jobs;
	struct platforms platforms; /* where the list says nothing */
	struct ferry_registry_options registry;
	struct ferry_docker_options docker;
	struct list list;
	struct lock lock;
	struct source *source;
	struct request *requests; /* one for each item of the list */
	struct release release;	  /* of those not refused */
	struct ferry_pack_image *images;
	struct caption *captions; /* one an image */
	struct indexes indexes;
	char *no_room;
	struct quotas quotas;
	struct ferry_pack_plan plan;
	uint64_t written;
};

static int
read_lists(struct ferry_pack *pack, const struct ferry_pack_options *options,
	   struct ferry_error *err)
{
	int rc = 0;

	pack->list.context = pack->context;
	for (size_t i = 0; i < options->reference_count && !rc; i++)
		rc = list_add(&pack->list, options->references[i], err);
	if (!rc)
		rc = list_add_files(&pack->list, options->lists,
				    options->list_count, &options->list, err);
	if (!rc && !pack->list.count)
		rc = error_set(err, FERRY_E_USAGE, "no image to pack");
	return rc;
}

static bool
names_all(const struct wanted *wanted)
{
	return wanted->origin.transport != TRANSPORT_REGISTRY &&
	       !wanted->origin.selector;
}

/* Puts in the place of "all that it holds" what that is. */
static int
expand_list(struct ferry_pack *pack, struct ferry_error *err)
{
	AUTO(list_release) struct list asked = { 0 };
	int rc = 0;

	list_swap_items(&pack->list, &asked);
	for (size_t i = 0; i < asked.count && !rc; i++) {
		struct wanted *wanted = &asked.items[i];

		rc = names_all(wanted)
			     ? pack->source->ops->expand(pack->source, wanted,
							 &pack->list, err)
			     : list_take(&pack->list, wanted, err);
	}
	return rc ? rc : list_settle(&pack->list, err);
}

static int
read_platforms(struct ferry_pack *pack,
	       const struct ferry_pack_options *options,
	       struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < options->platform_count && !rc; i++)
		rc = platforms_add(&pack->platforms, options->platforms[i],
				   err);
	if (!rc && !options->platform_count)
		rc = platforms_add(&pack->platforms, PLATFORM_DEFAULT, err);
	pack->list.platforms = pack->platforms;
	pack->list.platforms_asked = options->platform_count;
	return rc;
}

static int
open_source(struct ferry_pack *pack, const struct ferry_pack_options *options,
	    struct ferry_error *err)
{
	struct source_options places = { .registry = &pack->registry,
					 .docker = &pack->docker,
					 .workers = pack->jobs };

	pack->registry = options->registry;
	pack->docker = options->docker;
	return source_any_new(&pack->source, pack->context, &places, err);
}

static int
read_options(struct ferry_pack *pack, const struct ferry_pack_options *options,
	     struct ferry_error *err)
{
	int rc;

	pack->force = options->force;
	pack->fresh = options->fresh;
	pack->jobs = options->jobs ? options->jobs : FERRY_JOBS_DEFAULT;
	rc = read_platforms(pack, options, err);
	if (!rc)
		rc = read_lists(pack, options, err);
	if (!rc && options->output)
		rc = text_copy(&pack->output, options->output, err);
	if (!rc && pack->output)
		rc = output_check(pack->output, pack->force, err);
	if (!rc && pack->output)
		rc = source_any_check_output(&pack->list, pack->output, err);
	if (!rc)
		rc = lock_init(&pack->lock, options->lock, pack->output,
			       pack->force, err);
	if (!rc)
		rc = open_source(pack, options, err);
	return rc ? rc : expand_list(pack, err);
}

static int
resolve_one(void *data, size_t index, unsigned worker, struct ferry_error *err)
{
	struct ferry_pack *pack = data;
	struct request *request = &pack->requests[index];
	const struct wanted *wanted = &pack->list.items[index];
	int rc = context_check(pack->context, err);

	request->wanted = wanted;
	if (!rc)
		rc = pack->source->ops->resolve(pack->source, worker, wanted,
						&wanted->platforms,
						&request->resolved, err);
	if (!rc || rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
		return rc;
	request->refusal = *err;
	return 0;
}

/* What cannot be told from its name is refused here and now, all together. */
static int
resolve_all(struct ferry_pack *pack, struct ferry_error *err)
{
	pack->requests = calloc(pack->list.count, sizeof(*pack->requests));
	if (!pack->requests)
		return error_nomem(err);
	return parallel_run(pack->list.count, pack->jobs, resolve_one, pack,
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

/*
 * Now that all names are known, the list is settled once more: two places may
 * have had one image each of the same name.
 */
static int
pin_images(struct ferry_pack *pack, struct ferry_error *err)
{
	bool needed = pack->lock.path;
	int rc = 0;

	for (size_t i = 0; i < pack->list.count; i++)
		needed |= !wanted_name(&pack->list.items[i]);
	for (size_t i = 0; i < pack->list.count && needed && !rc; i++) {
		const struct request *request = &pack->requests[i];

		if (!request->refusal.code)
			rc = lock_add(&pack->lock, request->wanted,
				      &request->resolved, err);
	}
	return rc ? rc : list_settle(&pack->lock.list, err);
}

static int
make_release(struct ferry_pack *pack, struct ferry_error *err)
{
	AUTO_FREE struct resolved *resolved =
		calloc(pack->list.count, sizeof(*resolved));
	size_t count = 0;

	if (!resolved)
		return error_nomem(err);
	for (size_t i = 0; i < pack->list.count; i++) {
		struct request *request = &pack->requests[i];

		if (request->refusal.code ||
		    is_repeated(resolved, count, request))
			continue;
		resolved[count++] = request->resolved;
		request->resolved = (struct resolved){ 0 };
	}
	return release_init(&pack->release, resolved, count, err);
}

static void
describe_image(struct ferry_pack_image *out, struct caption *caption,
	       const struct image *image)
{
	caption_set(caption, &image->reference, &image->platform);
	*out = (struct ferry_pack_image){
		.name = caption->name,
		.platform = caption->platform,
		.digest = image->descriptor.digest.text,
		.within = image->nested ? image->nested->descriptor.digest.text
					: NULL,
		.size = image->size,
		.shared = image->shared,
	};
}

static void
describe_refusal(struct ferry_pack_image *out, struct caption *caption,
		 const struct request *request)
{
	char origin[ORIGIN_TEXT];
	const struct reference *name = wanted_name(request->wanted);

	if (name)
		caption_set(caption, name, NULL);
	else
		snprintf(caption->name, sizeof(caption->name), "%s",
			 origin_text(origin, &request->wanted->origin));
	*out = (struct ferry_pack_image){
		.name = caption->name,
		.refusal = request->refusal.message,
		.wrong_platform = request->refusal.code == FERRY_E_PLATFORM,
	};
}

/* Images of the release first, then the refused ones; each by name. */
static int
describe_images(struct ferry_pack *pack, struct ferry_error *err)
{
	struct ferry_pack_plan *plan = &pack->plan;
	size_t room = pack->release.image_count + pack->list.count;
	size_t n = 0;

	pack->images = calloc(room, sizeof(*pack->images));
	pack->captions = calloc(room, sizeof(*pack->captions));
	if (!pack->images || !pack->captions)
		return error_nomem(err);
	for (size_t i = 0; i < pack->release.image_count; i++)
		if (!pack->release.images[i].artifact) {
			describe_image(&pack->images[n], &pack->captions[n],
				       &pack->release.images[i]);
			n++;
		}
	for (size_t i = 0; i < pack->list.count; i++) {
		if (!pack->requests[i].refusal.code)
			continue;
		describe_refusal(&pack->images[n], &pack->captions[n],
				 &pack->requests[i]);
		plan->refused++;
		n++;
	}
	plan->images = pack->images;
	plan->image_count = n;
	return 0;
}

static void
add_up(struct ferry_pack *pack)
{
	const struct release *release = &pack->release;
	struct ferry_pack_plan *plan = &pack->plan;
	uint64_t used = 0;

	plan->blob_count = release->blob_count;
	plan->blob_bytes = release->blob_bytes;
	for (size_t i = 0; i < release->image_count; i++)
		used += release->images[i].size;
	plan->shared_bytes = used - release->blob_bytes;
	for (size_t i = 0; i < release->blob_count; i++)
		if (!release->blobs[i].content)
			plan->pull_bytes += release->blobs[i].descriptor.size;
}

/* Too little is free; whether giving up what is there would help is said. */
static int
refuse_for_room(struct ferry_pack *pack, const struct bundle_survey *survey,
		struct ferry_error *err)
{
	uint64_t free_bytes = pack->plan.free_bytes;
	char need[TEXT_SIZE_MAX];
	char have[TEXT_SIZE_MAX];
	char kept[TEXT_SIZE_MAX];

	text_size(need, sizeof(need), survey->size.least);
	text_size(have, sizeof(have), free_bytes);
	text_size(kept, sizeof(kept), survey->kept);
	if (survey->size.least - free_bytes > survey->kept)
		return text_format(
			&pack->no_room, err,
			"%s: the bundle takes %s, and %s is free there",
			pack->output, need, have);
	return text_format(
		&pack->no_room, err,
		"%s: the bundle takes %s, and %s is free there beside "
		"%s of an unfinished run, which --fresh gives up",
		pack->output, need, have, kept);
}

/* What the disk says; only what cannot work is refused. */
static int
look_for_room(struct ferry_pack *pack, struct ferry_error *err)
{
	struct ferry_pack_plan *plan = &pack->plan;
	struct bundle_survey survey;
	struct file_room room;
	char need[TEXT_SIZE_MAX];
	char have[TEXT_SIZE_MAX];
	int rc = bundle_survey(&survey, pack->output, pack->fresh,
			       &pack->release, err);

	if (rc)
		return rc;
	plan->bundle_bytes = survey.size.most;
	plan->compressed = survey.size.least < survey.size.most;
	plan->here_bytes = survey.here;
	plan->pull_bytes -= survey.here;
	plan->free_bytes = UINT64_MAX;
	plan->largest_file = UINT64_MAX;
	if (!pack->output)
		return 0;
	rc = file_room(pack->output, &room, err);
	if (rc)
		return rc;
	plan->free_bytes = room.free + survey.reused;
	plan->largest_file = room.largest;
	text_size(need, sizeof(need), survey.size.least);
	if (survey.size.least > room.largest)
		rc = text_format(&pack->no_room, err,
				 "%s: the bundle takes %s, and %s allows %s",
				 pack->output, need, room.why,
				 text_size(have, sizeof(have), room.largest));
	else if (survey.size.least > plan->free_bytes)
		rc = refuse_for_room(pack, &survey, err);
	plan->no_room = pack->no_room;
	return rc;
}

/* What registries have said by now of how often they may be asked. */
static int
hear_quotas(struct ferry_pack *pack, struct ferry_error *err)
{
	int rc;

	quotas_release(&pack->quotas);
	rc = pack->source->ops->add_quotas(pack->source, &pack->quotas, err);
	pack->plan.quotas = pack->quotas.items;
	pack->plan.quota_count = pack->quotas.count;
	return rc;
}

static int
make_plan(struct ferry_pack *pack, const struct ferry_pack_options *options,
	  struct ferry_error *err)
{
	int rc = read_options(pack, options, err);

	if (!rc)
		rc = resolve_all(pack, err);
	if (!rc)
		rc = pin_images(pack, err);
	if (!rc)
		rc = make_release(pack, err);
	if (!rc)
		rc = describe_images(pack, err);
	if (!rc)
		rc = indexes_describe(&pack->indexes, &pack->release, err);
	if (!rc)
		rc = hear_quotas(pack, err);
	if (rc)
		return rc;
	pack->plan.indexes = pack->indexes.items;
	pack->plan.index_count = pack->indexes.count;
	add_up(pack);
	return pack->plan.refused ? 0 : look_for_room(pack, err);
}

int
ferry_pack_plan(struct ferry_context *context,
		const struct ferry_pack_options *options,
		struct ferry_pack **out, struct ferry_error *err)
{
	struct ferry_pack *pack = calloc(1, sizeof(*pack));
	int rc;

	if (!pack)
		return error_nomem(err);
	pack->context = context;
	rc = make_plan(pack, options, err);
	if (rc)
		ferry_pack_free(pack);
	else
		*out = pack;
	return rc;
}

const struct release *
pack_release(const struct ferry_pack *pack)
{
	return &pack->release;
}

const struct ferry_pack_plan *
ferry_pack_get_plan(const struct ferry_pack *pack)
{
	return &pack->plan;
}

/* A platform that is not there will not be there tomorrow: it decides. */
static int
refuse(const struct ferry_pack_plan *plan, struct ferry_error *err)
{
	enum ferry_code code = FERRY_E_FAILED;

	for (size_t i = 0; i < plan->image_count; i++)
		if (plan->images[i].wrong_platform)
			code = FERRY_E_PLATFORM;
	return error_set(err, code,
			 "%zu of %zu image%s cannot be packed; nothing was "
			 "pulled",
			 plan->refused, plan->image_count,
			 plan->image_count == 1 ? "" : "s");
}

int
ferry_pack_check(const struct ferry_pack *pack, struct ferry_error *err)
{
	const struct ferry_pack_plan *plan = &pack->plan;

	if (plan->refused)
		return refuse(plan, err);
	if (plan->no_room)
		return error_set(err, FERRY_E_FAILED, "%s; nothing was pulled",
				 plan->no_room);
	return 0;
}

static void
tell_packed(struct ferry_context *context, const char *name)
{
	context_image(context, name, "packed");
}

int
ferry_pack_run(struct ferry_pack *pack, struct ferry_error *err)
{
	AUTO_FREE struct outcome *outcomes = NULL;
	struct bundle_writer_options options = { .path = pack->output,
						 .force = pack->force,
						 .fresh = pack->fresh,
						 .context = pack->context };
	struct copy copy = { .context = pack->context,
			     .release = &pack->release,
			     .source = pack->source,
			     .jobs = pack->jobs,
			     .arrived = tell_packed };
	int rc = ferry_pack_check(pack, err);

	if (!rc && !pack->output)
		rc = error_set(err, FERRY_E_USAGE, "no file to pack into");
	if (rc)
		return rc;
	outcomes = calloc(pack->release.image_count, sizeof(*outcomes));
	if (!outcomes)
		return error_nomem(err);
	copy.outcomes = outcomes;
	rc = lock_write(&pack->lock, &pack->list, err);
	if (!rc)
		rc = target_bundle_new(&copy.target, &options, err);
	if (!rc)
		rc = copy.target->ops->prepare(copy.target, &pack->release,
					       outcomes, err);
	if (!rc)
		rc = copy_run(&copy, err);
	if (!rc)
		rc = hear_quotas(pack, err);
	if (!rc)
		pack->written = target_bundle_bytes(copy.target);
	else if (copy.target)
		target_bundle_tell(copy.target, err);
	target_free(copy.target);
	if (!rc && lock_commit(&pack->lock, err))
		rc = error_wrap(err, "the bundle is written, its lock is not");
	return rc;
}

int
ferry_pack_write_lock(struct ferry_pack *pack, struct ferry_error *err)
{
	int rc = ferry_pack_check(pack, err);

	if (!rc)
		rc = lock_write(&pack->lock, &pack->list, err);
	return rc ? rc : lock_commit(&pack->lock, err);
}

uint64_t
ferry_pack_written(const struct ferry_pack *pack)
{
	return pack->written;
}

void
ferry_pack_free(struct ferry_pack *pack)
{
	if (!pack)
		return;
	for (size_t i = 0; i < pack->list.count && pack->requests; i++)
		resolved_release(&pack->requests[i].resolved);
	free(pack->images);
	free(pack->captions);
	indexes_release(&pack->indexes);
	free(pack->requests);
	free(pack->no_room);
	quotas_release(&pack->quotas);
	free(pack->output);
	lock_release(&pack->lock);
	list_release(&pack->list);
	release_release(&pack->release);
	source_free(pack->source);
	free(pack);
}
