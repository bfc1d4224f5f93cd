/*
 * Variables in texts, as the Compose specification has them: $NAME, ${NAME},
 * ${NAME:-default}, ${NAME-default}, ${NAME:?message}, ${NAME?message},
 * ${NAME:+other}, ${NAME+other}, nested, and $$ for a dollar.
 */
#ifndef LIST_INTERPOLATE_H
#define LIST_INTERPOLATE_H

#include "json/json.h"

/* What a text may become, so that variables of variables end somewhere. */
#define INTERPOLATE_BYTES_MAX ((size_t)64 << 10)
#define INTERPOLATE_DEPTH_MAX 16

/* What all texts of one list may come to: no list of images needs it. */
#define INTERPOLATE_TOTAL_MAX ((size_t)64 << 20)
#define INTERPOLATE_TEXT_COST ((size_t)64) /* of each, beside its bytes */

/* Objects of texts; `outer` is asked first, and `inner` may be NULL. */
struct variables {
	const json_t *outer;
	const json_t *inner;
	size_t *spent; /* of INTERPOLATE_TOTAL_MAX, by all that share it */
};

/*
 * Accounts for `count` texts of `bytes` in all: a short list may repeat itself
 * without end.  FERRY_E_USAGE when it is too much.
 */
int variables_charge(const struct variables *variables, size_t count,
		     size_t bytes, struct ferry_error *err) MUST_CHECK;

/*
 * *out is owned by the caller.  A variable that is not set, and has no
 * default, becomes nothing; its name is appended to the array `unset` unless
 * that is NULL.  FERRY_E_USAGE: a variable that has to be there, or no syntax.
 */
int interpolate(char **out, const char *text, const struct variables *variables,
		json_t *unset, struct ferry_error *err) MUST_CHECK;

#endif
