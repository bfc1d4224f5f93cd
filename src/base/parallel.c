#include "base/parallel.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct crew {
	pthread_mutex_t lock; /* over all that follows */
	size_t next;
	size_t count;
	size_t failed; /* the lowest index that failed, SIZE_MAX: none */
	int rc;
	struct ferry_error *err;
	int (*task)(void *data, size_t index, unsigned worker,
		    struct ferry_error *err);
	void *data;
};

struct worker {
	pthread_t thread;
	struct crew *crew;
	unsigned number;
};

static bool
take(struct crew *crew, size_t *index)
{
	bool more;

	pthread_mutex_lock(&crew->lock);
	more = crew->failed == SIZE_MAX && crew->next < crew->count;
	if (more)
		*index = crew->next++;
	pthread_mutex_unlock(&crew->lock);
	return more;
}

static void
fail(struct crew *crew, size_t index, int rc, const struct ferry_error *err)
{
	pthread_mutex_lock(&crew->lock);
	if (index < crew->failed) {
		crew->failed = index;
		crew->rc = rc;
		*crew->err = *err;
	}
	pthread_mutex_unlock(&crew->lock);
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	struct crew *crew = worker->crew;
	size_t index;

	while (take(crew, &index)) {
		struct ferry_error err;
		int rc = crew->task(crew->data, index, worker->number, &err);

		if (rc)
			fail(crew, index, rc, &err);
	}
	return NULL;
}

/* Returns how many threads run; the caller's own is worker 0 besides. */
static unsigned
hire(struct crew *crew, struct worker *workers, unsigned jobs)
{
	unsigned hired = 1;

	while (hired < jobs) {
		struct worker *worker = &workers[hired];

		worker->crew = crew;
		worker->number = hired;
		if (pthread_create(&worker->thread, NULL, work, worker))
			break; /* fewer hands, the same work */
		hired++;
	}
	return hired;
}

int
parallel_run(size_t count, unsigned jobs,
	     int (*task)(void *data, size_t index, unsigned worker,
			 struct ferry_error *err),
	     void *data, struct ferry_error *err)
{
	struct crew crew = { .lock = PTHREAD_MUTEX_INITIALIZER,
			     .count = count,
			     .failed = SIZE_MAX,
			     .err = err,
			     .task = task,
			     .data = data };
	AUTO_FREE struct worker *workers = NULL;
	unsigned hired;

	if (jobs > count)
		jobs = (unsigned)count;
	if (jobs == 0)
		return 0;
	workers = calloc(jobs, sizeof(*workers));
	if (!workers)
		return error_nomem(err);
	hired = hire(&crew, workers, jobs);
	workers[0].crew = &crew;
	work(&workers[0]);
	for (unsigned i = 1; i < hired; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_mutex_destroy(&crew.lock);
	return crew.rc;
}
