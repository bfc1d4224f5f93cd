#include "cli/table.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/environment.h"

#define GAP "  "
#define COLUMNS_MAX 8

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

static size_t
line_width(const size_t *widths, size_t count)
{
	size_t width = 0;

	for (size_t i = 0; i < count; i++)
		width += (i ? strlen(GAP) : 0) + widths[i];
	return width;
}

/*
 * A row, or the titles.  Folded, its first cell has a line of its own: a
 * window's width goes to names, and the rest stays aligned.
 */
static void
print_row(const struct table *table, const size_t *widths, char *const *cells,
	  bool folded, FILE *file)
{
	if (folded)
		fprintf(file, "%s\n%s", cells[0], GAP);
	for (size_t i = folded; i < table->column_count; i++)
		print_cell(table, i, widths[i], cells[i], file);
}

static void
print_titles(const struct table *table, const size_t *widths, bool folded,
	     FILE *file)
{
	if (folded)
		fprintf(file, "%s\n%s", table->columns[0].title, GAP);
	for (size_t i = folded; i < table->column_count; i++)
		print_cell(table, i, widths[i], table->columns[i].title, file);
}

void
table_print(const struct table *table, FILE *file)
{
	size_t widths[COLUMNS_MAX] = { 0 };
	size_t count = table->column_count;
	bool folded;

	if (table->cell_count == 0 || count > COLUMNS_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		widths[i] = column_width(table, i);
	folded = isatty(fileno(file)) &&
		 line_width(widths, count) > environment_columns(fileno(file));
	print_titles(table, widths, folded, file);
	for (size_t i = 0; i < table->cell_count; i += count)
		print_row(table, widths, table->cells + i, folded, file);
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
