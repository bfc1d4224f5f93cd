#include "target/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
outcome_is_open(const struct outcome *outcome)
{
	return outcome->state != OUTCOME_FAILED &&
	       outcome->state != OUTCOME_SKIPPED;
}

void
outcome_note(struct outcome *outcome, const char *format, ...)
{
	size_t used = strlen(outcome->note);
	va_list args;

	if (used && used + 2 < sizeof(outcome->note)) {
		strcpy(outcome->note + used, "; ");
		used += 2;
	}
	va_start(args, format);
	vsnprintf(outcome->note + used, sizeof(outcome->note) - used, format,
		  args);
	va_end(args);
}

const char *
outcome_words(const struct outcome *outcome)
{
	switch (outcome->state) {
	case OUTCOME_DONE:
		return "loaded, read back equal";
	case OUTCOME_PRESENT:
		return "there already, equal";
	case OUTCOME_FAILED:
		return outcome->err.message;
	case OUTCOME_SKIPPED:
		return "left as it was";
	case OUTCOME_PENDING:
		break;
	}
	return "";
}

void
outcome_tell(struct ferry_context *context, const struct release *release,
	     size_t image, const struct outcome *outcome)
{
	const struct image *what = &release->images[image];
	char title[IMAGE_TITLE];

	/* That what is no image went well is no news. */
	if (!what->artifact || outcome->state == OUTCOME_FAILED)
		context_image(context, image_title(title, what),
			      outcome_words(outcome));
}

static void
join(struct ferry_context *context, const struct release *release,
     const struct nested_index *index, struct outcome *outcomes)
{
	size_t end = index->first_image + index->image_count;
	size_t failed = index->first_image;
	struct ferry_error why;
	char title[IMAGE_TITLE];

	while (failed < end && outcomes[failed].state != OUTCOME_FAILED)
		failed++;
	if (failed == end)
		return;
	why = outcomes[failed].err;
	error_wrap(&why, "not without %s",
		   image_title(title, &release->images[failed]));
	for (size_t i = index->first_image; i < end; i++) {
		if (outcomes[i].state == OUTCOME_FAILED)
			continue;
		outcomes[i].state = OUTCOME_FAILED;
		outcomes[i].err = why;
		outcome_tell(context, release, i, &outcomes[i]);
	}
}

void
outcomes_join(struct ferry_context *context, const struct release *release,
	      struct outcome *outcomes)
{
	for (size_t i = 0; i < release->index_count; i++)
		join(context, release, &release->indexes[i], outcomes);
}
