#include "cli/command.h"
#include "cli/output.h"

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	const struct text_list *operands = &session->operands;
	const char *image = NULL;
	AUTO(command_close_bundle) struct ferry_bundle *bundle = NULL;
	AUTO_FREE char *text = NULL;

	(void)data;
	if (operands->count > 1)
		image = operands->items[1];
	if (ferry_bundle_open(operands->items[0], &bundle, err) ||
	    ferry_bundle_inspect(bundle, image, &text, err))
		return err->code;
	session->printed = true;
	output_json(text);
	return 0;
}

const struct command command_inspect = {
	.name = "inspect",
	.summary = "print what is known of a bundle, or of one image in it",
	.synopsis = "BUNDLE [IMAGE] [OPTION...]",
	.about = "Print what is known of BUNDLE, or of one IMAGE in it, as "
		 "JSON.  Only the front of the file, manifests and configs are "
		 "read.",
	.operand = "BUNDLE",
	.operands_least = 1,
	.operands_most = 2,
	.run = run,
};
