/*
 * Files of variables (".env"), as Compose reads them.
 */
#ifndef LIST_DOTENV_H
#define LIST_DOTENV_H

#include "json/json.h"

#define DOTENV_BYTES_MAX ((size_t)1 << 20)

/*
 * Adds the variables to the object `into`, in place of those of the same name.
 *
 *	# comment
 *	[export] NAME=value # comment	$NAME and ${NAME...} are put in
 *	NAME: value
 *	NAME='as it is'			but \' is a quote
 *	NAME="text\n"			with escapes, $NAME; on several lines
 *	NAME				what `outer` says
 *
 * A variable is looked for in `outer` first and then in `into`.
 * FERRY_E_USAGE says "line L: what".
 */
int dotenv_parse(json_t *into, const void *data, size_t size,
		 const json_t *outer, struct ferry_error *err) MUST_CHECK;

#endif
