/*
 * A line of a text list, taken apart.  Internal to list/.
 */
#ifndef LIST_LINE_H
#define LIST_LINE_H

#include "list/list.h"

struct line_parts {
	size_t image; /* where IMAGE begins */
	size_t image_size;
	size_t arrow; /* where "=> NAME" begins, up to the end; 0: nowhere */
};

/* As list_add() takes it; *out may be filled on failure too. */
int line_parse(struct wanted *out, struct line_parts *parts, const char *text,
	       struct ferry_error *err) MUST_CHECK;

/*
 * Hands over each line of a text list that says something, without the white
 * space around it and its comment; `offset` is where that begins in the data,
 * `number` counts all lines, from 1.  Errors name the line.
 */
int line_each(const void *data, size_t size,
	      int (*take)(void *cookie, const char *line, size_t offset,
			  size_t number, struct ferry_error *err),
	      void *cookie, struct ferry_error *err) MUST_CHECK;

#endif
