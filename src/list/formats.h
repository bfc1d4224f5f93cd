/*
 * One function for each kind of list.  Internal to list/; docs/lists.md
 * describes the kinds.
 */
#ifndef LIST_FORMATS_H
#define LIST_FORMATS_H

#include "base/buffer.h"
#include "list/list.h"

/* A file of a list, loaded. */
struct list_file {
	const char *path;  /* "-": standard input */
	const char *shown; /* what messages call it */
	struct buffer content;
};

/*
 * Where the text begins, behind a byte order mark; FERRY_E_USAGE when it is
 * not UTF-8 by that.
 */
int list_text_begin(size_t *out, const void *data, size_t size,
		    struct ferry_error *err) MUST_CHECK;

/*
 * What kind of list this is, by its content alone.  FERRY_E_USAGE, with what
 * it looks like, when it is none; never FERRY_LIST_ANY.
 */
int list_recognise(enum ferry_list_format *out, const void *data, size_t size,
		   struct ferry_error *err) MUST_CHECK;

/*
 * One image a line, as list_add() takes it; blank lines and what follows a
 * '#' that begins a line or comes after white space is left out.  An error
 * names the line.
 */
int list_add_text(struct list *list, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;

/*
 * The images of a Compose project, whose files are given in the order in which
 * they are merged.  FERRY_E_USAGE when they name none; errors name the file.
 */
int list_add_compose(struct list *list, const struct list_file *files,
		     size_t count, const struct ferry_list_options *options,
		     struct ferry_error *err) MUST_CHECK;

/*
 * The images of every pod in Kubernetes manifests, YAML or JSON, of as many
 * documents as there are.  An error names the object and where in it.
 */
int list_add_kubernetes(struct list *list, const void *data, size_t size,
			struct ferry_error *err) MUST_CHECK;

#endif
