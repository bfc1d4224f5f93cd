#include "source/docker_selector.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "list/list.h"

static bool
is_full_id(const char *text)
{
	struct ferry_error ignored;
	struct digest id;

	return digest_parse(&id, text, &ignored) == 0;
}

/* Docker shows twelve digits, and takes fewer. */
static bool
is_hex(const char *text)
{
	size_t length = strspn(text, "0123456789abcdef");

	return length && length <= DIGEST_HEX && !text[length];
}

int
docker_selector_parse(struct docker_selector *out, const char *text,
		      struct ferry_error *err)
{
	struct docker_selector selector = { .id = is_full_id(text),
					    .short_id = is_hex(text) };
	int rc = 0;

	/* Docker refuses 64 digits as a name; they are an ID then. */
	if (selector.short_id && strlen(text) == DIGEST_HEX) {
		snprintf(selector.text, sizeof(selector.text), "%s%s",
			 DIGEST_PREFIX, text);
		selector.id = true;
	} else if (selector.id || selector.short_id) {
		snprintf(selector.text, sizeof(selector.text), "%s", text);
	}
	if (!selector.id)
		rc = list_parse_reference(&selector.name, text, err);
	if (!rc && digest_is_set(&selector.name.digest))
		rc = error_set(err, FERRY_E_USAGE,
			       "%s: of what it was pulled by Docker keeps no "
			       "digest that could be packed again; say its tag "
			       "or its ID",
			       text);
	if (rc)
		return rc;
	if (!selector.text[0])
		reference_familiar(selector.text, &selector.name);
	*out = selector;
	return 0;
}
