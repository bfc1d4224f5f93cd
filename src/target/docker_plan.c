#include "target/docker_plan.h"

#include <string.h>

#include "target/docker_image.h"

/* Docker with more images than that is asked about the newest only. */
#define IMAGES_LOOKED_AT 1000

/* Whether what Docker knows as `name` is `image`. */
static int
is_there(struct docker_api *api, const char *name, const struct image *image,
	 bool *out, struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	struct ferry_error ignored;
	int rc = docker_api_image(api, name, &json, err);

	if (rc)
		return rc;
	*out = json && docker_image_check(json, image, &ignored) == 0;
	return 0;
}

static int
find_need(struct docker_api *api, const struct image *image,
	  enum docker_need *out, struct ferry_error *err)
{
	char name[REFERENCE_TEXT];
	bool there;
	int rc = is_there(api, docker_image_name(name, image), image, &there,
			  err);

	if (rc)
		return rc;
	*out = DOCKER_NOTHING;
	if (there)
		return 0;
	rc = is_there(api, docker_image_id(image)->text, image, &there, err);
	if (!rc)
		*out = there ? DOCKER_NAME : DOCKER_SEND;
	return rc;
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
	  const struct image *image, const struct docker_daemon *daemon)
{
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

/* How much of each image to send is in the one described. */
static int
count_common(struct docker_plan *plan, const json_t *described,
	     struct ferry_error *err)
{
	for (size_t i = 0; i < plan->release->image_count; i++) {
		AUTO(image_config_release) struct image_config config = { 0 };
		const struct buffer *bytes =
			&plan->release->images[i].config_bytes;
		size_t common;
		int rc;

		if (plan->needs[i] != DOCKER_SEND)
			continue;
		rc = image_config_parse(&config, bytes->data, bytes->size, err);
		if (rc)
			return rc;
		common = docker_image_common(described, &config);
		if (common > plan->have[i])
			plan->have[i] = common;
	}
	return 0;
}

/* One that has gone since it was listed has nothing in common. */
static int
look_at(struct docker_plan *plan, struct docker_api *api, const char *id,
	struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	int rc = docker_api_image(api, id, &json, err);

	if (rc || !json)
		return rc;
	return count_common(plan, json, err);
}

static int
find_layers(struct docker_plan *plan, struct docker_api *api,
	    struct ferry_error *err)
{
	AUTO_JSON *answer = NULL;
	json_t *images, *image;
	struct digest id;
	size_t i;
	int rc = docker_api_images(api, &answer, err);

	if (!rc)
		rc = json_find_array(answer, "images", &images, err);
	if (rc)
		return rc;
	json_array_foreach (images, i, image) {
		const char *text;

		rc = json_get_text(image, "Id", &text, err);
		if (!rc)
			rc = digest_parse(&id, text, err);
		if (!rc)
			rc = look_at(plan, api, id.text, err);
		if (rc || i + 1 == IMAGES_LOOKED_AT)
			break;
	}
	return rc;
}

static int
find_needs(struct docker_plan *plan, struct docker_api *api,
	   const struct docker_daemon *daemon, struct outcome *outcomes,
	   struct ferry_error *err)
{
	bool any = false;

	for (size_t i = 0; i < plan->release->image_count; i++) {
		const struct image *image = &plan->release->images[i];
		int rc = find_need(api, image, &plan->needs[i], err);

		if (rc)
			return rc;
		tell_need(&outcomes[i], plan->needs[i], image, daemon);
		any |= plan->needs[i] == DOCKER_SEND;
	}
	return any ? find_layers(plan, api, err) : 0;
}

int
docker_plan_init(struct docker_plan *out, struct docker_api *api,
		 const struct docker_daemon *daemon,
		 const struct release *release, struct outcome *outcomes,
		 struct ferry_error *err)
{
	AUTO(docker_plan_release)
	struct docker_plan plan = { .release = release };
	size_t count = release->image_count + 1;
	int rc;

	plan.needs = calloc(count, sizeof(*plan.needs));
	plan.have = calloc(count, sizeof(*plan.have));
	if (!plan.needs || !plan.have)
		return error_nomem(err);
	rc = find_needs(&plan, api, daemon, outcomes, err);
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
	*plan = (struct docker_plan){ 0 };
}
