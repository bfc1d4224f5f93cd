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
	atomic_ullong moved;
};

struct watched_sink {
	struct sink sink;
	struct sink *next;
	struct watched_source *source;
	struct transfer transfer;
};

/* Which images use a blob, and what each of them still waits for. */
struct usage {
	size_t *first; /* blob -> where its users begin; one more at the end */
	size_t *users;
	size_t *missing; /* image -> blobs not yet there */
};

struct run {
	struct copy *copy;
	struct watched_source source;
	struct usage usage;
	pthread_mutex_t lock; /* over usage.missing and the outcomes */
};

static int
write_watched(struct sink *base, const void *data, size_t size,
	      struct ferry_error *err)
{
	struct watched_sink *sink = (struct watched_sink *)base;
	int rc = context_check(sink->source->context, err);

	if (!rc)
		rc = sink_write(sink->next, data, size, err);
	atomic_fetch_add(&sink->source->moved, size);
	transfer_set(&sink->transfer, sink->transfer.done + size);
	return rc;
}

static int
fetch_watched(struct source *base, unsigned worker,
	      const struct release *release, const struct blob *blob,
	      struct sink *to, struct ferry_error *err)
{
	struct watched_source *source = (struct watched_source *)base;
	struct watched_sink sink = { .sink = { .write = write_watched },
				     .next = to,
				     .source = source };
	char name[REFERENCE_TEXT];
	int rc;

	reference_familiar(name, &release->images[blob->image].reference);
	transfer_start(&sink.transfer, source->context, name,
		       blob->descriptor.size);
	rc = source->inner->ops->fetch(source->inner, worker, release, blob,
				       &sink.sink, err);
	transfer_end(&sink.transfer);
	return rc;
}

static const struct source_ops watched_ops = {
	.name = "watched",
	.fetch = fetch_watched,
};

static void
usage_release(struct usage *usage)
{
	free(usage->first);
	free(usage->users);
	free(usage->missing);
}

/* Turns image -> blobs into blob -> images, by counting. */
static int
usage_init(struct usage *usage, const struct release *release,
	   struct ferry_error *err)
{
	size_t total = 0;

	for (size_t i = 0; i < release->image_count; i++)
		total += release->images[i].blob_count;
	usage->first = calloc(release->blob_count + 2, sizeof(size_t));
	usage->users = calloc(total + 1, sizeof(size_t));
	usage->missing = calloc(release->image_count + 1, sizeof(size_t));
	if (!usage->first || !usage->users || !usage->missing)
		return error_nomem(err);
	/* Counts lie two further on; filling in moves them to their places. */
	for (size_t b = 0; b < release->blob_count; b++)
		usage->first[b + 2] =
			usage->first[b + 1] + release->blobs[b].uses;
	for (size_t i = 0; i < release->image_count; i++) {
		const struct image *image = &release->images[i];

		usage->missing[i] = image->blob_count;
		for (size_t b = 0; b < image->blob_count; b++)
			usage->users[usage->first[image->blobs[b] + 1]++] = i;
	}
	return 0;
}

static void
image_complete(struct copy *copy, size_t image)
{
	char name[REFERENCE_TEXT];

	if (!copy->complete)
		return;
	context_image(copy->context,
		      reference_familiar(
			      name, &copy->release->images[image].reference),
		      copy->complete);
}

static void
blob_arrived(struct run *run, size_t blob)
{
	struct usage *usage = &run->usage;

	pthread_mutex_lock(&run->lock);
	for (size_t u = usage->first[blob]; u < usage->first[blob + 1]; u++)
		if (--usage->missing[usage->users[u]] == 0)
			image_complete(run->copy, usage->users[u]);
	pthread_mutex_unlock(&run->lock);
}

static void
blob_failed(struct run *run, size_t blob, const struct ferry_error *err)
{
	struct usage *usage = &run->usage;

	pthread_mutex_lock(&run->lock);
	for (size_t u = usage->first[blob]; u < usage->first[blob + 1]; u++) {
		struct outcome *outcome = &run->copy->outcomes[usage->users[u]];

		if (outcome->state != OUTCOME_FAILED)
			outcome->err = *err;
		outcome->state = OUTCOME_FAILED;
	}
	pthread_mutex_unlock(&run->lock);
}

/* Whether an image that can still succeed needs the blob. */
static bool
still_wanted(struct run *run, size_t blob)
{
	struct usage *usage = &run->usage;
	bool wanted = false;

	pthread_mutex_lock(&run->lock);
	for (size_t u = usage->first[blob]; u < usage->first[blob + 1]; u++)
		if (run->copy->outcomes[usage->users[u]].state !=
		    OUTCOME_FAILED)
			wanted = true;
	pthread_mutex_unlock(&run->lock);
	return wanted;
}

static int
put_blob(void *data, size_t blob, unsigned worker, struct ferry_error *err)
{
	struct run *run = data;
	struct copy *copy = run->copy;
	int rc = context_check(copy->context, err);

	if (rc || !still_wanted(run, blob))
		return rc;
	rc = copy->target->ops->put(copy->target, worker, blob,
				    &run->source.source, err);
	if (!rc)
		blob_arrived(run, blob);
	if (!rc || !copy->keep_going || rc == FERRY_E_INTERRUPTED ||
	    rc == FERRY_E_NOMEM)
		return rc;
	blob_failed(run, blob, err);
	return 0;
}

static int
move_blobs(struct run *run, struct ferry_error *err)
{
	struct copy *copy = run->copy;

	if (!copy->target->ops->put)
		return 0;
	return parallel_run(copy->release->blob_count, copy->jobs, put_blob,
			    run, err);
}

/* What the images' outcomes make of the whole. */
static int
sum_up(const struct copy *copy, struct ferry_error *err)
{
	size_t failed = 0;
	size_t first = 0;
	char name[REFERENCE_TEXT];

	for (size_t i = copy->release->image_count; i-- > 0;)
		if (copy->outcomes[i].state == OUTCOME_FAILED) {
			failed++;
			first = i;
		}
	if (!failed)
		return 0;
	if (failed < copy->release->image_count)
		return error_set(err, FERRY_E_PARTIAL,
				 "%zu of %zu images are not in place; the "
				 "same command again does only the rest",
				 failed, copy->release->image_count);
	*err = copy->outcomes[first].err;
	return error_wrap(
		err, "%s",
		reference_familiar(name,
				   &copy->release->images[first].reference));
}

int
copy_run(struct copy *copy, struct ferry_error *err)
{
	struct run run = { .copy = copy,
			   .source = { .source = { .ops = &watched_ops },
				       .inner = copy->source,
				       .context = copy->context },
			   .lock = PTHREAD_MUTEX_INITIALIZER };
	int rc = usage_init(&run.usage, copy->release, err);

	if (!rc)
		rc = move_blobs(&run, err);
	if (!rc)
		rc = copy->target->ops->commit(copy->target, &run.source.source,
					       copy->outcomes, err);
	usage_release(&run.usage);
	pthread_mutex_destroy(&run.lock);
	copy->moved = atomic_load(&run.source.moved);
	return rc ? rc : sum_up(copy, err);
}
