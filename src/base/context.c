#include "base/context.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TELL_EVERY 100 /* milliseconds: a person sees no faster */
#define NOTICE_MAX 2048

struct ferry_context {
	atomic_bool interrupted;
	atomic_bool stopped;
	pthread_mutex_t telling; /* the observer is called under this */
	const struct ferry_observer *observer;
	void *cookie;
	unsigned next_id;
};

static const struct ferry_observer nobody;

struct ferry_context *
ferry_context_new(void)
{
	struct ferry_context *context = calloc(1, sizeof(*context));

	if (!context)
		return NULL;
	if (pthread_mutex_init(&context->telling, NULL)) {
		free(context);
		return NULL;
	}
	atomic_init(&context->interrupted, false);
	atomic_init(&context->stopped, false);
	context->observer = &nobody;
	return context;
}

void
ferry_context_free(struct ferry_context *context)
{
	if (!context)
		return;
	pthread_mutex_destroy(&context->telling);
	free(context);
}

void
ferry_context_observe(struct ferry_context *context,
		      const struct ferry_observer *observer, void *cookie)
{
	context->observer = observer ? observer : &nobody;
	context->cookie = cookie;
}

void
ferry_interrupt(struct ferry_context *context)
{
	atomic_store(&context->interrupted, true);
}

bool
context_interrupted(const struct ferry_context *context)
{
	return atomic_load(&context->interrupted) ||
	       atomic_load(&context->stopped);
}

void
context_stop(struct ferry_context *context, bool stop)
{
	atomic_store(&context->stopped, stop);
}

int
context_check(const struct ferry_context *context, struct ferry_error *err)
{
	if (!context_interrupted(context))
		return 0;
	return error_set(err, FERRY_E_INTERRUPTED, "interrupted");
}

int
context_sleep(const struct ferry_context *context, uint64_t milliseconds,
	      struct ferry_error *err)
{
	uint64_t until = clock_milliseconds() + milliseconds;
	int rc;

	for (;;) {
		uint64_t now = clock_milliseconds();
		uint64_t left = now < until ? until - now : 0;
		struct timespec nap = { 0 };

		rc = context_check(context, err);
		if (rc || !left)
			return rc;
		nap.tv_nsec = (long)(left < 100 ? left : 100) * 1000000;
		nanosleep(&nap, NULL);
	}
}

void
context_image(struct ferry_context *context, const char *name,
	      const char *result)
{
	pthread_mutex_lock(&context->telling);
	if (context->observer->image)
		context->observer->image(context->cookie, name, result);
	pthread_mutex_unlock(&context->telling);
}

void
context_notice(struct ferry_context *context, const char *format, ...)
{
	char text[NOTICE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&context->telling);
	if (context->observer->notice)
		context->observer->notice(context->cookie, text);
	pthread_mutex_unlock(&context->telling);
}

void
transfer_start(struct transfer *transfer, struct ferry_context *context,
	       const char *what, uint64_t total)
{
	transfer->context = context;
	transfer->done = 0;
	transfer->told_at = clock_milliseconds();
	pthread_mutex_lock(&context->telling);
	transfer->id = context->next_id++;
	if (context->observer->started)
		context->observer->started(context->cookie, transfer->id, what,
					   total);
	pthread_mutex_unlock(&context->telling);
}

static void
tell_progress(struct transfer *transfer)
{
	struct ferry_context *context = transfer->context;

	pthread_mutex_lock(&context->telling);
	if (context->observer->advanced)
		context->observer->advanced(context->cookie, transfer->id,
					    transfer->done);
	pthread_mutex_unlock(&context->telling);
}

void
transfer_set(struct transfer *transfer, uint64_t done)
{
	uint64_t now = clock_milliseconds();

	transfer->done = done;
	if (now - transfer->told_at < TELL_EVERY)
		return;
	transfer->told_at = now;
	tell_progress(transfer);
}

void
transfer_end(struct transfer *transfer)
{
	struct ferry_context *context = transfer->context;

	tell_progress(transfer);
	pthread_mutex_lock(&context->telling);
	if (context->observer->finished)
		context->observer->finished(context->cookie, transfer->id);
	pthread_mutex_unlock(&context->telling);
}

uint64_t
clock_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
