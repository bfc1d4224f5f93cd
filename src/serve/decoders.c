#include "serve/decoders.h"

#include "base/context.h"

/* Milliseconds after which somebody is taken for slow: some reads of a disk. */
#define IDLE 100

void
decoders_init(struct decoders *decoders)
{
	*decoders = (struct decoders){ .first = NULL };
	decoders->last = &decoders->first;
	pthread_mutex_init(&decoders->lock, NULL);
}

void
decoders_release(struct decoders *decoders)
{
	for (size_t i = 0; i < DECODERS; i++)
		frame_pull_free(decoders->slots[i].pull);
	pthread_mutex_destroy(&decoders->lock);
}

static bool
is_free(const struct decoder_slot *slot, uint64_t now)
{
	return !slot->busy && (!slot->owner || now - slot->used >= IDLE);
}

/* Nobody's before somebody's, then by its last use. */
static bool
is_better(const struct decoder_slot *slot, const struct decoder_slot *than)
{
	if (!slot->owner != !than->owner)
		return !slot->owner;
	return slot->used < than->used;
}

/* The one that is the owner's, or one that may be taken, or NULL. */
static struct decoder_slot *
choose(struct decoders *decoders, const void *owner)
{
	uint64_t now = clock_milliseconds();
	struct decoder_slot *best = NULL;

	for (size_t i = 0; i < DECODERS; i++) {
		struct decoder_slot *slot = &decoders->slots[i];

		if (slot->owner == owner)
			return slot;
		if (is_free(slot, now) && (!best || is_better(slot, best)))
			best = slot;
	}
	return best;
}

static struct decoder_slot *
take(struct decoders *decoders, const void *owner, bool *kept)
{
	struct decoder_slot *slot;

	pthread_mutex_lock(&decoders->lock);
	slot = choose(decoders, owner);
	if (slot) {
		*kept = slot->owner == owner;
		slot->owner = owner;
		slot->busy = true;
	}
	pthread_mutex_unlock(&decoders->lock);
	return slot;
}

/* The first who waits, off the list.  Under the lock; he is woken after it. */
static struct decoder_waiter *
next_waiter(struct decoders *decoders)
{
	struct decoder_waiter *waiter = decoders->first;

	if (!waiter)
		return NULL;
	decoders->first = waiter->next;
	if (!decoders->first)
		decoders->last = &decoders->first;
	return waiter;
}

static void
wake(struct decoder_waiter *waiter)
{
	if (waiter)
		waiter->wake(waiter);
}

/* Who is through with a frame hands on to who waits. */
static void
give_back(struct decoders *decoders, struct decoder_slot *slot, bool through)
{
	struct decoder_waiter *waiter = NULL;

	pthread_mutex_lock(&decoders->lock);
	slot->busy = false;
	slot->used = clock_milliseconds();
	if (through && decoders->first) {
		slot->owner = NULL;
		waiter = next_waiter(decoders);
	}
	pthread_mutex_unlock(&decoders->lock);
	wake(waiter);
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
	      size_t size, bool *busy, struct ferry_error *err)
{
	uint64_t frame = decoding->start.at;
	bool kept = false;
	struct decoder_slot *slot = take(decoders, decoding, &kept);
	int rc;

	*busy = !slot;
	if (!slot)
		return __atomic_load_n(&decoders->stopped, __ATOMIC_RELAXED)
			       ? error_set(err, FERRY_E_INTERRUPTED,
					   "interrupted")
			       : 0;
	rc = read_on(slot, decoding, kept, data, size, err);
	if (rc) /* it will be freed, and its decoder with it */
		decoding->start = (struct frame_start){ 0 };
	give_back(decoders, slot, decoding->start.at != frame);
	return rc;
}

static bool
any_free(const struct decoders *decoders)
{
	uint64_t now = clock_milliseconds();

	for (size_t i = 0; i < DECODERS; i++)
		if (is_free(&decoders->slots[i], now))
			return true;
	return false;
}

void
decoders_wait(struct decoders *decoders, struct decoder_waiter *waiter)
{
	bool now;

	pthread_mutex_lock(&decoders->lock);
	now = decoders->stopped || any_free(decoders);
	if (!now) {
		waiter->next = NULL;
		*decoders->last = waiter;
		decoders->last = &waiter->next;
	}
	pthread_mutex_unlock(&decoders->lock);
	if (now)
		wake(waiter);
}

void
decoders_tick(struct decoders *decoders)
{
	uint64_t now = clock_milliseconds();

	for (size_t i = 0; i < DECODERS; i++) {
		struct decoder_slot *slot = &decoders->slots[i];
		struct decoder_waiter *waiter = NULL;

		pthread_mutex_lock(&decoders->lock);
		if (decoders->first && is_free(slot, now)) {
			slot->owner = NULL;
			waiter = next_waiter(decoders);
		}
		pthread_mutex_unlock(&decoders->lock);
		wake(waiter);
	}
}

void
decoders_stop(struct decoders *decoders)
{
	struct decoder_waiter *waiter;

	pthread_mutex_lock(&decoders->lock);
	__atomic_store_n(&decoders->stopped, true, __ATOMIC_RELAXED);
	while ((waiter = next_waiter(decoders))) {
		pthread_mutex_unlock(&decoders->lock);
		wake(waiter);
		pthread_mutex_lock(&decoders->lock);
	}
	pthread_mutex_unlock(&decoders->lock);
}

void
decoders_forget(struct decoders *decoders, const struct decoding *decoding)
{
	struct decoder_waiter *waiter = NULL;

	pthread_mutex_lock(&decoders->lock);
	for (size_t i = 0; i < DECODERS; i++)
		if (decoders->slots[i].owner == decoding) {
			decoders->slots[i].owner = NULL;
			waiter = next_waiter(decoders);
		}
	pthread_mutex_unlock(&decoders->lock);
	wake(waiter);
}
