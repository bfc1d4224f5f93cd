/*
 * Of a service of a Compose file, what concerns images.  Internal to
 * compose*.c.
 *
 * A service is an object of those that are set:
 *	image	 { text, unset: [NAME...], file }
 *	platform TEXT
 *	build	 the file that says it; provider the same
 *	profiles [TEXT...]
 *	mounts	 { TARGET: as image }, volumes of type image
 *	reset	 [FIELD...], those of services beneath that do not count
 *	whole	 [...], the definitions it came from, for comparing
 * or null: the service is no more.
 */
#ifndef LIST_COMPOSE_SERVICE_H
#define LIST_COMPOSE_SERVICE_H

#include "list/interpolate.h"

/* From a definition, "extends" left alone; errors name file and service. */
int service_pick(json_t **out, json_t *definition, const char *name,
		 const char *file, const struct variables *variables,
		 struct ferry_error *err) MUST_CHECK;

/* `over` on top of `base` (NULL: nothing), as Compose merges them. */
int service_merge(json_t **out, json_t *base, json_t *over,
		  struct ferry_error *err) MUST_CHECK;

/* Whether two that do not know of each other mean the same. */
bool service_equal(const json_t *one, const json_t *other);

/*
 * Puts what the tags !reset and !override are in front of in the place of
 * *value (NULL for a null); returns whether there was one.
 */
bool compose_untag(json_t **value);

/* `value` as text with its variables, or FERRY_E_USAGE: "WHAT is no text". */
int compose_text(char **out, const json_t *value, const char *what,
		 const struct variables *variables, json_t *unset,
		 struct ferry_error *err) MUST_CHECK;

#endif
