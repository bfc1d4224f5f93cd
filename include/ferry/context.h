/*
 * What an operation is run under: who watches it, and how it is stopped.
 */
#ifndef FERRY_CONTEXT_H
#define FERRY_CONTEXT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_context;

/*
 * What a running operation tells.  Any slot may be NULL.  The calls come from
 * worker threads, one at a time; strings live only during the call.
 */
struct ferry_observer {
	/* `total` bytes of `what` begin to move; `id` names them till the end.
	 */
	void (*started)(void *cookie, unsigned id, const char *what,
			uint64_t total);
	/* `done` of them have moved so far; may fall back when one restarts. */
	void (*advanced)(void *cookie, unsigned id, uint64_t done);
	void (*finished)(void *cookie, unsigned id);
	/* An image is complete; `result` says what became of it, in words. */
	void (*image)(void *cookie, const char *name, const char *result);
	/* Something a person may want to know now, such as a retry. */
	void (*notice)(void *cookie, const char *text);
};

/* Returns NULL when memory is short. */
struct ferry_context *ferry_context_new(void);
void ferry_context_free(struct ferry_context *context);

/* `observer` and `cookie` are borrowed until the context is freed. */
void ferry_context_observe(struct ferry_context *context,
			   const struct ferry_observer *observer, void *cookie);

/*
 * Make whatever runs under `context` give up cleanly and soon, with
 * FERRY_E_INTERRUPTED.  May be called from a signal handler or any thread.
 */
void ferry_interrupt(struct ferry_context *context);

#ifdef __cplusplus
}
#endif
#endif
