/*
 * One document, one reading: Go's decoder, which every runtime uses, takes
 * "Layers" for "layers" as well, and the last one wins.
 */
#ifndef OCI_SPELLING_H
#define OCI_SPELLING_H

#include "json/json.h"

/*
 * Refuses a key that Go would take for one of `known` (ended by NULL) though it
 * is spelt differently.
 */
int spelling_check(const json_t *object, const char *const known[],
		   struct ferry_error *err) MUST_CHECK;

#endif
