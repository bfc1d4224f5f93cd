#include "serve/conditions.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define BLANKS " \t"
#define ETAG_TEXT (DIGEST_TEXT + 2)

/* Decimal digits at *text, and no more than fit: what follows is left. */
static bool
take_number(const char **text, uint64_t *out)
{
	size_t digits = strspn(*text, "0123456789");
	uint64_t value = 0;

	for (size_t i = 0; i < digits; i++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)((*text)[i] - '0'),
					   &value))
			value = UINT64_MAX; /* and the next digit overflows */
	if (!digits)
		return false;
	*text += digits;
	*out = value;
	return true;
}

static enum range_kind
settle(struct range *out, uint64_t first, uint64_t last, uint64_t size)
{
	if (first >= size)
		return RANGE_OUTSIDE;
	if (last >= size)
		last = size - 1;
	*out = (struct range){ .first = first, .length = last - first + 1 };
	return RANGE_PART;
}

static enum range_kind
parse_suffix(struct range *out, const char *text, uint64_t size)
{
	uint64_t length;

	if (!take_number(&text, &length) || text[strspn(text, BLANKS)])
		return RANGE_NONE;
	if (!length || !size)
		return RANGE_OUTSIDE;
	return settle(out, length < size ? size - length : 0, UINT64_MAX, size);
}

enum range_kind
range_parse(struct range *out, const char *header, uint64_t size)
{
	static const char unit[] = "bytes=";
	uint64_t first;
	uint64_t last = UINT64_MAX;

	if (!header || strncasecmp(header, unit, strlen(unit)) != 0)
		return RANGE_NONE;
	header += strlen(unit);
	header += strspn(header, BLANKS);
	if (*header == '-')
		return parse_suffix(out, header + 1, size);
	if (!take_number(&header, &first) || *header++ != '-')
		return RANGE_NONE;
	if (take_number(&header, &last) && last < first)
		return RANGE_NONE;
	if (header[strspn(header, BLANKS)])
		return RANGE_NONE;
	return settle(out, first, last, size);
}

/* The next item of a list, without the blanks around it. */
static const char *
next_item(const char **list, size_t *length)
{
	const char *item = *list + strspn(*list, BLANKS ",");

	*length = strcspn(item, ",");
	*list = item + *length;
	while (*length && strchr(BLANKS, item[*length - 1]))
		--*length;
	return *length ? item : NULL;
}

static bool
is_text(const char *item, size_t length, const char *text)
{
	return strlen(text) == length && memcmp(item, text, length) == 0;
}

bool
conditions_match(const char *header, const struct digest *digest)
{
	char tag[ETAG_TEXT];
	const char *item;
	size_t length;

	if (!header)
		return false;
	snprintf(tag, sizeof(tag), "\"%s\"", digest->text);
	while ((item = next_item(&header, &length))) {
		if (is_text(item, length, "*"))
			return true;
		/* The comparison is a weak one: RFC 9110 13.1.2. */
		if (length > 2 && memcmp(item, "W/", 2) == 0) {
			item += 2;
			length -= 2;
		}
		/* Without quotes too, as docker-registry takes them. */
		if (is_text(item, length, tag) ||
		    is_text(item, length, digest->text))
			return true;
	}
	return false;
}

bool
conditions_same(const char *header, const struct digest *digest)
{
	char tag[ETAG_TEXT];

	snprintf(tag, sizeof(tag), "\"%s\"", digest->text);
	return strcmp(header, tag) == 0;
}

/* Whether "q=0", "q=0.0" and so on stands among the parameters. */
static bool
is_refusal(const char *parameters, size_t length)
{
	for (size_t i = 0; i + 3 < length; i++)
		if (parameters[i] == ';') {
			size_t at = i + 1;

			while (at < length && strchr(BLANKS, parameters[at]))
				at++;
			if (at + 2 >= length ||
			    strncasecmp(parameters + at, "q=0", 3) != 0)
				continue;
			at += 3;
			while (at < length && strchr(".0", parameters[at]))
				at++;
			return at == length ||
			       strchr(BLANKS ";", parameters[at]);
		}
	return false;
}

/* How exactly a range of types names this one; 0: not at all. */
static unsigned
type_fits(const char *item, size_t length, const char *media_type)
{
	size_t major = strcspn(media_type, "/") + 1;

	if (is_text(item, length, "*/*"))
		return 1;
	if (length == major + 1 && item[major] == '*' &&
	    strncasecmp(item, media_type, major) == 0)
		return 2;
	return length == strlen(media_type) &&
			       strncasecmp(item, media_type, length) == 0
		       ? 3
		       : 0;
}

bool
conditions_accept(const char *header, const char *media_type)
{
	unsigned best = 0;
	bool accepted = false;
	const char *item;
	size_t length;

	if (!header || !header[strspn(header, BLANKS ",")])
		return true;
	while ((item = next_item(&header, &length))) {
		size_t type = 0;
		unsigned fits;

		while (type < length && !strchr(BLANKS ";", item[type]))
			type++;
		fits = type_fits(item, type, media_type);
		if (fits > best) {
			best = fits;
			accepted = !is_refusal(item + type, length - type);
		}
	}
	return accepted;
}
