/*
 * What is going on, on standard error, while an operation runs.
 *
 * On a terminal: a line for each transfer and one for all, redrawn in place
 * and gone at the end.  Elsewhere: a line for each image that is done.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/context.h"
#include "ferry/registry.h"

enum progress_mode {
	PROGRESS_SILENT,
	PROGRESS_LINES,
	PROGRESS_LIVE, /* a terminal that takes escape sequences */
};

/* Bytes on their way. */
struct moving {
	unsigned id;
	uint64_t total; /* 0: not known */
	uint64_t done;
	char name[160]; /* escaped */
};

/* More than ever run at once; what goes beyond is counted, not shown. */
#define MOVING_MAX (2 * FERRY_JOBS_MAX)

/* The rate is that of the last SAMPLES * SAMPLE_EVERY milliseconds. */
#define SAMPLES 8
#define SAMPLE_EVERY 500

struct sample {
	uint64_t at; /* milliseconds */
	uint64_t bytes;
};

struct progress {
	enum progress_mode mode;
	struct moving moving[MOVING_MAX];
	size_t moving_count;
	uint64_t begun;	   /* bytes of all transfers that were started */
	uint64_t complete; /* bytes of those that have ended */
	uint64_t expected; /* bytes in all, as planned; 0: not known */
	bool at_most;	   /* some of them may not have to move */
	size_t images, images_done;
	struct sample samples[SAMPLES]; /* the oldest first */
	size_t sample_count;
	uint64_t drawn_at;
	unsigned lines; /* on the screen now */
};

/* Watches `context` from here on; `progress` is borrowed as long as it. */
void progress_init(struct progress *progress, struct ferry_context *context,
		   enum progress_mode mode);

/* PROGRESS_LIVE where standard error can show it, else PROGRESS_LINES. */
enum progress_mode progress_mode_of_terminal(void);

/*
 * What is to come, or with `at_most` what may; the count of images and bytes
 * goes back to nothing.
 */
void progress_expect(struct progress *progress, size_t images, uint64_t bytes,
		     bool at_most);

/* Takes everything off the screen, before anything else is printed. */
void progress_clear(struct progress *progress);

/* Bytes that have moved, and those that will have in the end, if known. */
uint64_t progress_moved(const struct progress *progress);
uint64_t progress_total(const struct progress *progress);

/* Bytes a second of late; 0: not known yet. */
uint64_t progress_rate(const struct progress *progress);

#endif
