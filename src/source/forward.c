#include "source/forward.h"

struct forward_kept {
	struct forward_kept *next;
	const struct blob *blob;
	struct buffer bytes;
};

void
forward_init(struct forward *forward, struct forward_place *place,
	     uint64_t most)
{
	*forward = (struct forward){ .place = place, .most = most };
	pthread_mutex_init(&forward->lock, NULL);
}

/* Takes what is at `at` out of the list. */
static void
drop(struct forward *forward, struct forward_kept **at)
{
	struct forward_kept *kept = *at;

	*at = kept->next;
	forward->kept_bytes -= kept->blob->descriptor.size;
	buffer_release(&kept->bytes);
	free(kept);
}

void
forward_release(struct forward *forward)
{
	while (forward->kept)
		drop(forward, &forward->kept);
	free(forward->asked);
	pthread_mutex_destroy(&forward->lock);
	*forward = (struct forward){ 0 };
}

static struct forward_kept **
find_kept(struct forward *forward, const struct blob *blob)
{
	struct forward_kept **at = &forward->kept;

	while (*at && (*at)->blob != blob)
		at = &(*at)->next;
	return at;
}

static int
read_on(struct forward *forward, const struct blob *blob, uint64_t offset,
	uint64_t from, struct sink *to, struct ferry_error *err)
{
	int rc = forward->place->read(forward->place, &blob->descriptor.digest,
				      from, to, err);

	/* After an error the stream begins anew. */
	forward->position = rc ? 0 : offset + blob->descriptor.size;
	return rc;
}

static int
keep(struct forward *forward, const struct blob *blob, uint64_t offset,
     struct ferry_error *err)
{
	struct forward_kept *kept = calloc(1, sizeof(*kept));
	struct buffer_sink sink;
	int rc;

	if (!kept)
		return error_nomem(err);
	kept->blob = blob;
	kept->bytes.limit = (size_t)blob->descriptor.size;
	kept->next = forward->kept;
	forward->kept = kept;
	forward->kept_bytes += blob->descriptor.size;
	buffer_sink_init(&sink, &kept->bytes);
	rc = buffer_reserve(&kept->bytes, kept->bytes.limit, err);
	if (!rc)
		rc = read_on(forward, blob, offset, 0, &sink.sink, err);
	if (rc)
		drop(forward, &forward->kept);
	return rc;
}

/* Whether `next` will be asked for here, as far as we know. */
static bool
is_expected(const struct forward *forward, const struct release *release,
	    const struct blob *blob, const struct blob *next)
{
	const struct image *images = release->images;

	return !next->content && !forward->asked[next - release->blobs] &&
	       images[next->image].source == images[blob->image].source;
}

static bool
is_worth_keeping(const struct forward *forward, const struct release *release,
		 const struct blob *blob, const struct blob *next)
{
	return is_expected(forward, release, blob, next) &&
	       next->descriptor.size <= forward->most - forward->kept_bytes;
}

/* The first that is worth keeping on the way to `offset`, or NULL. */
static const struct blob *
next_on_the_way(struct forward *forward, const struct release *release,
		const struct blob *blob, uint64_t offset, uint64_t *where)
{
	const struct blob *next = NULL;

	*where = offset;
	for (size_t b = 0; b < release->blob_count; b++) {
		const struct blob *other = &release->blobs[b];
		uint64_t begins;

		if (!is_worth_keeping(forward, release, blob, other) ||
		    !forward->place->find(forward->place,
					  &other->descriptor.digest, &begins) ||
		    begins < forward->position || begins >= *where ||
		    *find_kept(forward, other))
			continue;
		next = other;
		*where = begins;
	}
	return next;
}

static int
go_to(struct forward *forward, const struct release *release,
      const struct blob *blob, uint64_t offset, struct ferry_error *err)
{
	const struct blob *next;
	uint64_t where;
	int rc = 0;

	if (offset < forward->position)
		forward->position = 0;
	while (!rc &&
	       (next = next_on_the_way(forward, release, blob, offset, &where)))
		rc = keep(forward, next, where, err);
	return rc;
}

static int
push_kept(struct forward *forward, struct forward_kept **at,
	  struct proof *proof, struct ferry_error *err)
{
	const struct buffer *bytes = &(*at)->bytes;
	size_t seen = (size_t)proof->seen;
	int rc = 0;

	if (seen < bytes->size)
		rc = sink_write(&proof->sink, bytes->data + seen,
				bytes->size - seen, err);
	drop(forward, at);
	return rc;
}

static int
push(struct forward *forward, const struct release *release,
     const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	const struct digest *digest = &blob->descriptor.digest;
	struct forward_kept **kept = find_kept(forward, blob);
	uint64_t offset;
	int rc;

	if (*kept)
		return push_kept(forward, kept, proof, err);
	if (!forward->place->find(forward->place, digest, &offset))
		return error_set(err, FERRY_E_NOT_FOUND, "%s is not there",
				 digest->text);
	rc = go_to(forward, release, blob, offset, err);
	return rc ? rc
		  : read_on(forward, blob, offset, proof->seen, &proof->sink,
			    err);
}

static int
note(struct forward *forward, const struct release *release,
     const struct blob *blob, struct ferry_error *err)
{
	if (!forward->asked)
		forward->asked =
			calloc(release->blob_count, sizeof(*forward->asked));
	if (!forward->asked)
		return error_nomem(err);
	forward->asked[blob - release->blobs] = true;
	return 0;
}

/* What is kept already needs the stream no more. */
static void
rest(struct forward *forward, const struct release *release,
     const struct blob *blob)
{
	for (size_t b = 0; b < release->blob_count; b++)
		if (is_expected(forward, release, blob, &release->blobs[b]) &&
		    !*find_kept(forward, &release->blobs[b]))
			return;
	forward->place->rest(forward->place);
	forward->position = 0;
}

int
forward_fetch(struct forward *forward, const struct release *release,
	      const struct blob *blob, struct proof *proof,
	      struct ferry_error *err)
{
	int rc;

	pthread_mutex_lock(&forward->lock);
	rc = note(forward, release, blob, err);
	if (!rc)
		rc = push(forward, release, blob, proof, err);
	if (!rc)
		rest(forward, release, blob);
	pthread_mutex_unlock(&forward->lock);
	return rc ? rc : proof_finish(proof, err);
}
