#include "cli/display.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/environment.h"
#include "cli/progress.h"
#include "cli/table.h"

#define WIDTH_MAX 200 /* wider lines are harder to read */
#define WIDTH_MIN 20  /* narrower is not drawn for */
#define BAR 20
#define BAR_FROM 66	/* columns that leave room for a bar */
#define NUMBERS_FROM 34 /* .. and for the bytes */

/* A screen in the making: one write, or it flickers. */
struct screen {
	char text[65536]; /* MOVING_MAX lines of 500 bytes */
	size_t used;
	unsigned lines;
	size_t width;
	size_t height;
};

static void add(struct screen *screen, const char *format, ...)
	PRINTF_LIKE(2, 3);

static void
add(struct screen *screen, const char *format, ...)
{
	size_t room = sizeof(screen->text) - screen->used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(screen->text + screen->used, room, format, args);
	va_end(args);
	if (length > 0)
		screen->used +=
			(size_t)length < room ? (size_t)length : room - 1;
}

static void
end_line(struct screen *screen)
{
	add(screen, "\033[K\n");
	screen->lines++;
}

static void
measure(struct screen *screen)
{
	size_t columns = environment_columns(STDERR_FILENO);

	if (columns > WIDTH_MAX)
		columns = WIDTH_MAX;
	if (columns < WIDTH_MIN)
		columns = WIDTH_MIN;
	/* In the last column some terminals wrap. */
	screen->width = columns - 1;
	screen->height = environment_rows(STDERR_FILENO);
}

/* Bytes of `text` that fit into `width` columns. */
static size_t
cut(const char *text, size_t width)
{
	size_t length = 0;

	for (; text[length]; length++)
		if (((unsigned char)text[length] & 0xc0) != 0x80 &&
		    width-- == 0)
			break;
	return length;
}

static void
add_name(struct screen *screen, const char *name, size_t width)
{
	size_t length = table_width(name);

	if (length <= width)
		add(screen, "%s%*s", name, (int)(width - length), "");
	else
		add(screen, "%.*s..", (int)cut(name, width - 2), name);
}

static unsigned
percent_of(uint64_t done, uint64_t total)
{
	if (total == 0)
		return 0;
	return done >= total ? 100
			     : (unsigned)((double)done * 100 / (double)total);
}

static void
add_bar(struct screen *screen, unsigned percent)
{
	char bar[BAR + 1];
	size_t full = percent * BAR / 100;

	memset(bar, '-', BAR);
	memset(bar, '#', full);
	bar[BAR] = '\0';
	add(screen, " [%s]", bar);
}

/* "redis:7-alpine   [####------]  40%  1.2 MiB /  3.0 MiB" */
static void
add_moving(struct screen *screen, const struct moving *moving)
{
	bool bar = screen->width >= BAR_FROM;
	bool numbers = screen->width >= NUMBERS_FROM;
	unsigned percent = percent_of(moving->done, moving->total);
	char done[TEXT_SIZE_MAX];
	char total[TEXT_SIZE_MAX] = "?";
	size_t right = 5u + (numbers ? 18 : 0) + (bar ? BAR + 3 : 0);

	if (moving->total)
		text_size(total, sizeof(total), moving->total);
	add_name(screen, moving->name, screen->width - right);
	if (bar)
		add_bar(screen, percent);
	add(screen, " %3u%%", percent);
	if (numbers)
		add(screen, " %8s/%8s",
		    text_size(done, sizeof(done), moving->done), total);
	end_line(screen);
}

static void
describe_left(char *out, size_t size, uint64_t seconds, bool at_most)
{
	const char *tail = at_most ? "left at most" : "left";

	if (seconds < 60)
		snprintf(out, size, "%us %s", (unsigned)seconds, tail);
	else if (seconds < 3600)
		snprintf(out, size, "%um%02us %s", (unsigned)(seconds / 60),
			 (unsigned)(seconds % 60), tail);
	else if (seconds < 100 * 3600)
		snprintf(out, size, "%uh%02um %s", (unsigned)(seconds / 3600),
			 (unsigned)(seconds / 60 % 60), tail);
	else
		snprintf(out, size, "days %s", tail);
}

/* Appends a piece of the total line, if there is room for it. */
static void
add_piece(struct screen *screen, size_t *left, const char *text)
{
	size_t width = strlen(text) + 2;

	if (width > *left)
		return;
	add(screen, "%s%s", *left == screen->width ? "" : "  ", text);
	*left -= width;
}

static void
add_rate(struct screen *screen, size_t *left, const struct progress *progress)
{
	uint64_t moved = progress_moved(progress);
	uint64_t total = progress_total(progress);
	uint64_t rate = progress_rate(progress);
	char size[TEXT_SIZE_MAX];
	char text[48];

	if (rate == 0)
		return;
	snprintf(text, sizeof(text), "%s/s",
		 text_size(size, sizeof(size), rate));
	add_piece(screen, left, text);
	if (total <= moved)
		return;
	describe_left(text, sizeof(text), (total - moved) / rate,
		      progress->at_most);
	add_piece(screen, left, text);
}

/*
 * "45 MiB of 112 MiB  12 MiB/s  1m05s left  3 of 13 images".  Of a load nobody
 * knows what the target has already: "45 MiB of at most 112 MiB".
 */
static void
add_total(struct screen *screen, const struct progress *progress)
{
	uint64_t total = progress_total(progress);
	size_t left = screen->width;
	char moved_text[TEXT_SIZE_MAX];
	char total_text[TEXT_SIZE_MAX];
	char text[64];

	snprintf(text, sizeof(text), "%s of %s%s",
		 text_size(moved_text, sizeof(moved_text),
			   progress_moved(progress)),
		 progress->at_most ? "at most " : "",
		 text_size(total_text, sizeof(total_text), total));
	add_piece(screen, &left, text);
	add_rate(screen, &left, progress);
	/* Where all appear together at the end, "0 of 13" tells nothing. */
	if (progress->images_done) {
		snprintf(text, sizeof(text), "%zu of %zu images",
			 progress->images_done, progress->images);
		add_piece(screen, &left, text);
	}
	end_line(screen);
}

/* Standard error is this program's alone; a line lost on it is no loss. */
static void
put(const struct screen *screen)
{
	size_t at = 0;

	while (at < screen->used) {
		ssize_t got = write(STDERR_FILENO, screen->text + at,
				    screen->used - at);

		if (got <= 0)
			return;
		at += (size_t)got;
	}
}

static void
add_home(struct screen *screen, unsigned lines)
{
	if (lines)
		add(screen, "\033[%uA", lines);
	add(screen, "\r");
}

void
display_draw(struct progress *progress)
{
	struct screen screen = { 0 };
	size_t shown = progress->moving_count;

	measure(&screen);
	if (shown + 2 > screen.height)
		shown = screen.height > 2 ? screen.height - 2 : 0;
	add_home(&screen, progress->lines);
	for (size_t i = 0; i < shown; i++)
		add_moving(&screen, &progress->moving[i]);
	add_total(&screen, progress);
	add(&screen, "\033[J");
	put(&screen);
	progress->lines = screen.lines;
}

void
display_erase(struct progress *progress)
{
	struct screen screen = { 0 };

	if (progress->lines == 0)
		return;
	add_home(&screen, progress->lines);
	add(&screen, "\033[J");
	put(&screen);
	progress->lines = 0;
}
