#include "op/copy.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/parallel.h"
#include "base/text.h"

/* The source as the target sees it: what passes is counted and shown. */
struct watched_source {
	struct source source;
	struct source *inner;
	struct ferry_context *context;
	bool only_copy;
	atomic_ullong moved;
};

struct watched_sink {
	struct sink sink;
	struct sink *next;
	struct watched_source *source;
	struct transfer transfer;
};

struct run {
	struct copy *copy;
	struct watched_source source;
	size_t *order;	      /* in which the blobs are begun */
	pthread_mutex_t lock; /* over what follows, and the outcomes */
	size_t *missing;      /* per image: blobs that are not there yet */
	struct ferry_error failure; /* what ended it all; code OK: nothing */
};

static int
write_watched(struct sink *base, const void *data, size_t size,
	      struct ferry_error *err)
{
	struct watched_sink *sink = (struct watched_sink *)base;
	struct watched_source *source = sink->source;
	int rc = context_check(source->context, err);

	if (!rc)
		rc = sink_write(sink->next, data, size, err);
	if (rc)
		return rc;
	atomic_fetch_add(&source->moved, size);
	transfer_set(&sink->transfer, sink->transfer.done + size);
	return 0;
}

/* A document, which the plan has had: not all sources find it by its digest. */
static int
push_content(const struct buffer *content, struct proof *proof,
	     struct ferry_error *err)
{
	int rc = sink_write(&proof->sink, content->data + proof->seen,
			    content->size - proof->seen, err);

	return rc ? rc : proof_finish(proof, err);
}

static int
fetch_watched(struct source *base, unsigned worker,
	      const struct release *release, const struct blob *blob,
	      struct proof *proof, struct ferry_error *err)
{
	struct watched_source *source = (struct watched_source *)base;
	struct watched_sink sink = { .sink = { .write = write_watched },
				     .next = proof->next,
				     .source = source };
	char title[IMAGE_TITLE];
	int rc;

	image_title(title, &release->images[blob->image]);
	transfer_start(&sink.transfer, source->context, title,
		       blob->descriptor.size);
	transfer_set(&sink.transfer, proof->seen);
	proof->next = &sink.sink;
	rc = blob->content
		     ? push_content(blob->content, proof, err)
		     : source->inner->ops->fetch(source->inner, worker, release,
						 blob, proof, err);
	proof->next = sink.next;
	transfer_end(&sink.transfer);
	if (rc == FERRY_E_DIGEST && source->only_copy)
		rc = err->code = FERRY_E_DAMAGED;
	return rc;
}

static int
finish_watched(struct source *base, struct ferry_error *err)
{
	return source_finish(((struct watched_source *)base)->inner, err);
}

static const struct source_ops watched_ops = {
	.fetch = fetch_watched,
	.finish = finish_watched,
};

static int
count_missing(struct run *run, struct ferry_error *err)
{
	const struct release *release = run->copy->release;

	run->missing = calloc(release->image_count, sizeof(*run->missing));
	if (!run->missing)
		return error_nomem(err);
	for (size_t i = 0; i < release->image_count; i++)
		run->missing[i] = release->images[i].blob_count;
	return 0;
}

static void
image_arrived(const struct copy *copy, size_t image)
{
	const struct image *what = &copy->release->images[image];
	char title[IMAGE_TITLE];

	if (copy->arrived && !what->artifact)
		copy->arrived(copy->context, image_title(title, what));
}

static void
image_failed(const struct copy *copy, size_t image,
	     const struct ferry_error *err)
{
	struct outcome *outcome = &copy->outcomes[image];

	if (!outcome_is_open(outcome))
		return;
	outcome->state = OUTCOME_FAILED;
	outcome->err = *err;
	outcome_tell(copy->context, copy->release, image, outcome);
}

static void
blob_arrived_for(struct run *run, size_t image)
{
	struct target *target = run->copy->target;
	struct ferry_error why;

	if (target->ops->refused && target->ops->refused(target, image, &why))
		image_failed(run->copy, image, &why);
	else if (--run->missing[image] == 0)
		image_arrived(run->copy, image);
}

static void
blob_arrived(struct run *run, const struct blob *blob)
{
	pthread_mutex_lock(&run->lock);
	for (size_t u = 0; u < blob->uses; u++)
		blob_arrived_for(run, blob->users[u]);
	pthread_mutex_unlock(&run->lock);
}

static void
blob_failed(struct run *run, const struct blob *blob,
	    const struct ferry_error *err)
{
	pthread_mutex_lock(&run->lock);
	for (size_t u = 0; u < blob->uses; u++)
		image_failed(run->copy, blob->users[u], err);
	pthread_mutex_unlock(&run->lock);
}

/* Whether an image that can still succeed needs the blob. */
static bool
still_wanted(struct run *run, const struct blob *blob)
{
	const struct outcome *outcomes = run->copy->outcomes;
	bool wanted = false;

	pthread_mutex_lock(&run->lock);
	for (size_t u = 0; u < blob->uses; u++)
		if (outcome_is_open(&outcomes[blob->users[u]]))
			wanted = true;
	pthread_mutex_unlock(&run->lock);
	return wanted;
}

/*
 * Ends the other transfers, which may have hours to go and would be in vain.
 * They fail of that, so the first failure stands for all.
 */
static int
give_up(struct run *run, struct ferry_error *err)
{
	pthread_mutex_lock(&run->lock);
	if (!run->failure.code)
		run->failure = *err;
	*err = run->failure;
	pthread_mutex_unlock(&run->lock);
	context_stop(run->copy->context, true);
	return err->code;
}

/*
 * No look at the context before put(): a target may keep the workers that
 * have later blobs waiting for this one.  Whatever moves bytes looks at it.
 */
static int
put_blob(void *data, size_t index, unsigned worker, struct ferry_error *err)
{
	struct run *run = data;
	struct copy *copy = run->copy;
	size_t number = run->order[index];
	const struct blob *blob = &copy->release->blobs[number];
	int rc;

	if (!still_wanted(run, blob))
		return 0;
	rc = copy->target->ops->put(copy->target, worker, number,
				    &run->source.source, err);
	if (copy->source->broken)
		rc = source_finish(copy->source, err);
	if (!rc) {
		blob_arrived(run, blob);
		return 0;
	}
	if (!copy->keep_going || rc == FERRY_E_INTERRUPTED ||
	    rc == FERRY_E_NOMEM || copy->source->broken)
		return give_up(run, err);
	blob_failed(run, blob, err);
	return 0;
}

/*
 * The largest first: begun last, it would still be on its way by itself when
 * all others are there.  Plain ones may have to wait for each other in the
 * order that they have, and for nobody else, so they stay behind.
 */
static int
by_weight(const void *a, const void *b, void *data)
{
	const struct blob *blobs = data;
	size_t one = *(const size_t *)a;
	size_t two = *(const size_t *)b;
	uint64_t one_size = blobs[one].descriptor.size;
	uint64_t two_size = blobs[two].descriptor.size;

	if (blobs[one].plain != blobs[two].plain)
		return blobs[one].plain ? 1 : -1;
	if (!blobs[one].plain && one_size != two_size)
		return one_size > two_size ? -1 : 1;
	return one < two ? -1 : 1;
}

static int
put_in_order(struct run *run, struct ferry_error *err)
{
	const struct release *release = run->copy->release;

	run->order = calloc(release->blob_count, sizeof(*run->order));
	if (!run->order)
		return error_nomem(err);
	for (size_t i = 0; i < release->blob_count; i++)
		run->order[i] = i;
	if (!run->copy->target->in_order && !run->copy->source->once)
		qsort_r(run->order, release->blob_count, sizeof(*run->order),
			by_weight, release->blobs);
	return 0;
}

/* Where no image can succeed any more, the rest of a pipe is for nobody. */
static int
finish_source(const struct copy *copy, struct ferry_error *err)
{
	for (size_t i = 0; i < copy->release->image_count; i++)
		if (copy->outcomes[i].state != OUTCOME_FAILED)
			return source_finish(copy->source, err);
	return 0;
}

static int
move_blobs(struct run *run, struct ferry_error *err)
{
	struct copy *copy = run->copy;
	int rc;

	if (!copy->target->ops->put)
		return 0;
	rc = parallel_run(copy->release->blob_count,
			  copy->source->once ? 1 : copy->jobs, put_blob, run,
			  err);
	context_stop(copy->context, false);
	return rc ? rc : finish_source(copy, err);
}

/* What images failed of: damage is nothing that trying again would mend. */
static enum ferry_code
failure_code(const struct copy *copy)
{
	enum ferry_code code = FERRY_OK;

	for (size_t i = 0; i < copy->release->image_count; i++) {
		const struct outcome *outcome = &copy->outcomes[i];

		if (outcome->state != OUTCOME_FAILED)
			continue;
		if (!code || outcome->err.code == FERRY_E_DAMAGED)
			code = outcome->err.code;
	}
	return code;
}

/* The first says what it was; the others have been told one by one. */
static int
none_in_place(const struct copy *copy, enum ferry_code code,
	      struct ferry_error *err)
{
	char title[IMAGE_TITLE];
	size_t first = 0;

	while (copy->outcomes[first].state != OUTCOME_FAILED)
		first++;
	return error_set(err, code, "no image is in place: %s: %s",
			 image_title(title, &copy->release->images[first]),
			 copy->outcomes[first].err.message);
}

/* What the images' outcomes make of the whole. */
static int
sum_up(const struct copy *copy, struct ferry_error *err)
{
	size_t count = 0;
	size_t failed = 0;
	enum ferry_code code = failure_code(copy);

	for (size_t i = 0; i < copy->release->image_count; i++) {
		/* What fails with others is not counted beside them. */
		if (copy->release->images[i].artifact)
			continue;
		failed += copy->outcomes[i].state == OUTCOME_FAILED;
		count++;
	}
	if (!failed)
		return 0;
	if (code == FERRY_E_DAMAGED)
		return error_set(err, code,
				 "the bundle is damaged: %zu of %zu images not "
				 "in place; it has to be carried again",
				 failed, count);
	if (failed == count)
		return none_in_place(copy, code, err);
	return error_set(err, FERRY_E_PARTIAL,
			 "%zu of %zu images not in place; the same command "
			 "again tries only these",
			 failed, count);
}

int
copy_run(struct copy *copy, struct ferry_error *err)
{
	struct run run = { .copy = copy,
			   .source = { .source = { .ops = &watched_ops,
						   .once = copy->source->once },
				       .inner = copy->source,
				       .context = copy->context,
				       .only_copy = copy->only_copy },
			   .lock = PTHREAD_MUTEX_INITIALIZER };
	int rc = count_missing(&run, err);

	if (!rc)
		rc = put_in_order(&run, err);
	if (!rc && copy->target->ops->begin)
		rc = copy->target->ops->begin(copy->target, err);
	if (!rc)
		rc = move_blobs(&run, err);
	if (!rc)
		rc = copy->target->ops->commit(copy->target, &run.source.source,
					       copy->outcomes, err);
	/* What needed nothing from a pipe has left it unread. */
	if (!rc)
		rc = finish_source(copy, err);
	free(run.missing);
	free(run.order);
	pthread_mutex_destroy(&run.lock);
	copy->moved = atomic_load(&run.source.moved);
	return rc ? rc : sum_up(copy, err);
}
