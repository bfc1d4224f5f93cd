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

/*
 * Adds what files say to `variables`, which stay as they are; of the files
 * later ones count more.  Errors name the file.
 */
int dotenv_load(json_t *variables, const char *const *paths, size_t count,
		struct ferry_error *err) MUST_CHECK;

/* The same with FOLDER/.env, if there is one. */
int dotenv_load_default(json_t *variables, const char *folder,
			struct ferry_error *err) MUST_CHECK;

#endif
