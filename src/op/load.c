/*
 * load: bundle to target.
 */
#include "ferry/load.h"

#include <string.h>

#include "host/host.h"
#include "oci/nested.h"
#include "op/caption.h"
#include "op/contents.h"
#include "op/copy.h"
#include "op/narrow.h"
#include "op/pins.h"
#include "op/rename.h"
#include "target/any.h"

struct ferry_load {
	struct ferry_context *context;
	unsigned jobs;
	struct rewrite rewrite;
	struct warnings warnings;
	struct contents contents;
	struct target *target;
	struct target_facts facts;
	struct outcome *outcomes;
	struct ferry_load_image *images;
	size_t *numbers; /* of these in the release, artifacts left out */
	struct caption *captions;	 /* one an image, as in the bundle */
	struct caption *target_captions; /* the same, as in the target */
	char platform[PLATFORM_TEXT];
	struct ferry_load_plan plan;
	uint64_t sent;
};

static int
refuse_images(const struct image *images, size_t count,
	      const struct platform *runs, const char *where,
	      const char *advice, struct ferry_error *err)
{
	AUTO_FREE char *needs = NULL;
	char has[PLATFORM_TEXT];
	char name[REFERENCE_TEXT];
	int rc = nested_platforms(images, count, &needs, err);

	if (rc)
		return rc;
	platform_text(has, runs);
	return error_set(err, FERRY_E_PLATFORM,
			 "%s is for %s, and %s is %s: pack the images again "
			 "with --platform %s%s",
			 reference_familiar(name, &images->reference), needs,
			 where, has, has, advice);
}

/* Whether what runs there can run every name; names both sides if not. */
static int
check_platform(const struct ferry_load *load, const struct platform *runs,
	       const char *where, const char *advice, struct ferry_error *err)
{
	const struct release *release = &load->contents.release;
	size_t count;

	for (size_t i = 0; i < release->image_count; i += count) {
		const struct image *images = &release->images[i];

		count = release_run(release, i);
		if (!narrow_fits(runs, images, count))
			return refuse_images(images, count, runs, where, advice,
					     err);
	}
	return 0;
}

static int
check_this_host(struct ferry_load *load, struct ferry_error *err)
{
	struct ferry_host found;
	struct platform host;
	int rc = ferry_host_find(&found, err);

	if (!rc)
		rc = platform_parse(&host, found.platform, err);
	if (rc)
		return rc;
	platform_text(load->platform, &host);
	return check_platform(load, &host, "this host",
			      ", or say --any-host if what you load into "
			      "serves other machines",
			      err);
}

/* Where nobody knows better, the images are for machines like this one. */
static int
check_machine(struct ferry_load *load, bool any_host, struct ferry_error *err)
{
	const struct platform *runs = load->facts.runs;

	strcpy(load->platform, "any");
	if (!runs)
		return any_host || load->facts.any_machine
			       ? 0
			       : check_this_host(load, err);
	platform_text(load->platform, runs);
	return check_platform(load, runs, load->facts.machine, "", err);
}

static int
connect(struct ferry_load *load, const struct ferry_load_options *options,
	struct ferry_error *err)
{
	int rc = 0;

	if (load->target->ops->connect)
		rc = load->target->ops->connect(load->target, &load->facts,
						err);
	if (!rc)
		rc = check_machine(load, options->any_host, err);
	if (!rc && load->facts.one_platform &&
	    load->contents.release.index_count)
		rc = narrow_release(&load->contents.release, load->facts.runs,
				    load->facts.keeps_index, err);
	return rc;
}

static int
prepare(struct ferry_load *load, struct ferry_error *err)
{
	int rc = rename_release(&load->contents.release, &load->rewrite,
				load->target->own_host, &load->warnings, err);

	if (!rc)
		rc = pins_warn_release(&load->warnings, &load->contents.release,
				       err);
	if (rc)
		return rc;
	load->outcomes = calloc(load->contents.release.image_count,
				sizeof(*load->outcomes));
	if (!load->outcomes)
		return error_nomem(err);
	return load->target->ops->prepare(load->target, &load->contents.release,
					  load->outcomes, err);
}

static const struct reference *
name_in_target(const struct ferry_load *load, size_t number)
{
	const struct target *target = load->target;

	return target->ops->name
		       ? target->ops->name(target, number)
		       : &load->contents.release.images[number].reference;
}

static const struct digest *
digest_in_target(const struct ferry_load *load, size_t number)
{
	const struct target *target = load->target;

	return target->ops->digest ? target->ops->digest(target, number)
				   : &load->contents.release.images[number]
					      .descriptor.digest;
}

static const char *
index_text(const struct image *image)
{
	return digest_is_set(&image->index_digest) ? image->index_digest.text
						   : NULL;
}

static void
describe_image(struct ferry_load *load, size_t number)
{
	const struct image *image = &load->contents.release.images[number];
	size_t row = load->plan.image_count++;

	caption_set(&load->captions[row], image_source_name(image),
		    &image->platform);
	caption_set(&load->target_captions[row], name_in_target(load, number),
		    NULL);
	load->numbers[row] = number;
	load->images[row] = (struct ferry_load_image){
		.name = load->captions[row].name,
		.target_name = load->target_captions[row].name,
		.platform = load->captions[row].platform,
		.digest = digest_in_target(load, number)->text,
		.index_digest = index_text(image),
		.size = image->size,
	};
}

static int
describe(struct ferry_load *load, struct ferry_error *err)
{
	const struct release *release = &load->contents.release;
	size_t count = release->image_count;

	load->images = calloc(count, sizeof(*load->images));
	load->numbers = calloc(count, sizeof(*load->numbers));
	load->captions = calloc(count, sizeof(*load->captions));
	load->target_captions = calloc(count, sizeof(*load->target_captions));
	if (!load->images || !load->numbers || !load->captions ||
	    !load->target_captions)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++)
		if (!release->images[i].artifact)
			describe_image(load, i);
	return 0;
}

/* The outcomes, in the words and states of the public API. */
static void
tell_outcomes(struct ferry_load *load)
{
	static const enum ferry_load_state states[] = {
		[OUTCOME_PENDING] = FERRY_LOAD_PENDING,
		[OUTCOME_DONE] = FERRY_LOAD_DONE,
		[OUTCOME_PRESENT] = FERRY_LOAD_PRESENT,
		[OUTCOME_FAILED] = FERRY_LOAD_FAILED,
		[OUTCOME_SKIPPED] = FERRY_LOAD_SKIPPED,
	};

	for (size_t i = 0; i < load->plan.image_count; i++) {
		const struct outcome *outcome =
			&load->outcomes[load->numbers[i]];

		load->images[i].state = states[outcome->state];
		load->images[i].detail = outcome_words(outcome);
		load->images[i].note = outcome->note;
		load->images[i].to_send =
			outcome->planned ? outcome->to_send : UINT64_MAX;
	}
}

static void
fill_plan(struct ferry_load *load)
{
	struct ferry_load_plan *plan = &load->plan;
	struct target_estimate estimate = { 0 };

	tell_outcomes(load);
	if (load->target->ops->estimate)
		load->target->ops->estimate(load->target, &estimate);
	plan->kind = cargo_kind(&load->contents.cargo);
	plan->proof = cargo_proof(&load->contents.cargo);
	plan->target = load->facts.words;
	plan->platform = load->platform;
	plan->digests = load->facts.digests;
	plan->warnings = (const char *const *)load->warnings.items;
	plan->warning_count = load->warnings.count;
	plan->images = load->images;
	plan->blob_count = load->contents.release.blob_count;
	plan->blob_bytes = load->contents.release.blob_bytes;
	plan->send_bytes = estimate.planned ? estimate.send_bytes : UINT64_MAX;
	plan->needed_bytes = estimate.needed_bytes;
	plan->free_bytes = estimate.free_bytes;
}

static int
open_contents(struct ferry_load *load, const struct ferry_load_options *options,
	      struct ferry_error *err)
{
	struct cargo cargo = { 0 };
	int rc = cargo_open(&cargo, options->bundle, options->spool,
			    load->context, err);

	return rc ? rc
		  : contents_read(&load->contents, &cargo, options->only,
				  options->only_count, err);
}

static int
make_plan(struct ferry_load *load, const struct ferry_load_options *options,
	  struct ferry_error *err)
{
	int rc = rewrite_init(&load->rewrite, options->rewrite,
			      options->rewrite_count, err);

	if (!rc)
		rc = target_open(&load->target, load->context, options, err);
	load->jobs = options->jobs ? options->jobs : FERRY_JOBS_DEFAULT;
	if (!rc)
		rc = open_contents(load, options, err);
	if (!rc)
		rc = connect(load, options, err);
	if (!rc)
		rc = prepare(load, err);
	if (!rc)
		rc = describe(load, err);
	if (!rc)
		fill_plan(load);
	return rc;
}

int
ferry_load_plan(struct ferry_context *context,
		const struct ferry_load_options *options,
		struct ferry_load **out, struct ferry_error *err)
{
	struct ferry_load *load = calloc(1, sizeof(*load));
	int rc;

	if (!load)
		return error_nomem(err);
	load->context = context;
	rc = make_plan(load, options, err);
	if (rc)
		ferry_load_free(load);
	else
		*out = load;
	return rc;
}

const struct ferry_load_plan *
ferry_load_get_plan(const struct ferry_load *load)
{
	return &load->plan;
}

/* Not there yet for anybody to see: tags come when all are. */
static void
tell_arrived(struct ferry_context *context, const char *name)
{
	context_notice(context, "%s: all its blobs are there", name);
}

int
ferry_load_run(struct ferry_load *load, struct ferry_error *err)
{
	struct copy copy = { .context = load->context,
			     .release = &load->contents.release,
			     .source = load->contents.cargo.source,
			     .target = load->target,
			     .outcomes = load->outcomes,
			     .jobs = load->jobs,
			     .keep_going = true,
			     .only_copy = true,
			     .arrived = tell_arrived };
	int rc = copy_run(&copy, err);

	if (rc == FERRY_E_DAMAGED)
		error_wrap(err, "%s", load->contents.cargo.name);
	load->sent = copy.moved;
	tell_outcomes(load);
	return rc;
}

uint64_t
ferry_load_sent(const struct ferry_load *load)
{
	return load->sent;
}

void
ferry_load_free(struct ferry_load *load)
{
	if (!load)
		return;
	target_free(load->target);
	contents_release(&load->contents);
	rewrite_release(&load->rewrite);
	warnings_release(&load->warnings);
	free(load->outcomes);
	free(load->images);
	free(load->numbers);
	free(load->captions);
	free(load->target_captions);
	free(load);
}
