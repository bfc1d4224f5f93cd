#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Length of the well-formed UTF-8 sequence at `s` that is safe to print, or 0.
 * RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
static size_t
printable_sequence(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, second_min, second_max, length;
	} forms[] = {
		{ 0xc2, 0xc2, 0xa0, 0xbf, 2 }, /* U+0080..9F are C1 controls */
		{ 0xc3, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (s[0] >= 0x20 && s[0] < 0x7f)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (s[1] < forms[i].second_min || s[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

void
text_escape(char *out, size_t size, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char piece[5];

	if (size == 0)
		return;
	while (*s) {
		size_t taken = printable_sequence(s);
		size_t length = taken;

		if (taken) {
			memcpy(piece, s, taken);
		} else {
			snprintf(piece, sizeof(piece), "\\x%02x", *s);
			taken = 1;
			length = 4;
		}
		if (length >= size)
			break;
		memcpy(out, piece, length);
		out += length;
		size -= length;
		s += taken;
	}
	*out = '\0';
}

char *
text_size(char *out, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(out, size, unit && value < 9.95 ? "%.1f %s" : "%.0f %s", value,
		 units[unit]);
	return out;
}

int
text_copy(char **out, const char *text, struct ferry_error *err)
{
	char *copy = strdup(text);

	if (!copy)
		return error_nomem(err);
	*out = copy;
	return 0;
}

int
text_format(char **out, struct ferry_error *err, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		return error_nomem(err);
	*out = text;
	return 0;
}

bool
text_to_u64(const char *text, uint64_t *out)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return false;
	}
	*out = value;
	return true;
}

bool
text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}
