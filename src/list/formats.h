/*
 * One function for each kind of list.  Internal to list/; docs/lists.md
 * describes the kinds.
 */
#ifndef LIST_FORMATS_H
#define LIST_FORMATS_H

#include "base/buffer.h"
#include "list/list.h"

/*
 * One image a line, as list_add() takes it; blank lines and what follows a
 * '#' that begins a line or comes after white space is left out.  An error
 * names the line.
 */
int list_add_text(struct list *list, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;

#endif
