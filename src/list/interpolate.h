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

/* Objects of texts; `outer` is asked first, and `inner` may be NULL. */
struct variables {
	const json_t *outer;
	const json_t *inner;
};

/*
 * *out is owned by the caller.  A variable that is not set, and has no
 * default, becomes nothing; its name is appended to the array `unset` unless
 * that is NULL.  FERRY_E_USAGE: a variable that has to be there, or no syntax.
 */
int interpolate(char **out, const char *text, const struct variables *variables,
		json_t *unset, struct ferry_error *err) MUST_CHECK;

#endif
