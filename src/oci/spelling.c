#include "oci/spelling.h"

#include <string.h>

#include "base/text.h"

/*
 * Takes one letter off *text, folded as Go folds: besides the ASCII letters,
 * the long s (U+017F) is an s and the sign of Kelvin (U+212A) a k.
 */
static char
take_folded(const char **text)
{
	static const char long_s[] = "\xc5\xbf";
	static const char kelvin[] = "\xe2\x84\xaa";
	char c = **text;

	if ((c & 0x80) == 0) {
		++*text;
		return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	if (text_starts(*text, long_s)) {
		*text += strlen(long_s);
		return 's';
	}
	if (text_starts(*text, kelvin)) {
		*text += strlen(kelvin);
		return 'k';
	}
	++*text;
	return c;
}

static bool
fold_equal(const char *a, const char *b)
{
	while (*a && *b)
		if (take_folded(&a) != take_folded(&b))
			return false;
	return !*a && !*b;
}

int
spelling_check(const json_t *object, const char *const known[],
	       struct ferry_error *err)
{
	/* Jansson's iterator has no const form, though it changes nothing. */
	json_t *iterated = (json_t *)(uintptr_t)object;
	const char *key;
	json_t *value;

	json_object_foreach (iterated, key, value)
		for (size_t i = 0; known[i]; i++)
			if (fold_equal(key, known[i]) &&
			    strcmp(key, known[i]) != 0)
				return error_set(err, FERRY_E_FAILED,
						 "\"%.100s\" would be taken "
						 "for \"%s\" by some",
						 key, known[i]);
	return 0;
}
