#include "target/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "target/names.h"
#include "target/registry_state.h"

void
target_registry_sent(struct target_registry *target, size_t image)
{
	pthread_mutex_lock(&target->lock);
	target->sent[image] = true;
	pthread_mutex_unlock(&target->lock);
}

static void
forget_release(struct target_registry *target)
{
	free(STEAL(&target->names));
	free(STEAL(&target->sent));
	free(STEAL(&target->left_out));
	free(STEAL(&target->refusals));
}

static int
connect(struct target *base, struct target_facts *out, struct ferry_error *err)
{
	struct target_registry *target = (struct target_registry *)base;

	*out = (struct target_facts){ .words = target->words };
	return registry_check(target->registry, 0, err);
}

static int
prepare(struct target *base, const struct release *release,
	struct outcome *outcomes, struct ferry_error *err)
{
	struct target_registry *target = (struct target_registry *)base;
	int rc;

	forget_release(target);
	target->release = release;
	target->outcomes = outcomes;
	rc = target_names(&target->names, target->to, release, err);
	if (rc)
		return rc;
	target->sent = calloc(release->image_count + 1, sizeof(bool));
	target->left_out = calloc(release->image_count + 1, sizeof(bool));
	target->refusals =
		calloc(release->image_count + 1, sizeof(*target->refusals));
	return target->sent && target->left_out && target->refusals
		       ? target_registry_plan(target, outcomes, err)
		       : error_nomem(err);
}

static void
estimate(const struct target *base, struct target_estimate *out)
{
	const struct target_registry *target =
		(const struct target_registry *)base;

	out->planned = target->planned;
	out->send_bytes = target->send_bytes;
}

static const struct reference *
name(const struct target *base, size_t image)
{
	return &((const struct target_registry *)base)->names[image];
}

static void
free_target(struct target *base)
{
	struct target_registry *target = (struct target_registry *)base;

	forget_release(target);
	registry_free(target->registry);
	pthread_mutex_destroy(&target->lock);
	free(target->to);
	free(target->words);
	free(target);
}

/* What prepare() found to be impossible, or not wanted. */
static int
begin(struct target *base, struct ferry_error *err)
{
	struct target_registry *target = (struct target_registry *)base;

	(void)err;
	for (size_t i = 0; i < target->release->image_count; i++)
		if (!outcome_is_open(&target->outcomes[i]))
			outcome_tell(target->context, target->release, i,
				     &target->outcomes[i]);
	return 0;
}

static const struct target_ops ops = {
	.connect = connect,
	.prepare = prepare,
	.estimate = estimate,
	.name = name,
	.begin = begin,
	.put = target_registry_put,
	.refused = target_registry_refused,
	.commit = target_registry_commit,
	.free = free_target,
};

int
target_registry_new(struct target **out, struct ferry_context *context,
		    const char *to, const struct ferry_load_options *options,
		    struct ferry_error *err)
{
	struct target_registry *target = calloc(1, sizeof(*target));
	struct reference place;
	int rc;

	if (!target)
		return error_nomem(err);
	target->target.ops = &ops;
	target->target.own_host = true;
	target->context = context;
	target->workers = options->jobs ? options->jobs : FERRY_JOBS_DEFAULT;
	target->existing_tag = options->existing_tag;
	target->deep = options->deep;
	target->closely = options->closely;
	pthread_mutex_init(&target->lock, NULL);
	rc = target_parse(&place, to, err);
	if (!rc)
		rc = text_copy(&target->to, to, err);
	if (!rc)
		rc = text_format(&target->words, err, "registry %s", to);
	if (!rc)
		rc = registry_new(&target->registry, context,
				  &options->registry, place.host, REGISTRY_PUSH,
				  target->workers, err);
	if (rc)
		free_target(&target->target);
	else
		*out = &target->target;
	return rc;
}
