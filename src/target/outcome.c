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
	char name[REFERENCE_TEXT];

	context_image(
		context,
		reference_familiar(name, &release->images[image].reference),
		outcome_words(outcome));
}
