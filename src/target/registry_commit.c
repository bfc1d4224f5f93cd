#include "base/parallel.h"
#include "registry/shown.h"
#include "target/registry_state.h"

struct commit {
	struct target_registry *target;
	struct outcome *outcomes;
	int (*step)(struct commit *commit, size_t image, unsigned worker,
		    struct ferry_error *err);
};

/* A look at what the registry has under a name. */
struct look {
	struct target_registry *target;
	size_t image;
	unsigned worker;
	const char *name;
	struct ferry_error why; /* what it says or gives instead */
};

/* Whether the registry gives exactly this image's manifest. */
static int
is_there(void *cookie, bool *out, struct ferry_error *err)
{
	struct look *look = cookie;
	struct target_registry *target = look->target;
	AUTO_REGISTRY_MANIFEST found = { 0 };
	int rc = registry_get_manifest(target->registry, look->worker,
				       target->names[look->image].repository,
				       look->name, &found, &look->why);

	if (rc && rc != FERRY_E_NOT_FOUND && rc != FERRY_E_DENIED) {
		*err = look->why;
		return rc;
	}
	*out = !rc &&
	       digest_equal(
		       &found.digest,
		       &target->release->images[look->image].descriptor.digest);
	if (rc)
		error_wrap(&look->why, "does not show it");
	else if (!*out)
		error_set(&look->why, FERRY_E_FAILED, "gives %s",
			  found.digest.text);
	return 0;
}

static int
put_manifest(struct commit *commit, size_t image, unsigned worker,
	     const char *name, struct ferry_error *err)
{
	struct target_registry *target = commit->target;
	const struct image *what = &target->release->images[image];

	target_registry_sent(target, image);
	return registry_put_manifest(
		target->registry, worker, target->names[image].repository, name,
		&what->descriptor, &what->manifest_bytes, err);
}

/* Where a blob was missing, there is no need to ask for the manifest. */
static int
send_manifest(struct commit *commit, size_t image, unsigned worker,
	      struct ferry_error *err)
{
	const char *digest =
		commit->target->release->images[image].descriptor.digest.text;
	struct look look = { commit->target, image, worker, digest, { 0 } };
	bool there = false;
	int rc = 0;

	if (!commit->target->sent[image])
		rc = is_there(&look, &there, err);
	if (!rc && !there)
		rc = put_manifest(commit, image, worker, digest, err);
	return rc ? error_wrap(err, "manifest %s", digest) : 0;
}

static int
read_back(struct look *look, struct ferry_error *err)
{
	bool there = false;
	int rc = shown_wait(look->target->context, is_there, look, &there, err);

	if (rc || there)
		return rc;
	return error_set(err, FERRY_E_FAILED, "%s took it, but %s",
			 registry_host(look->target->registry),
			 look->why.message);
}

/* The name that people will use; it is read back whether sent or not. */
static int
send_tag(struct commit *commit, size_t image, unsigned worker,
	 struct ferry_error *err)
{
	const struct image *what = &commit->target->release->images[image];
	const char *tag = commit->target->names[image].tag;
	struct look look = { commit->target, image, worker, tag, { 0 } };
	bool there = false;
	int rc;

	if (!*tag) {
		look.name = what->descriptor.digest.text;
		return read_back(&look, err);
	}
	rc = is_there(&look, &there, err);
	if (!rc && !there)
		rc = put_manifest(commit, image, worker, tag, err);
	if (!rc && !there)
		rc = read_back(&look, err);
	return rc ? error_wrap(err, "tag %s", tag) : 0;
}

static int
finish_image(struct commit *commit, size_t image, unsigned worker,
	     struct ferry_error *err)
{
	struct outcome *outcome = &commit->outcomes[image];
	int rc = send_tag(commit, image, worker, err);

	if (rc)
		return rc;
	outcome->state =
		commit->target->sent[image] ? OUTCOME_DONE : OUTCOME_PRESENT;
	outcome_tell(commit->target->context, commit->target->release, image,
		     outcome);
	return 0;
}

static int
step(void *data, size_t image, unsigned worker, struct ferry_error *err)
{
	struct commit *commit = data;
	struct outcome *outcome = &commit->outcomes[image];
	int rc = context_check(commit->target->context, err);

	if (rc || outcome->state == OUTCOME_FAILED)
		return rc;
	rc = commit->step(commit, image, worker, err);
	if (!rc || rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
		return rc;
	outcome->state = OUTCOME_FAILED;
	outcome->err = *err;
	outcome_tell(commit->target->context, commit->target->release, image,
		     outcome);
	return 0;
}

static int
run_step(struct commit *commit,
	 int (*what)(struct commit *commit, size_t image, unsigned worker,
		     struct ferry_error *err),
	 struct ferry_error *err)
{
	struct target_registry *target = commit->target;

	commit->step = what;
	return parallel_run(target->release->image_count, target->workers, step,
			    commit, err);
}

int
target_registry_commit(struct target *base, struct source *source,
		       struct outcome *outcomes, struct ferry_error *err)
{
	struct target_registry *target = (struct target_registry *)base;
	struct commit commit = { .target = target, .outcomes = outcomes };
	int rc = run_step(&commit, send_manifest, err);

	(void)source; /* the release carries its manifests */
	return rc ? rc : run_step(&commit, finish_image, err);
}
