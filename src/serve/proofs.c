#include "serve/proofs.h"

#include <string.h>
#include <sys/stat.h>

/* Several, so that a small blob does not wait for a large one. */
#define PROVERS 2

/* Frames of one compressed blob, as they were found when it was proved. */
struct starts {
	struct starts *next;
	size_t blob;
	size_t count;
	struct frame_start items[];
};

struct ledger {
	const struct bundle *bundle;
	struct proof_stamp stamp; /* of the file that the states are about */
	uint8_t *states;	  /* enum proof_state, one a blob */
	struct starts *starts;
};

struct job {
	struct job *next;
	struct ledger *ledger;
	size_t blob;
	bool begun;
	struct proof_waiter *waiters;
};

struct proofs {
	struct ferry_context *context;
	struct ledger *ledgers;
	size_t ledger_count;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct job *jobs;
	bool stopped;
	pthread_t threads[PROVERS];
	size_t thread_count;
};

void
proofs_begin(struct proof_stamp *out, const struct bundle *bundle)
{
	struct stat status;

	*out = (struct proof_stamp){ { 0 } };
	if (fstat(bundle->fd, &status))
		return;
	*out = (struct proof_stamp){
		{ status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
		  status.st_ctim.tv_sec, status.st_ctim.tv_nsec }
	};
}

bool
proofs_same(const struct proof_stamp *a, const struct proof_stamp *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct ledger *
ledger_of(struct proofs *proofs, const struct bundle *bundle)
{
	size_t i = 0;

	while (proofs->ledgers[i].bundle != bundle)
		i++;
	return &proofs->ledgers[i];
}

static void
drop_starts(struct ledger *ledger)
{
	while (ledger->starts) {
		struct starts *next = ledger->starts->next;

		free(ledger->starts);
		ledger->starts = next;
	}
}

/* What was proved of another file is forgotten.  Under the lock. */
static void
refresh(struct ledger *ledger)
{
	struct proof_stamp now;

	proofs_begin(&now, ledger->bundle);
	if (proofs_same(&now, &ledger->stamp))
		return;
	ledger->stamp = now;
	memset(ledger->states, PROOF_NONE, ledger->bundle->table.count);
	drop_starts(ledger);
}

enum proof_state
proofs_state(struct proofs *proofs, const struct bundle *bundle, size_t blob)
{
	struct ledger *ledger = ledger_of(proofs, bundle);
	enum proof_state state;

	pthread_mutex_lock(&proofs->lock);
	refresh(ledger);
	state = ledger->states[blob];
	pthread_mutex_unlock(&proofs->lock);
	return state;
}

void
proofs_end(struct proofs *proofs, const struct proof_stamp *stamp,
	   const struct bundle *bundle, size_t blob, enum proof_state state)
{
	struct ledger *ledger = ledger_of(proofs, bundle);

	pthread_mutex_lock(&proofs->lock);
	refresh(ledger);
	if (proofs_same(stamp, &ledger->stamp))
		ledger->states[blob] = (uint8_t)state;
	pthread_mutex_unlock(&proofs->lock);
}

struct frame_start
proofs_start(struct proofs *proofs, const struct bundle *bundle, size_t blob,
	     uint64_t at)
{
	struct ledger *ledger = ledger_of(proofs, bundle);
	struct frame_start start = { 0 };

	pthread_mutex_lock(&proofs->lock);
	for (struct starts *s = ledger->starts; s; s = s->next)
		if (s->blob == blob)
			start = bundle_frame_before(bundle, blob, s->items,
						    s->count, at);
	pthread_mutex_unlock(&proofs->lock);
	return start;
}

/* A blob being read through: nothing is kept but where its frames begin. */
struct reading {
	struct frame_listener listener;
	struct sink sink;
	const struct proofs *proofs;
	struct starts *starts; /* of a compressed blob, or NULL */
	size_t room;
	struct frame_start next;
};

static int
note_frame(struct frame_listener *listener, uint64_t packed, uint64_t content,
	   struct ferry_error *err)
{
	struct reading *reading = (struct reading *)listener;

	(void)err;
	if (reading->starts && reading->starts->count < reading->room)
		reading->starts->items[reading->starts->count++] =
			reading->next;
	reading->next.packed += packed;
	reading->next.at += content;
	return 0;
}

static int
pass_over(struct sink *sink, const void *data, size_t size,
	  struct ferry_error *err)
{
	const struct reading *reading =
		(const struct reading *)((char *)sink -
					 offsetof(struct reading, sink));

	(void)data;
	(void)size;
	if (__atomic_load_n(&reading->proofs->stopped, __ATOMIC_RELAXED))
		return error_set(err, FERRY_E_INTERRUPTED, "interrupted");
	return context_check(reading->proofs->context, err);
}

static int
read_through(struct proofs *proofs, const struct bundle *bundle, size_t blob,
	     struct starts **out, struct ferry_error *err)
{
	struct reading reading = {
		.listener = { .frame = note_frame },
		.sink = { .write = pass_over },
		.proofs = proofs,
	};
	AUTO_FREE struct starts *starts = NULL;
	int rc;

	if (bundle_is_packed(bundle, blob)) {
		reading.room =
			bundle->table.blobs[blob].size / FRAME_CONTENT + 2;
		starts = calloc(1, sizeof(*starts) +
					   reading.room *
						   sizeof(struct frame_start));
		reading.starts = starts; /* without them it is only slower */
	}
	rc = bundle_read_blob(bundle, blob, &reading.sink, &reading.listener,
			      err);
	if (rc)
		return rc;
	if (starts)
		starts->blob = blob;
	*out = STEAL(&starts);
	return 0;
}

static void
prove(struct proofs *proofs, struct job *job)
{
	const struct bundle *bundle = job->ledger->bundle;
	struct ferry_error err = { 0 };
	struct proof_stamp stamp;
	struct starts *starts = NULL;
	enum proof_state state = PROOF_HOLDS;
	int rc;

	proofs_begin(&stamp, bundle);
	rc = read_through(proofs, bundle, job->blob, &starts, &err);
	if (rc)
		state = rc == FERRY_E_DAMAGED ? PROOF_FAILS : PROOF_NONE;
	if (rc && rc != FERRY_E_INTERRUPTED)
		context_notice(proofs->context, "%s: blob %s: %s", bundle->path,
			       bundle->table.blobs[job->blob].digest.text,
			       err.message);
	proofs_end(proofs, &stamp, bundle, job->blob, state);
	if (!starts)
		return;
	pthread_mutex_lock(&proofs->lock);
	if (proofs_same(&stamp, &job->ledger->stamp)) {
		starts->next = job->ledger->starts;
		job->ledger->starts = starts;
		starts = NULL;
	}
	pthread_mutex_unlock(&proofs->lock);
	free(starts);
}

static void
wake_all(struct proof_waiter *waiter)
{
	while (waiter) {
		struct proof_waiter *next = waiter->next;

		waiter->wake(waiter);
		waiter = next;
	}
}

static struct job *
next_job(const struct proofs *proofs)
{
	struct job *job = proofs->jobs;

	while (job && job->begun)
		job = job->next;
	return job;
}

/* Takes it off the list: nobody can join it any more.  Under the lock. */
static void
unlink_job(struct proofs *proofs, const struct job *job)
{
	struct job **at = &proofs->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
}

static void *
run_prover(void *data)
{
	struct proofs *proofs = data;
	struct job *job;

	pthread_mutex_lock(&proofs->lock);
	for (;;) {
		while (!(job = next_job(proofs)) && !proofs->stopped)
			pthread_cond_wait(&proofs->wanted, &proofs->lock);
		if (!job)
			break;
		job->begun = true;
		if (!proofs->stopped) {
			pthread_mutex_unlock(&proofs->lock);
			prove(proofs, job);
			pthread_mutex_lock(&proofs->lock);
		}
		unlink_job(proofs, job);
		pthread_mutex_unlock(&proofs->lock);
		wake_all(job->waiters);
		free(job);
		pthread_mutex_lock(&proofs->lock);
	}
	pthread_mutex_unlock(&proofs->lock);
	return NULL;
}

/* The job for that blob, begun by whoever asked first.  Under the lock. */
static struct job *
find_job(struct proofs *proofs, struct ledger *ledger, size_t blob)
{
	struct job **end = &proofs->jobs;
	struct job *job;

	for (; *end; end = &(*end)->next)
		if ((*end)->ledger == ledger && (*end)->blob == blob)
			return *end;
	job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->ledger = ledger;
	job->blob = blob;
	*end = job;
	return job;
}

bool
proofs_wait(struct proofs *proofs, const struct bundle *bundle, size_t blob,
	    struct proof_waiter *waiter)
{
	struct ledger *ledger = ledger_of(proofs, bundle);
	struct job *job = NULL;

	pthread_mutex_lock(&proofs->lock);
	refresh(ledger);
	if (!proofs->stopped && ledger->states[blob] == PROOF_NONE)
		job = find_job(proofs, ledger, blob);
	if (job) {
		waiter->next = job->waiters;
		job->waiters = waiter;
		pthread_cond_signal(&proofs->wanted);
	}
	pthread_mutex_unlock(&proofs->lock);
	return job != NULL;
}

static int
open_ledgers(struct proofs *proofs, const struct bundle *const *bundles,
	     size_t count, struct ferry_error *err)
{
	proofs->ledgers = calloc(count + 1, sizeof(*proofs->ledgers));
	if (!proofs->ledgers)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		struct ledger *ledger = &proofs->ledgers[i];

		ledger->bundle = bundles[i];
		ledger->states = calloc(bundles[i]->table.count + 1, 1);
		proofs->ledger_count++;
		if (!ledger->states)
			return error_nomem(err);
		proofs_begin(&ledger->stamp, bundles[i]);
	}
	return 0;
}

int
proofs_new(struct proofs **out, struct ferry_context *context,
	   const struct bundle *const *bundles, size_t count,
	   struct ferry_error *err)
{
	struct proofs *proofs = calloc(1, sizeof(*proofs));
	int rc;

	if (!proofs)
		return error_nomem(err);
	proofs->context = context;
	pthread_mutex_init(&proofs->lock, NULL);
	pthread_cond_init(&proofs->wanted, NULL);
	rc = open_ledgers(proofs, bundles, count, err);
	while (!rc && proofs->thread_count < PROVERS) {
		if (pthread_create(&proofs->threads[proofs->thread_count], NULL,
				   run_prover, proofs))
			rc = error_set(err, FERRY_E_FAILED,
				       "no thread can be started");
		else
			proofs->thread_count++;
	}
	if (rc) {
		proofs_free(proofs);
		return rc;
	}
	*out = proofs;
	return 0;
}

void
proofs_stop(struct proofs *proofs)
{
	pthread_mutex_lock(&proofs->lock);
	__atomic_store_n(&proofs->stopped, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&proofs->wanted);
	pthread_mutex_unlock(&proofs->lock);
	for (size_t i = 0; i < proofs->thread_count; i++)
		pthread_join(proofs->threads[i], NULL);
	proofs->thread_count = 0;
}

void
proofs_free(struct proofs *proofs)
{
	if (!proofs)
		return;
	proofs_stop(proofs);
	for (size_t i = 0; i < proofs->ledger_count; i++) {
		drop_starts(&proofs->ledgers[i]);
		free(proofs->ledgers[i].states);
	}
	free(proofs->ledgers);
	pthread_cond_destroy(&proofs->wanted);
	pthread_mutex_destroy(&proofs->lock);
	free(proofs);
}
