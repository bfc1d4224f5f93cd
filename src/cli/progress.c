#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "base/text.h"
#include "cli/display.h"
#include "cli/environment.h"
#include "cli/output.h"

#define DRAW_EVERY 100 /* milliseconds: ten times a second at most */

static struct moving *
find(struct progress *progress, unsigned id)
{
	for (size_t i = 0; i < progress->moving_count; i++)
		if (progress->moving[i].id == id)
			return &progress->moving[i];
	return NULL;
}

static void
take_sample(struct progress *progress, uint64_t at)
{
	struct sample *samples = progress->samples;
	size_t count = progress->sample_count;

	if (count && at - samples[count - 1].at < SAMPLE_EVERY)
		return;
	if (count == SAMPLES)
		memmove(samples, samples + 1, --count * sizeof(*samples));
	samples[count] = (struct sample){ at, progress_moved(progress) };
	progress->sample_count = count + 1;
}

static void
redraw(struct progress *progress)
{
	uint64_t at = clock_milliseconds();

	take_sample(progress, at);
	if (progress->mode != PROGRESS_LIVE ||
	    at - progress->drawn_at < DRAW_EVERY)
		return;
	progress->drawn_at = at;
	display_draw(progress);
}

static void
on_started(void *cookie, unsigned id, const char *what, uint64_t total)
{
	struct progress *progress = cookie;
	struct moving *moving;

	progress->begun += total;
	if (progress->moving_count == MOVING_MAX)
		return;
	moving = &progress->moving[progress->moving_count++];
	*moving = (struct moving){ .id = id, .total = total };
	text_escape(moving->name, sizeof(moving->name), what);
	redraw(progress);
}

static void
on_advanced(void *cookie, unsigned id, uint64_t done)
{
	struct progress *progress = cookie;
	struct moving *moving = find(progress, id);

	if (moving)
		moving->done = done;
	redraw(progress);
}

static void
on_finished(void *cookie, unsigned id)
{
	struct progress *progress = cookie;
	struct moving *moving = find(progress, id);
	size_t behind;

	if (!moving)
		return;
	/* One that gave up half-way will be started again: count it then. */
	if (moving->done >= moving->total)
		progress->complete += moving->done;
	else
		progress->begun -= moving->total;
	behind = progress->moving_count - (size_t)(moving - progress->moving);
	memmove(moving, moving + 1, (behind - 1) * sizeof(*moving));
	progress->moving_count--;
	redraw(progress);
}

static void
on_image(void *cookie, const char *name, const char *result)
{
	struct progress *progress = cookie;

	progress->images_done++;
	/* On a terminal the closing table says it better. */
	if (progress->mode == PROGRESS_LINES)
		output_line(stderr, "%s: %s", name, result);
	redraw(progress);
}

static void
on_notice(void *cookie, const char *text)
{
	struct progress *progress = cookie;

	if (progress->mode == PROGRESS_SILENT)
		return;
	progress_clear(progress);
	output_line(stderr, "%s", text);
	redraw(progress);
}

static const struct ferry_observer observer = {
	.started = on_started,
	.advanced = on_advanced,
	.finished = on_finished,
	.image = on_image,
	.notice = on_notice,
};

void
progress_init(struct progress *progress, struct ferry_context *context,
	      enum progress_mode mode)
{
	*progress = (struct progress){ .mode = mode };
	ferry_context_observe(context, &observer, progress);
}

enum progress_mode
progress_mode_of_terminal(void)
{
	return isatty(STDERR_FILENO) && !environment_no_escapes()
		       ? PROGRESS_LIVE
		       : PROGRESS_LINES;
}

void
progress_expect(struct progress *progress, size_t images, uint64_t bytes,
		bool at_most)
{
	progress->images = images;
	progress->images_done = 0;
	progress->expected = bytes;
	progress->at_most = at_most;
	progress->begun = progress->complete = 0;
	progress->sample_count = 0;
}

void
progress_clear(struct progress *progress)
{
	display_erase(progress);
	progress->drawn_at = 0;
}

uint64_t
progress_moved(const struct progress *progress)
{
	uint64_t moved = progress->complete;

	for (size_t i = 0; i < progress->moving_count; i++)
		moved += progress->moving[i].done;
	return moved;
}

uint64_t
progress_total(const struct progress *progress)
{
	/* More than was planned comes when something is read twice. */
	return progress->begun > progress->expected ? progress->begun
						    : progress->expected;
}

uint64_t
progress_rate(const struct progress *progress)
{
	const struct sample *first = &progress->samples[0];
	const struct sample *last;

	if (progress->sample_count < 2)
		return 0;
	last = &progress->samples[progress->sample_count - 1];
	if (last->bytes <= first->bytes)
		return 0;
	return (last->bytes - first->bytes) * 1000 / (last->at - first->at);
}
