#include "serve/decoders.h"

void
decoders_init(struct decoders *decoders)
{
	*decoders = (struct decoders){ .uses = 0 };
	pthread_mutex_init(&decoders->lock, NULL);
	pthread_cond_init(&decoders->idle, NULL);
}

void
decoders_release(struct decoders *decoders)
{
	for (size_t i = 0; i < DECODERS; i++)
		frame_pull_free(decoders->slots[i].pull);
	pthread_cond_destroy(&decoders->idle);
	pthread_mutex_destroy(&decoders->lock);
}

/* Nobody's before somebody's, then by its last use. */
static bool
is_older(const struct decoder_slot *slot, const struct decoder_slot *than)
{
	if (!slot->owner != !than->owner)
		return !slot->owner;
	return slot->used < than->used;
}

/* The one that was the caller's, or else that was left alone the longest. */
static struct decoder_slot *
choose(struct decoders *decoders, const void *owner)
{
	struct decoder_slot *oldest = NULL;

	for (size_t i = 0; i < DECODERS; i++) {
		struct decoder_slot *slot = &decoders->slots[i];

		if (slot->owner == owner)
			return slot;
		if (!slot->busy && (!oldest || is_older(slot, oldest)))
			oldest = slot;
	}
	return oldest;
}

static struct decoder_slot *
take(struct decoders *decoders, const void *owner, bool *kept)
{
	struct decoder_slot *slot;

	pthread_mutex_lock(&decoders->lock);
	while (!(slot = choose(decoders, owner)))
		pthread_cond_wait(&decoders->idle, &decoders->lock);
	*kept = slot->owner == owner;
	slot->owner = owner;
	slot->busy = true;
	slot->used = ++decoders->uses;
	pthread_mutex_unlock(&decoders->lock);
	return slot;
}

static void
give_back(struct decoders *decoders, struct decoder_slot *slot, bool whole)
{
	pthread_mutex_lock(&decoders->lock);
	slot->busy = false;
	if (!whole)
		slot->owner = NULL;
	pthread_cond_signal(&decoders->idle);
	pthread_mutex_unlock(&decoders->lock);
}

static int
read_on(struct decoder_slot *slot, struct decoding *decoding, bool kept,
	void *data, size_t size, struct ferry_error *err)
{
	int rc = slot->pull ? 0 : frame_pull_new(&slot->pull, err);

	if (!rc && !kept)
		rc = bundle_pull_from(decoding->bundle, decoding->blob,
				      slot->pull, decoding->start, decoding->at,
				      err);
	if (!rc)
		rc = frame_pull_read(slot->pull, data, size, err);
	if (rc)
		return rc;
	decoding->at += size;
	decoding->start = frame_pull_start(slot->pull);
	return 0;
}

int
decoders_read(struct decoders *decoders, struct decoding *decoding, void *data,
	      size_t size, struct ferry_error *err)
{
	bool kept;
	struct decoder_slot *slot = take(decoders, decoding, &kept);
	int rc = read_on(slot, decoding, kept, data, size, err);

	give_back(decoders, slot, rc == 0);
	return rc;
}

void
decoders_forget(struct decoders *decoders, const struct decoding *decoding)
{
	pthread_mutex_lock(&decoders->lock);
	for (size_t i = 0; i < DECODERS; i++)
		if (decoders->slots[i].owner == decoding)
			decoders->slots[i].owner = NULL;
	pthread_mutex_unlock(&decoders->lock);
}
