/*
 * Tables for people: aligned columns, a line for each row, or two in a window
 * that is too narrow for one.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

struct column {
	const char *title;
	bool right; /* aligned to the right, as numbers are */
};

struct table {
	const struct column *columns;
	size_t column_count;
	char **cells; /* row after row, escaped */
	size_t cell_count;
};

/* Copies one cell for each column. */
int table_add(struct table *table, const char *const *cells,
	      struct ferry_error *err) MUST_CHECK;
void table_print(const struct table *table, FILE *file);
void table_release(struct table *table);

/* Columns that a text of well-formed UTF-8 takes: its characters. */
size_t table_width(const char *text);

#endif
