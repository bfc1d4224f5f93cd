#include "source/forward.h"

#include <string.h>
#include <sys/mman.h>

/*
 * The bytes have a mapping of their own: glibc would not give so large blocks
 * back, each thread's would add up.
 */
struct forward_kept {
	struct sink sink;
	struct forward_kept *next;
	const struct blob *blob;
	uint8_t *bytes;
	size_t size;
};

void
forward_init(struct forward *forward, struct forward_place *place,
	     struct forward_room *room)
{
	*forward = (struct forward){ .place = place, .room = room };
	pthread_mutex_init(&forward->lock, NULL);
}

/* Another stream may be faster: false. */
static bool
take_room(struct forward_room *room, uint64_t size)
{
	unsigned long long left = atomic_load(&room->left);

	while (size <= left)
		if (atomic_compare_exchange_weak(&room->left, &left,
						 left - size))
			return true;
	return false;
}

/* munmap() takes no nothing, nor does mmap(). */
static size_t
room_of(const struct blob *blob)
{
	return blob->descriptor.size ? (size_t)blob->descriptor.size : 1;
}

/* Takes what is at `at` out of the list. */
static void
drop(struct forward *forward, struct forward_kept **at)
{
	struct forward_kept *kept = *at;

	*at = kept->next;
	atomic_fetch_add(&forward->room->left, kept->blob->descriptor.size);
	munmap(kept->bytes, room_of(kept->blob));
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
write_kept(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct forward_kept *kept = (struct forward_kept *)sink;

	if (size > kept->blob->descriptor.size - kept->size)
		return error_set(
			err, FERRY_E_DIGEST,
			"more than the %llu bytes it should have",
			(unsigned long long)kept->blob->descriptor.size);
	memcpy(kept->bytes + kept->size, data, size);
	kept->size += size;
	return 0;
}

/* Adds it to the list; NULL without memory. */
static struct forward_kept *
add_kept(struct forward *forward, const struct blob *blob)
{
	AUTO_FREE struct forward_kept *kept = calloc(1, sizeof(*kept));
	void *bytes = kept ? mmap(NULL, room_of(blob), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
			   : MAP_FAILED;

	if (bytes == MAP_FAILED)
		return NULL;
	kept->sink.write = write_kept;
	kept->blob = blob;
	kept->bytes = bytes;
	kept->next = forward->kept;
	forward->kept = kept;
	return STEAL(&kept);
}

/* Not kept after all if the room has gone to another stream meanwhile. */
static int
keep(struct forward *forward, const struct blob *blob, uint64_t offset,
     struct ferry_error *err)
{
	struct forward_kept *kept;
	int rc;

	if (!take_room(forward->room, blob->descriptor.size))
		return 0;
	kept = add_kept(forward, blob);
	if (!kept) {
		atomic_fetch_add(&forward->room->left, blob->descriptor.size);
		return error_nomem(err);
	}
	rc = read_on(forward, blob, offset, 0, &kept->sink, err);
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
	       next->descriptor.size <= atomic_load(&forward->room->left);
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
	const struct forward_kept *kept = *at;
	size_t seen = (size_t)proof->seen;
	int rc = 0;

	if (seen < kept->size)
		rc = sink_write(&proof->sink, kept->bytes + seen,
				kept->size - seen, err);
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
