#include "cli/table.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/environment.h"

#define GAP "  "
#define COLUMNS_MAX 8
#define FIRST_MIN 16 /* what the first column keeps in a narrow window */

size_t
table_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

int
table_add(struct table *table, const char *const *cells,
	  struct ferry_error *err)
{
	char **grown = reallocarray(table->cells,
				    table->cell_count + table->column_count,
				    sizeof(*grown));

	if (!grown)
		return error_nomem(err);
	table->cells = grown;
	for (size_t i = 0; i < table->column_count; i++) {
		const char *cell = cells[i] ? cells[i] : "-";
		size_t size = 4 * strlen(cell) + 1;
		char *copy = malloc(size);

		if (!copy)
			return error_nomem(err);
		text_escape(copy, size, cell);
		table->cells[table->cell_count++] = copy;
	}
	return 0;
}

static size_t
column_width(const struct table *table, size_t column)
{
	size_t widest = table_width(table->columns[column].title);

	for (size_t i = column; i < table->cell_count;
	     i += table->column_count) {
		size_t width = table_width(table->cells[i]);

		widest = width > widest ? width : widest;
	}
	return widest;
}

static void
print_cell(const struct table *table, size_t column, size_t width,
	   const char *text, FILE *file)
{
	bool right = table->columns[column].right;
	bool last = column + 1 == table->column_count;
	size_t own = table_width(text);
	int pad = width > own ? (int)(width - own) : 0;

	fprintf(file, "%*s%s%*s%s", right ? pad : 0, "", text,
		right || last ? 0 : pad, "", last ? "\n" : GAP);
}

/*
 * One long name must not break every line on a terminal: then the first column
 * is narrower, and only the rows that need more of it run on.
 */
static void
fit_window(size_t *widths, size_t count, size_t window)
{
	size_t others = 0;
	size_t room;

	for (size_t i = 1; i < count; i++)
		others += strlen(GAP) + widths[i];
	room = window > others + FIRST_MIN ? window - others : FIRST_MIN;
	if (widths[0] > room)
		widths[0] = room;
}

void
table_print(const struct table *table, FILE *file)
{
	size_t widths[COLUMNS_MAX] = { 0 };
	size_t count = table->column_count;

	if (table->cell_count == 0 || count > COLUMNS_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		widths[i] = column_width(table, i);
	if (isatty(fileno(file)))
		fit_window(widths, count, environment_columns(fileno(file)));
	for (size_t i = 0; i < count; i++)
		print_cell(table, i, widths[i], table->columns[i].title, file);
	for (size_t i = 0; i < table->cell_count; i++)
		print_cell(table, i % count, widths[i % count], table->cells[i],
			   file);
}

void
table_release(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = 0;
}
