#include "registry/challenge.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 9110 section 5.6.2. */
static bool
is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t
token_length(const char *at)
{
	size_t length = 0;

	while (is_token_char(at[length]))
		length++;
	return length;
}

static const char *
skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

/* Lists may have empty elements: section 5.6.1. */
static const char *
skip_commas(const char *at)
{
	return at + strspn(at, " \t,");
}

static int
malformed(const char *what, struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED, "WWW-Authenticate: %s", what);
}

/*
 * Bytes of a token68 (section 11.2) that stands alone up to a comma or the
 * end, 0 if there is none: "a=b" is a parameter, "a=" is a token68.
 */
static size_t
token68_length(const char *at)
{
	size_t length = 0;
	const char *end;

	while (is_token_char(at[length]) || at[length] == '/')
		length++;
	if (!length)
		return 0;
	length += strspn(at + length, "=");
	end = skip_space(at + length);
	return *end == ',' || !*end ? length : 0;
}

/* Whether a parameter ("name =") starts here, and not the next scheme. */
static bool
is_param(const char *at)
{
	size_t length = token_length(at);

	return length && *skip_space(at + length) == '=';
}

struct field {
	const char *name;
	size_t offset;
	size_t size;
};

#define FIELD(member)                                                          \
	{                                                                      \
#member, offsetof(struct challenge, member),                   \
			sizeof(((struct challenge *)0)->member)                \
	}

static const struct field fields[] = { FIELD(realm), FIELD(service),
				       FIELD(scope), FIELD(error) };

/* Parameters nobody asked for are read past all the same: no field. */
static const struct field *
find_field(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].name) == length &&
		    strncasecmp(fields[i].name, name, length) == 0)
			return &fields[i];
	return NULL;
}

/* Where a value goes, byte by byte; `at` is NULL if nobody wants it. */
struct place {
	char *at;
	size_t left; /* with the NUL */
};

static int
put_char(struct place *place, char c, struct ferry_error *err)
{
	if ((unsigned char)c < ' ' || c == 0x7f)
		return malformed("control character in a parameter", err);
	if (!place->at)
		return 0;
	if (place->left < 2)
		return malformed("parameter too long", err);
	*place->at++ = c;
	*place->at = '\0';
	place->left--;
	return 0;
}

static int
parse_quoted(const char **at, struct place *place, struct ferry_error *err)
{
	const char *from = *at + 1;
	int rc;

	for (; *from != '"'; from++) {
		if (*from == '\\')
			from++;
		if (!*from)
			return malformed("quoted text without an end", err);
		rc = put_char(place, *from, err);
		if (rc)
			return rc;
	}
	*at = from + 1;
	return 0;
}

/*
 * Wider than a token, since some servers leave URLs unquoted; a comma or
 * space still ends it.
 */
static int
parse_plain(const char **at, struct place *place, struct ferry_error *err)
{
	const char *from = *at;
	int rc;

	for (; *from && !strchr(" \t,\"", *from); from++) {
		rc = put_char(place, *from, err);
		if (rc)
			return rc;
	}
	if (from == *at)
		return malformed("parameter without a value", err);
	*at = from;
	return 0;
}

static int
parse_param(const char **at, struct challenge *into, struct ferry_error *err)
{
	size_t length = token_length(*at);
	const struct field *field = find_field(*at, length);
	struct place place = { 0 };

	if (field)
		place = (struct place){ (char *)into + field->offset,
					field->size };
	if (place.at && *place.at)
		return malformed("parameter given twice", err);
	*at = skip_space(skip_space(*at + length) + 1);
	return **at == '"' ? parse_quoted(at, &place, err)
			   : parse_plain(at, &place, err);
}

static int
parse_params(const char **at, struct challenge *into, struct ferry_error *err)
{
	const char *next = *at;
	int rc;

	while (is_param(next)) {
		*at = next;
		rc = parse_param(at, into, err);
		if (rc)
			return rc;
		*at = skip_space(*at);
		if (**at && **at != ',')
			return malformed("no comma behind a parameter", err);
		next = skip_commas(*at);
	}
	return 0;
}

static int
parse_one(const char **at, struct challenge *into, struct ferry_error *err)
{
	size_t length = token_length(*at);

	if (!length)
		return malformed("no scheme where one is due", err);
	if (length >= sizeof(into->scheme))
		return malformed("scheme too long", err);
	for (size_t i = 0; i < length; i++)
		into->scheme[i] = (*at)[i] >= 'A' && (*at)[i] <= 'Z'
					  ? (char)((*at)[i] + 'a' - 'A')
					  : (*at)[i];
	*at += length;
	if (**at && !strchr(" \t,", **at))
		return malformed("odd character behind a scheme", err);
	*at = skip_space(*at);
	*at += token68_length(*at);
	return parse_params(at, into, err);
}

int
challenge_parse(struct challenge *out, size_t *count, const char *value,
		struct ferry_error *err)
{
	const char *at = skip_commas(value);
	size_t found = *count;

	while (*at) {
		struct challenge one = { 0 };
		int rc = parse_one(&at, &one, err);

		if (rc)
			return rc;
		if (found < CHALLENGES_MAX)
			out[found++] = one;
		at = skip_commas(at);
	}
	*count = found;
	return 0;
}

const struct challenge *
challenge_find(const struct challenge *challenges, size_t count,
	       const char *scheme)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(challenges[i].scheme, scheme) == 0)
			return &challenges[i];
	return NULL;
}
