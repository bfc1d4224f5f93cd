#include "base/parallel.h"
#include "registry/shown.h"
#include "target/registry_state.h"

struct commit {
	struct target_registry *target;
	struct outcome *outcomes;
	int (*step)(struct commit *commit, size_t image, unsigned worker,
		    struct ferry_error *err);
	bool by_name; /* it is done once a name, by the image it stands for */
};

/* A manifest or an index. */
struct document {
	const struct descriptor *descriptor;
	const struct buffer *bytes;
};

/* A look at what the registry has under a name. */
struct look {
	struct target_registry *target;
	size_t image;
	unsigned worker;
	const char *name;
	const struct digest *wanted;
	struct ferry_error why; /* what it says or gives instead */
};

static struct document
manifest_of(const struct image *image)
{
	return (struct document){ &image->descriptor, &image->manifest_bytes };
}

/* What the image's name stands for. */
static struct document
whole_of(const struct image *image)
{
	const struct nested_index *index = image->nested;

	return index ? (struct document){ &index->descriptor, &index->bytes }
		     : manifest_of(image);
}

/* Whether the registry gives exactly the document that is wanted. */
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
	*out = !rc && digest_equal(&found.digest, look->wanted);
	if (rc)
		error_wrap(&look->why, "does not show it");
	else if (!*out)
		error_set(&look->why, FERRY_E_FAILED, "gives %s",
			  found.digest.text);
	return 0;
}

static int
put_document(struct commit *commit, size_t image, unsigned worker,
	     const char *name, const struct document *document,
	     struct ferry_error *err)
{
	struct target_registry *target = commit->target;

	target_registry_sent(target, image);
	return registry_put_manifest(
		target->registry, worker, target->names[image].repository, name,
		document->descriptor, document->bytes, err);
}

/* Where a blob was missing, there is no need to ask for the manifest. */
static int
send_document(struct commit *commit, size_t image, unsigned worker,
	      const struct document *document, struct ferry_error *err)
{
	const struct digest *digest = &document->descriptor->digest;
	struct look look = { commit->target, image,  worker,
			     digest->text,   digest, { 0 } };
	bool there = false;
	int rc = 0;

	if (!commit->target->sent[image])
		rc = is_there(&look, &there, err);
	if (!rc && !there)
		rc = put_document(commit, image, worker, digest->text, document,
				  err);
	return rc;
}

static int
send_manifest(struct commit *commit, size_t image, unsigned worker,
	      struct ferry_error *err)
{
	const struct image *what = &commit->target->release->images[image];
	struct document manifest = manifest_of(what);
	int rc = send_document(commit, image, worker, &manifest, err);

	return rc ? error_wrap(err, "manifest %s", what->descriptor.digest.text)
		  : 0;
}

/* After all of its children, or a registry would refuse it. */
static int
send_index(struct commit *commit, size_t image, unsigned worker,
	   struct ferry_error *err)
{
	const struct image *what = &commit->target->release->images[image];
	struct document index = whole_of(what);
	int rc;

	if (!what->nested)
		return 0;
	rc = send_document(commit, image, worker, &index, err);
	return rc ? error_wrap(err, "index %s", index.descriptor->digest.text)
		  : 0;
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
	struct document whole =
		whole_of(&commit->target->release->images[image]);
	const struct digest *digest = &whole.descriptor->digest;
	const char *tag = commit->target->names[image].tag;
	struct look look = {
		commit->target, image, worker, tag, digest, { 0 }
	};
	bool there = false;
	int rc;

	if (!*tag) {
		look.name = digest->text;
		return read_back(&look, err);
	}
	rc = is_there(&look, &there, err);
	if (!rc && !there)
		rc = put_document(commit, image, worker, tag, &whole, err);
	if (!rc && !there)
		rc = read_back(&look, err);
	return rc ? error_wrap(err, "tag %s", tag) : 0;
}

static void
set_done(struct commit *commit, size_t image, bool sent)
{
	struct outcome *outcome = &commit->outcomes[image];

	outcome->state = sent ? OUTCOME_DONE : OUTCOME_PRESENT;
	outcome_tell(commit->target->context, commit->target->release, image,
		     outcome);
}

/* All below an index got there with it, or were there with it. */
static void
set_all_done(struct commit *commit, const struct nested_index *index)
{
	const bool *sent = &commit->target->sent[index->first_image];
	bool any = false;

	for (size_t i = 0; i < index->image_count; i++)
		any |= sent[i];
	for (size_t i = 0; i < index->image_count; i++)
		set_done(commit, index->first_image + i, any);
}

static int
finish_name(struct commit *commit, size_t image, unsigned worker,
	    struct ferry_error *err)
{
	const struct nested_index *index =
		commit->target->release->images[image].nested;
	int rc = send_tag(commit, image, worker, err);

	if (rc)
		return rc;
	if (index)
		set_all_done(commit, index);
	else
		set_done(commit, image, commit->target->sent[image]);
	return 0;
}

static void
set_failed(struct commit *commit, size_t image, const struct ferry_error *err)
{
	struct outcome *outcome = &commit->outcomes[image];

	outcome->state = OUTCOME_FAILED;
	outcome->err = *err;
	outcome_tell(commit->target->context, commit->target->release, image,
		     outcome);
}

static int
step(void *data, size_t image, unsigned worker, struct ferry_error *err)
{
	struct commit *commit = data;
	int rc = context_check(commit->target->context, err);

	if (rc || (commit->by_name &&
		   commit->target->release->images[image].secondary))
		return rc;
	if (commit->outcomes[image].state == OUTCOME_FAILED)
		return 0;
	rc = commit->step(commit, image, worker, err);
	if (!rc || rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
		return rc;
	set_failed(commit, image, err);
	return 0;
}

static int
run_step(struct commit *commit, bool by_name,
	 int (*what)(struct commit *commit, size_t image, unsigned worker,
		     struct ferry_error *err),
	 struct ferry_error *err)
{
	struct target_registry *target = commit->target;
	const struct release *release = target->release;
	int rc;

	commit->step = what;
	commit->by_name = by_name;
	rc = parallel_run(release->image_count, target->workers, step, commit,
			  err);
	if (!rc)
		outcomes_join(target->context, release, commit->outcomes);
	return rc;
}

int
target_registry_commit(struct target *base, struct source *source,
		       struct outcome *outcomes, struct ferry_error *err)
{
	struct target_registry *target = (struct target_registry *)base;
	struct commit commit = { .target = target, .outcomes = outcomes };
	int rc = run_step(&commit, false, send_manifest, err);

	(void)source; /* the release carries its documents */
	if (!rc && target->release->index_count)
		rc = run_step(&commit, true, send_index, err);
	return rc ? rc : run_step(&commit, true, finish_name, err);
}
