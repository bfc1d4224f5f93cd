/*
 * Where the texts of YAML documents stand in the file, and other texts in
 * their place: everything else stays byte for byte.
 */
#ifndef LIST_YAML_MARKS_H
#define LIST_YAML_MARKS_H

#include "base/buffer.h"
#include "json/json.h"

enum yaml_style {
	YAML_PLAIN,
	YAML_SINGLE_QUOTED,
	YAML_DOUBLE_QUOTED,
	YAML_BLOCK, /* behind a '|' or '>' */
};

struct yaml_mark {
	json_t *value; /* the text, one object for all its aliases; owned */
	/* Bytes of the file, its anchor and tag included; until settled,
	 * characters. */
	size_t start;
	size_t end;
	size_t line; /* from 1 */
	enum yaml_style style;
};

/* Zeroed is empty. */
struct yaml_marks {
	struct yaml_mark *items;
	size_t count;
	size_t room;
};

/* Takes a reference to the value. */
int yaml_marks_add(struct yaml_marks *marks, const struct yaml_mark *mark,
		   struct ferry_error *err) MUST_CHECK;
void yaml_marks_release(struct yaml_marks *marks);

/* Makes bytes of characters, which come in the file's order, and sorts. */
int yaml_marks_settle(struct yaml_marks *marks, const char *data, size_t size,
		      struct ferry_error *err) MUST_CHECK;

/* NULL: that is no text of the file itself. */
const struct yaml_mark *yaml_marks_find(const struct yaml_marks *marks,
					const json_t *value);

/* Bytes of a file that others are put in the place of. */
struct edit {
	size_t start;
	size_t end;
	char *text; /* owned */
};

/*
 * What puts `text`, an image reference, in the place of a text; its quotes
 * stay.  FERRY_E_USAGE where that takes more than putting bytes there: it
 * spreads over lines.
 */
int yaml_mark_edit(struct edit *out, const struct yaml_mark *mark,
		   const char *data, const char *text, struct ferry_error *err)
	MUST_CHECK;

/*
 * Escapes of characters beyond U+FFFF, which JSON writes in two halves and
 * libyaml refuses, as characters of private use: *out is a copy of the same
 * length, fit for telling where things stand.
 */
int yaml_join_halves(char **out, const char *data, size_t size,
		     struct ferry_error *err) MUST_CHECK;

#endif
