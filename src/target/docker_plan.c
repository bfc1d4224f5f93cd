#include "target/docker_plan.h"

#include <stdio.h>
#include <string.h>

#include "target/docker_image.h"

/* Docker with more images than that is asked about the newest only. */
#define IMAGES_LOOKED_AT 1000

/*
 * Whether what Docker knows as `name` is `image`.  *other is set to the ID of
 * what it is instead, if that is to be understood.
 */
static int
is_there(struct engine *engine, const char *name, enum docker_store store,
	 const struct image *image, bool *out, struct digest *other,
	 struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	struct ferry_error ignored;
	const char *id;
	int rc = engine_image(engine, name, &json, err);

	if (rc || !json)
		return rc;
	*out = docker_image_check(json, store, image, &ignored) == 0;
	if (!*out && !json_get_text(json, "Id", &id, &ignored) &&
	    digest_parse(other, id, &ignored))
		*other = (struct digest){ "" };
	return 0;
}

static int
find_need(struct docker_plan *plan, struct engine *engine, size_t number,
	  struct ferry_error *err)
{
	const struct image *image = &plan->release->images[number];
	const struct digest *id = docker_image_id(plan->store, image);
	struct digest ignored;
	char name[REFERENCE_TEXT];
	bool named = false;
	bool there = false;
	int rc = is_there(engine, docker_image_name(name, plan->store, image),
			  plan->store, image, &named, &plan->before[number],
			  err);

	if (!rc && !named)
		rc = is_there(engine, id->text, plan->store, image, &there,
			      &ignored, err);
	if (rc)
		return error_wrap(err, "%s",
				  reference_familiar(name, &image->reference));
	plan->needs[number] = named   ? DOCKER_NOTHING
			      : there ? DOCKER_NAME
				      : DOCKER_SEND;
	return 0;
}

/* What stands below one index is there, or not, as one. */
static bool
follows_another(const struct docker_plan *plan, size_t number)
{
	const struct nested_index *nested =
		plan->release->images[number].nested;

	return nested && nested->first_image != number;
}

static int
find_or_follow(struct docker_plan *plan, struct engine *engine, size_t number,
	       struct ferry_error *err)
{
	if (!follows_another(plan, number))
		return find_need(plan, engine, number, err);
	plan->needs[number] = plan->needs[number - 1];
	plan->before[number] = plan->before[number - 1];
	return 0;
}

static bool
has_zstd(const struct image *image)
{
	for (size_t i = 0; i < image->manifest.layer_count; i++)
		if (media_kind(image->manifest.layers[i].media_type) ==
		    MEDIA_LAYER_ZSTD)
			return true;
	return false;
}

static void
tell_need(struct outcome *outcome, enum docker_need need,
	  const struct image *image, const struct digest *before,
	  const struct engine_daemon *daemon)
{
	if (before->text[0])
		snprintf(outcome->note, sizeof(outcome->note),
			 "that name is %s now", before->text);
	if (need == DOCKER_NOTHING) {
		outcome->state = OUTCOME_PRESENT;
	} else if (need == DOCKER_SEND && !daemon->zstd && has_zstd(image)) {
		outcome->state = OUTCOME_FAILED;
		error_set(&outcome->err, FERRY_E_FAILED,
			  "its layers are compressed with zstd, which Docker "
			  "%s cannot unpack, only 23.0 and later can",
			  daemon->version);
	}
}

/* The configs of the images to send, for as long as layers are looked for. */
struct layer_search {
	struct docker_plan *plan;
	struct image_config *configs; /* image by image; empty: not to send */
};

static void
layer_search_release(struct layer_search *search)
{
	size_t count = search->plan->release->image_count;

	for (size_t i = 0; search->configs && i < count; i++)
		image_config_release(&search->configs[i]);
	free(search->configs);
}

static int
parse_configs(struct layer_search *search, struct ferry_error *err)
{
	const struct release *release = search->plan->release;
	int rc = 0;

	search->configs =
		calloc(release->image_count + 1, sizeof(*search->configs));
	if (!search->configs)
		return error_nomem(err);
	for (size_t i = 0; !rc && i < release->image_count; i++) {
		const struct buffer *bytes = &release->images[i].config_bytes;

		if (search->plan->needs[i] == DOCKER_SEND)
			rc = image_config_parse(&search->configs[i],
						bytes->data, bytes->size, err);
	}
	return rc;
}

/* How much of each image to send is in the one described. */
static void
count_common(struct layer_search *search, const json_t *described)
{
	struct docker_plan *plan = search->plan;

	for (size_t i = 0; i < plan->release->image_count; i++) {
		size_t common =
			docker_image_common(described, &search->configs[i]);

		if (common > plan->have[i])
			plan->have[i] = common;
	}
}

/* One that has gone since it was listed has nothing in common. */
static int
look_at(struct layer_search *search, struct engine *engine, const char *id,
	struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	int rc = engine_image(engine, id, &json, err);

	if (rc)
		return error_wrap(err, "image %s", id);
	if (json)
		count_common(search, json);
	return 0;
}

static int
look_at_all(struct layer_search *search, struct engine *engine,
	    const json_t *images, struct ferry_error *err)
{
	json_t *image;
	size_t i;

	json_array_foreach (images, i, image) {
		struct digest id;
		const char *text;
		int rc = json_get_text(image, "Id", &text, err);

		if (!rc)
			rc = digest_parse(&id, text, err);
		if (!rc)
			rc = look_at(search, engine, id.text, err);
		if (rc || i + 1 == IMAGES_LOOKED_AT)
			return rc;
	}
	return 0;
}

static int
find_layers(struct docker_plan *plan, struct engine *engine,
	    struct ferry_error *err)
{
	AUTO(layer_search_release) struct layer_search search = { plan, NULL };
	AUTO_JSON *answer = NULL;
	json_t *images;
	int rc = engine_images(engine, &answer, err);

	if (!rc)
		rc = json_find_array(answer, "images", &images, err);
	if (!rc)
		rc = parse_configs(&search, err);
	return rc ? rc : look_at_all(&search, engine, images, err);
}

static int
find_needs(struct docker_plan *plan, struct engine *engine,
	   const struct engine_daemon *daemon, struct outcome *outcomes,
	   struct ferry_error *err)
{
	bool any = false;

	for (size_t i = 0; i < plan->release->image_count; i++) {
		const struct image *image = &plan->release->images[i];
		int rc = find_or_follow(plan, engine, i, err);

		if (rc)
			return rc;
		tell_need(&outcomes[i], plan->needs[i], image, &plan->before[i],
			  daemon);
		any |= plan->needs[i] == DOCKER_SEND;
	}
	return any && plan->store == DOCKER_CLASSIC
		       ? find_layers(plan, engine, err)
		       : 0;
}

enum docker_store
docker_plan_store(const struct engine_daemon *daemon)
{
	return daemon->containerd_store ? DOCKER_CONTAINERD : DOCKER_CLASSIC;
}

int
docker_plan_init(struct docker_plan *out, struct engine *engine,
		 const struct engine_daemon *daemon,
		 const struct release *release, struct outcome *outcomes,
		 struct ferry_error *err)
{
	AUTO(docker_plan_release)
	struct docker_plan plan = { .release = release,
				    .store = docker_plan_store(daemon) };
	size_t count = release->image_count + 1;
	int rc;

	plan.needs = calloc(count, sizeof(*plan.needs));
	plan.have = calloc(count, sizeof(*plan.have));
	plan.before = calloc(count, sizeof(*plan.before));
	if (!plan.needs || !plan.have || !plan.before)
		return error_nomem(err);
	rc = find_needs(&plan, engine, daemon, outcomes, err);
	if (rc)
		return rc;
	*out = plan;
	plan = (struct docker_plan){ 0 };
	return 0;
}

void
docker_plan_release(struct docker_plan *plan)
{
	free(plan->needs);
	free(plan->have);
	free(plan->before);
	*plan = (struct docker_plan){ 0 };
}
