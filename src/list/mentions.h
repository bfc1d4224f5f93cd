/*
 * The places in one file that ask for an image, and the file with other names
 * there: `ferry map`.
 */
#ifndef LIST_MENTIONS_H
#define LIST_MENTIONS_H

#include "list/formats.h"
#include "list/yaml_marks.h"

struct mention {
	/* What it asks for; repository "": nobody can tell from the file. */
	struct reference name;
	size_t line;	/* from 1 */
	bool variables; /* it has some, which are put in */
	char *unset;	/* of these, the first that is not set; or NULL */
	/* In YAML, which text it is; */
	const struct yaml_mark *mark;
	/* else its bytes, and those that go with it: "=> NAME". */
	size_t start, end;
	size_t cut_start, cut_end;
};

/* Zeroed is empty. */
struct mentions {
	enum ferry_list_format format;
	const char *data; /* the file, borrowed */
	size_t size;
	struct mention *items; /* in no order */
	size_t count;
	json_t *documents;
	struct yaml_marks marks;
	/* Told of by the mentions; what else somebody should look at. */
	bool elsewhere; /* it includes or extends other files */
};

/*
 * As list_add_files() would read it, except that other files are left alone;
 * `path` ("-": standard input) says where .env is.  `data` is borrowed.
 * FERRY_E_USAGE where a list would be refused, and for a definition of ferry's.
 */
int mentions_find(struct mentions *out, const char *path, const char *data,
		  size_t size, const struct ferry_list_options *options,
		  struct ferry_error *err) MUST_CHECK;

/*
 * Appends the file with texts[i] in the place of mention i, where that is not
 * NULL; all else as it is.  What comes of it has been read again, and found to
 * say just that.  FERRY_E_USAGE with the line, where it cannot be done.
 */
int mentions_rewrite(struct buffer *out, const struct mentions *mentions,
		     const char *const *texts, struct ferry_error *err)
	MUST_CHECK;

void mentions_release(struct mentions *mentions);

/* The makers of these: internal to mentions*.c, text.c and kubernetes.c. */
int mentions_add(struct mentions *mentions, const struct mention *take_mention,
		 struct ferry_error *err) MUST_CHECK;
int mentions_add_compose(struct mentions *mentions, const char *path,
			 const struct ferry_list_options *options,
			 struct ferry_error *err) MUST_CHECK;
int mentions_add_text(struct mentions *mentions, struct ferry_error *err)
	MUST_CHECK;

#endif
