#include "list/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define DIGITS "0123456789"

static bool
is_one_of(const char *text, const char *const words[])
{
	for (size_t i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

/* [-+]?[0-9]+, 0o[0-7]+, 0x[0-9a-fA-F]+ */
static bool
read_integer(json_int_t *out, const char *text)
{
	bool octal = strncmp(text, "0o", 2) == 0;
	bool hexadecimal = strncmp(text, "0x", 2) == 0;
	const char *digits = text;
	const char *known = DIGITS;

	if (octal || hexadecimal)
		digits += 2;
	else
		digits += *text == '-' || *text == '+';
	if (octal)
		known = "01234567";
	else if (hexadecimal)
		known = DIGITS "abcdefABCDEF";
	if (!*digits || digits[strspn(digits, known)])
		return false;
	errno = 0;
	*out = octal	     ? strtoll(digits, NULL, 8)
	       : hexadecimal ? strtoll(digits, NULL, 16)
			     : strtoll(text, NULL, 10);
	return errno == 0;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, but no integer */
static bool
read_real(double *out, const char *text)
{
	const char *at = text + (*text == '-' || *text == '+');
	size_t whole = strspn(at, DIGITS);
	size_t part = 0;
	char *end;

	if (at[whole] == '.')
		part = strspn(at + whole + 1, DIGITS);
	if (!whole && !part)
		return false;
	at += whole;
	at += *at == '.' ? 1 + part : 0;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '-' || *at == '+';
		if (!*at)
			return false;
		at += strspn(at, DIGITS);
	} else if (!part && at[-1] != '.') {
		return false;
	}
	if (*at)
		return false;
	*out = strtod(text, &end);
	return !*end && isfinite(*out);
}

json_t *
yaml_scalar(const char *text)
{
	static const char *const nulls[] = { "",     "~",    "null",
					     "Null", "NULL", NULL };
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };
	json_int_t integer = 0;
	double real = 0;

	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	if (read_integer(&integer, text))
		return json_integer(integer);
	if (read_real(&real, text))
		return json_real(real);
	return json_string(text);
}
