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

/* A look at what the registry has under a name. */
struct look {
	struct target_registry *target;
	size_t image;
	unsigned worker;
	const char *name;
	const struct digest *wanted;
	struct digest found;	/* what it gives; not set: nothing */
	struct ferry_error why; /* what it says or gives instead */
};

/* Whether the registry gives exactly the document that is wanted. */
static int
is_there(void *cookie, bool *out, struct ferry_error *err)
{
	struct look *look = cookie;
	int rc =
		target_registry_find(look->target, look->image, look->worker,
				     look->name, &look->found, &look->why, err);

	if (rc)
		return rc;
	*out = digest_equal(&look->found, look->wanted);
	if (!digest_is_set(&look->found))
		error_wrap(&look->why, "does not show it");
	else if (!*out)
		error_set(&look->why, FERRY_E_FAILED, "gives %s",
			  look->found.text);
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
	struct look look = { .target = commit->target,
			     .image = image,
			     .worker = worker,
			     .name = digest->text,
			     .wanted = digest };
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
	struct document manifest = target_registry_manifest(what);
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
	struct document index = target_registry_whole(what);
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

/* Sets the tag, unless it stands for something that is to be left. */
static int
replace_tag(struct commit *commit, struct look *look,
	    const struct document *whole, struct ferry_error *err)
{
	const struct digest was = look->found;
	bool existed = digest_is_set(&was);
	int rc = 0;

	if (existed)
		rc = target_registry_existing(look->target, look->image, &was,
					      commit->outcomes, err);
	if (rc || !outcome_is_open(&commit->outcomes[look->image]))
		return rc;
	rc = put_document(commit, look->image, look->worker, look->name, whole,
			  err);
	if (rc && existed && rc != FERRY_E_INTERRUPTED)
		return error_add(err, "; it stands for %s", was.text);
	if (!rc)
		rc = read_back(look, err);
	if (!rc && existed)
		target_registry_note(look->target, commit->outcomes,
				     look->image, "was", &was);
	return rc;
}

/* The name that people will use; it is read back whether sent or not. */
static int
send_tag(struct commit *commit, size_t image, unsigned worker,
	 struct ferry_error *err)
{
	struct document whole =
		target_registry_whole(&commit->target->release->images[image]);
	const struct digest *digest = &whole.descriptor->digest;
	const char *tag = commit->target->names[image].tag;
	struct look look = { .target = commit->target,
			     .image = image,
			     .worker = worker,
			     .name = tag,
			     .wanted = digest };
	bool there = false;
	int rc;

	if (!*tag) {
		look.name = digest->text;
		return read_back(&look, err);
	}
	rc = is_there(&look, &there, err);
	if (!rc && !there)
		rc = replace_tag(commit, &look, &whole, err);
	return rc ? error_wrap(err, "tag %s", tag) : 0;
}

static void
set_done(struct commit *commit, size_t image, bool sent)
{
	struct outcome *outcome = &commit->outcomes[image];

	if (outcome->state != OUTCOME_SKIPPED)
		outcome->state = sent ? OUTCOME_DONE : OUTCOME_PRESENT;
	if (outcome->state != OUTCOME_SKIPPED && commit->target->deep)
		outcome_note(outcome, "every blob read back equal");
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

static int
step(void *data, size_t image, unsigned worker, struct ferry_error *err)
{
	struct commit *commit = data;
	int rc = context_check(commit->target->context, err);

	if (rc || (commit->by_name &&
		   commit->target->release->images[image].secondary))
		return rc;
	if (!outcome_is_open(&commit->outcomes[image]))
		return 0;
	rc = commit->step(commit, image, worker, err);
	if (!rc || rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
		return rc;
	target_registry_fail(commit->target, commit->outcomes, image, err);
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
	int rc = 0;

	(void)source; /* the release carries its documents */
	if (target->deep)
		rc = target_registry_read_blobs(target, outcomes, err);
	if (!rc)
		rc = run_step(&commit, false, send_manifest, err);
	if (!rc && target->release->index_count)
		rc = run_step(&commit, true, send_index, err);
	return rc ? rc : run_step(&commit, true, finish_name, err);
}
