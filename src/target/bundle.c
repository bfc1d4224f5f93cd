#include "target/bundle.h"

struct target_bundle {
	struct target target;
	struct bundle_writer_options options;
	const struct release *release;
	struct bundle_writer *writer;
};

/* Fills a place in the bundle from memory or from the source. */
struct filler {
	struct bundle_filler filler;
	const struct release *release;
	struct source *source;
	unsigned worker;
};

static int
fill(struct bundle_filler *base, const struct blob *blob, struct proof *proof,
     struct ferry_error *err)
{
	struct filler *filler = (struct filler *)base;
	const struct buffer *content = blob->content;
	int rc;

	if (!content)
		return filler->source->ops->fetch(
			filler->source, filler->worker, filler->release, blob,
			proof, err);
	rc = sink_write(&proof->sink, content->data + proof->seen,
			content->size - proof->seen, err);
	return rc ? rc : proof_finish(proof, err);
}

static int
prepare(struct target *base, const struct release *release,
	struct outcome *outcomes, struct ferry_error *err)
{
	struct target_bundle *target = (struct target_bundle *)base;

	int rc;

	(void)outcomes;
	target->release = release;
	rc = bundle_writer_new(&target->writer, &target->options, release, err);
	if (!rc)
		base->in_order = bundle_writer_in_order(target->writer);
	return rc;
}

static int
put(struct target *base, unsigned worker, size_t blob, struct source *source,
    struct ferry_error *err)
{
	struct target_bundle *target = (struct target_bundle *)base;
	struct filler filler = { .filler = { .fill = fill },
				 .release = target->release,
				 .source = source,
				 .worker = worker };

	return bundle_writer_put(target->writer, blob, &filler.filler, err);
}

static int
commit(struct target *base, struct source *source, struct outcome *outcomes,
       struct ferry_error *err)
{
	struct target_bundle *target = (struct target_bundle *)base;
	int rc = bundle_writer_commit(target->writer, err);

	(void)source;
	for (size_t i = 0; i < target->release->image_count && !rc; i++)
		outcomes[i].state = OUTCOME_DONE;
	return rc;
}

static void
free_target(struct target *base)
{
	bundle_writer_free(((struct target_bundle *)base)->writer);
	free(base);
}

static const struct target_ops ops = {
	.prepare = prepare,
	.put = put,
	.commit = commit,
	.free = free_target,
};

int
target_bundle_new(struct target **out,
		  const struct bundle_writer_options *options,
		  struct ferry_error *err)
{
	struct target_bundle *target = calloc(1, sizeof(*target));

	if (!target)
		return error_nomem(err);
	target->target.ops = &ops;
	target->options = *options;
	*out = &target->target;
	return 0;
}

uint64_t
target_bundle_bytes(const struct target *base)
{
	const struct target_bundle *target = (const struct target_bundle *)base;

	return bundle_writer_bytes(target->writer);
}

void
target_bundle_tell(const struct target *base, struct ferry_error *err)
{
	const struct target_bundle *target = (const struct target_bundle *)base;

	if (target->writer)
		bundle_writer_tell(target->writer, err);
}
