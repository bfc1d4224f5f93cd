#include "list/interpolate.h"

#include <string.h>

#include "base/text.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS "0123456789"

struct expansion {
	const struct variables *variables;
	json_t *unset;
	struct buffer out;
};

/* A piece of a text that is no string of its own. */
struct piece {
	const char *text;
	size_t size;
};

static int expand(struct expansion *expansion, struct piece piece, int depth,
		  struct ferry_error *err);

static struct piece
piece_after(struct piece piece, size_t count)
{
	return (struct piece){ piece.text + count, piece.size - count };
}

/* The length of the name that a piece begins with, or 0. */
static size_t
name_length(struct piece piece)
{
	size_t length = 0;

	while (length < piece.size && piece.text[length] &&
	       strchr(length ? LETTERS DIGITS : LETTERS, piece.text[length]))
		length++;
	return length;
}

static const char *
find_value(const struct variables *variables, const char *name)
{
	const char *value =
		json_string_value(json_object_get(variables->outer, name));

	return value ? value
		     : json_string_value(
			       json_object_get(variables->inner, name));
}

static int
append(struct expansion *expansion, const char *text, struct ferry_error *err)
{
	return buffer_append(&expansion->out, text, strlen(text), err);
}

static int
expand_plain(struct expansion *expansion, const char *name,
	     struct ferry_error *err)
{
	const char *value = find_value(expansion->variables, name);

	if (value)
		return append(expansion, value, err);
	if (expansion->unset &&
	    json_array_append_new(expansion->unset, json_string(name)))
		return error_nomem(err);
	return 0;
}

static int
require(struct expansion *expansion, const char *name, const char *value,
	struct piece message, int depth, struct ferry_error *err)
{
	struct expansion inner = { .variables = expansion->variables,
				   .out = BUFFER(INTERPOLATE_BYTES_MAX) };
	const char *text = NULL;
	int rc = expand(&inner, message, depth, err);

	if (!rc)
		rc = buffer_text(&inner.out, &text, err);
	if (!rc)
		rc = error_set(err, FERRY_E_USAGE, "variable %s is %s%s%s",
			       name, value ? "empty" : "not set",
			       *text ? ": " : "", text);
	buffer_release(&inner.out);
	return rc;
}

/* What stands behind NAME in ${NAME...}: [:]OPERATOR WORD. */
static int
expand_with(struct expansion *expansion, const char *name, struct piece rest,
	    int depth, struct ferry_error *err)
{
	const char *value = find_value(expansion->variables, name);
	bool colon = rest.text[0] == ':';
	bool missing = !value || (colon && !*value);
	char sign = rest.size > colon ? rest.text[colon] : '\0';
	struct piece word =
		piece_after(rest, rest.size > colon ? colon + 1 : 0);

	switch (sign) {
	case '-':
		return missing ? expand(expansion, word, depth + 1, err)
			       : append(expansion, value, err);
	case '+':
		return missing ? 0 : expand(expansion, word, depth + 1, err);
	case '?':
		return missing ? require(expansion, name, value, word,
					 depth + 1, err)
			       : append(expansion, value, err);
	default:
		return error_set(err, FERRY_E_USAGE,
				 "what follows ${%s is none of } - :- + :+ ? "
				 ":?",
				 name);
	}
}

static int
expand_named(struct expansion *expansion, struct piece name, struct piece rest,
	     int depth, struct ferry_error *err)
{
	AUTO_FREE char *text = strndup(name.text, name.size);

	if (!text)
		return error_nomem(err);
	return rest.size ? expand_with(expansion, text, rest, depth, err)
			 : expand_plain(expansion, text, err);
}

/* Where the brace closes that `piece` begins with; its size: nowhere. */
static size_t
find_end(struct piece piece)
{
	int open = 0;

	for (size_t i = 0; i < piece.size; i++) {
		open += piece.text[i] == '{';
		open -= piece.text[i] == '}';
		if (!open)
			return i;
	}
	return piece.size;
}

static int
refuse_dollar(struct ferry_error *err)
{
	return error_set(err, FERRY_E_USAGE,
			 "no variable behind a '$'; a dollar itself is '$$'");
}

/* A variable, from behind its dollar on; *taken is how much of it there is. */
static int
expand_dollar(struct expansion *expansion, struct piece piece, size_t *taken,
	      int depth, struct ferry_error *err)
{
	bool braced = piece.size && piece.text[0] == '{';
	struct piece inside = piece_after(piece, braced);
	struct piece name = { inside.text, name_length(inside) };
	size_t end = braced ? find_end(piece) : name.size;

	if (piece.size && piece.text[0] == '$') {
		*taken = 1;
		return append(expansion, "$", err);
	}
	if (!name.size)
		return refuse_dollar(err);
	if (braced && end == piece.size)
		return error_set(err, FERRY_E_USAGE, "a '${' without its '}'");
	*taken = end + braced;
	inside.size = end - braced;
	return expand_named(expansion, name, piece_after(inside, name.size),
			    depth, err);
}

static int
expand(struct expansion *expansion, struct piece piece, int depth,
       struct ferry_error *err)
{
	int rc = 0;

	if (depth > INTERPOLATE_DEPTH_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "variables more than %d levels deep",
				 INTERPOLATE_DEPTH_MAX);
	while (!rc && piece.size) {
		const char *dollar = memchr(piece.text, '$', piece.size);
		size_t before =
			dollar ? (size_t)(dollar - piece.text) : piece.size;
		size_t taken = 0;

		rc = buffer_append(&expansion->out, piece.text, before, err);
		piece = piece_after(piece, before);
		if (rc || !piece.size)
			break;
		piece = piece_after(piece, 1);
		rc = expand_dollar(expansion, piece, &taken, depth, err);
		piece = piece_after(piece, taken);
	}
	return rc;
}

int
variables_charge(const struct variables *variables, size_t count, size_t bytes,
		 struct ferry_error *err)
{
	size_t left = INTERPOLATE_TOTAL_MAX - *variables->spent;

	if (bytes > left || count > (left - bytes) / INTERPOLATE_TEXT_COST)
		return error_set(err, FERRY_E_USAGE,
				 "more than any list needs, variables and "
				 "extended services put in");
	*variables->spent += bytes + count * INTERPOLATE_TEXT_COST;
	return 0;
}

int
interpolate(char **out, const char *text, const struct variables *variables,
	    json_t *unset, struct ferry_error *err)
{
	struct expansion expansion = { .variables = variables,
				       .unset = unset,
				       .out = BUFFER(INTERPOLATE_BYTES_MAX) };
	struct piece whole = { text, strlen(text) };
	const char *expanded = NULL;
	int rc = expand(&expansion, whole, 0, err);

	if (rc == FERRY_E_FAILED)
		rc = error_set(err, FERRY_E_USAGE,
			       "more than %zu KiB, variables put in",
			       INTERPOLATE_BYTES_MAX >> 10);
	if (!rc)
		rc = variables_charge(variables, 1, expansion.out.size, err);
	if (!rc)
		rc = buffer_text(&expansion.out, &expanded, err);
	if (!rc)
		rc = text_copy(out, expanded, err);
	buffer_release(&expansion.out);
	return rc;
}
