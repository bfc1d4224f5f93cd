/*
 * Strict JSON over jansson: what comes from outside is parsed with limits
 * and read through getters that say which key was wrong.
 *
 * This is the one place that includes jansson.h; json_t is used as it is.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

static inline void
cleanup_json(json_t **json)
{
	json_decref(*json);
}

#define AUTO_JSON AUTO(cleanup_json) json_t

/*
 * One object, at most JSON_DEPTH levels deep, with no key twice and nothing
 * behind it but white space.  *out is owned by the caller.
 */
#define JSON_DEPTH 64
int json_parse(json_t **out, const void *data, size_t size,
	       struct ferry_error *err) MUST_CHECK;

/* The same for one array. */
int json_parse_array(json_t **out, const void *data, size_t size,
		     struct ferry_error *err) MUST_CHECK;

/*
 * Refuses a text with more commas or opening brackets than that, before it is
 * parsed: "[]," becomes some fifty times as large in memory.
 */
int json_check_counts(const void *data, size_t size, size_t commas,
		      size_t brackets, struct ferry_error *err) MUST_CHECK;

/*
 * Getters: the value under `key` of `object`, borrowed.  The "find" forms
 * take an absent key as NULL, 0 or an empty list; a wrong type is an error in
 * all of them, and so is a null.
 */
int json_get_text(const json_t *object, const char *key, const char **out,
		  struct ferry_error *err) MUST_CHECK;
int json_find_text(const json_t *object, const char *key, const char **out,
		   struct ferry_error *err) MUST_CHECK;
/* A whole number from 0 to 2^63 - 1. */
int json_get_size(const json_t *object, const char *key, uint64_t *out,
		  struct ferry_error *err) MUST_CHECK;
int json_get_object(const json_t *object, const char *key, json_t **out,
		    struct ferry_error *err) MUST_CHECK;
int json_find_object(const json_t *object, const char *key, json_t **out,
		     struct ferry_error *err) MUST_CHECK;
int json_get_array(const json_t *object, const char *key, json_t **out,
		   struct ferry_error *err) MUST_CHECK;
int json_find_array(const json_t *object, const char *key, json_t **out,
		    struct ferry_error *err) MUST_CHECK;

/* Appends the text of `json`, keys in the order they were set. */
int json_write(const json_t *json, struct buffer *out, struct ferry_error *err)
	MUST_CHECK;

/* The same for people: indented, with a line feed at the end. */
int json_write_pretty(const json_t *json, struct buffer *out,
		      struct ferry_error *err) MUST_CHECK;

#endif
