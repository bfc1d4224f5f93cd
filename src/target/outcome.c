#include "target/outcome.h"

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
