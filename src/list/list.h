/*
 * Lists of images: what people have, made into references.
 */
#ifndef LIST_LIST_H
#define LIST_LIST_H

#include "oci/reference.h"

#define LIST_BYTES_MAX ((size_t)4 << 20)

/* One image asked for. */
struct wanted {
	struct reference reference;
};

struct list {
	struct wanted *items;
	size_t count;
	size_t room;
};

/* What a browser takes and no registry is named by: FERRY_E_USAGE. */
int list_refuse_url(const char *text, struct ferry_error *err) MUST_CHECK;

/*
 * A reference as people write it: skopeo's "docker://" before it is fine.
 * FERRY_E_USAGE when it is none.
 */
int list_parse_reference(struct reference *out, const char *text,
			 struct ferry_error *err) MUST_CHECK;

/* Adds one of those. */
int list_add(struct list *list, const char *text, struct ferry_error *err)
	MUST_CHECK;

/*
 * Adds a text list: one reference a line; blank lines and what follows a '#'
 * that begins a line or comes after white space is left out.  An error names
 * the line.
 */
int list_add_text(struct list *list, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;

/* The same from a file, "-" being standard input; it has to name an image. */
int list_add_file(struct list *list, const char *path, struct ferry_error *err)
	MUST_CHECK;

/*
 * Sorts by name and drops what is there twice.  One name with two different
 * digests, or with and without one, is FERRY_E_USAGE.
 */
int list_settle(struct list *list, struct ferry_error *err) MUST_CHECK;

void list_release(struct list *list);

#endif
