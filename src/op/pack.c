/*
 * pack: images from wherever they are to a bundle.
 */
#include "op/pack.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/output.h"
#include "base/text.h"
#include "bundle/writer.h"
#include "op/caption.h"
#include "op/copy.h"
#include "op/indexes.h"
#include "op/lock.h"
#include "op/pins.h"
#include "op/requests.h"
#include "registry/quota.h"
#include "source/any.h"
#include "target/bundle.h"

struct ferry_pack {
	struct ferry_context *context;
	char *output;
	bool force;
	bool fresh;
	unsigned jobs;
	struct ferry_registry_options registry;
	struct ferry_docker_options docker;
	struct requests requests;
	struct lock lock;
	struct source *source;
	struct release release; /* of what was not refused */
	struct ferry_pack_image *images;
	struct caption *captions; /* one an image */
	struct indexes indexes;
	char *no_room;
	struct quotas quotas;
	struct warnings warnings;
	struct ferry_pack_plan plan;
	uint64_t written;
};

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
	rc = requests_read(&pack->requests, pack->context, options, err);
	if (!rc && options->output)
		rc = text_copy(&pack->output, options->output, err);
	if (!rc && pack->output)
		rc = output_check(pack->output, pack->force, err);
	if (!rc && pack->output)
		rc = source_any_check_output(&pack->requests.list, pack->output,
					     err);
	if (!rc)
		rc = lock_init(&pack->lock, options->lock, pack->output,
			       pack->force, err);
	return rc ? rc : open_source(pack, options, err);
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
	size_t room = pack->release.image_count + pack->requests.list.count;
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
	for (size_t i = 0; i < pack->requests.list.count; i++) {
		if (!pack->requests.items[i].refusal.code)
			continue;
		describe_refusal(&pack->images[n], &pack->captions[n],
				 &pack->requests.items[i]);
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
		rc = requests_resolve(&pack->requests, pack->source, pack->jobs,
				      err);
	if (!rc)
		rc = requests_pin(&pack->requests, &pack->lock, err);
	if (!rc)
		rc = pins_warn_requests(&pack->warnings, &pack->requests, err);
	if (!rc)
		rc = requests_take_release(&pack->requests, &pack->release,
					   err);
	if (!rc)
		rc = describe_images(pack, err);
	if (!rc)
		rc = indexes_describe(&pack->indexes, &pack->release, err);
	if (!rc)
		rc = hear_quotas(pack, err);
	if (rc)
		return rc;
	pack->plan.warnings = (const char *const *)pack->warnings.items;
	pack->plan.warning_count = pack->warnings.count;
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
	rc = lock_write(&pack->lock, &pack->requests.list, err);
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
		rc = lock_write(&pack->lock, &pack->requests.list, err);
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
	requests_release(&pack->requests);
	free(pack->images);
	free(pack->captions);
	indexes_release(&pack->indexes);
	free(pack->no_room);
	warnings_release(&pack->warnings);
	quotas_release(&pack->quotas);
	free(pack->output);
	lock_release(&pack->lock);
	release_release(&pack->release);
	source_free(pack->source);
	free(pack);
}
