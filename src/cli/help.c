#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"

#define HELP_WIDTH 79
#define HELP_COLUMN 26 /* where the explanations stand */

/* Prints `text` from column `at` on, broken at blanks, each line from `indent`.
 */
static void
print_wrapped(const char *text, size_t at, size_t indent)
{
	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > indent && at + 1 + word > HELP_WIDTH) {
			printf("\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)word, text);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void
print_flag(const struct flag *flag)
{
	char left[80];
	char letter[5] = "    ";
	int length;

	if (flag->letter)
		snprintf(letter, sizeof(letter), "-%c, ", flag->letter);
	length = snprintf(left, sizeof(left), "  %s--%s%s%s", letter,
			  flag->name, flag->argument ? " " : "",
			  flag->argument ? flag->argument : "");
	printf("%s", left);
	if (length > HELP_COLUMN - 2)
		printf("\n%*s", HELP_COLUMN, "");
	else
		printf("%*s", HELP_COLUMN - length, "");
	print_wrapped(flag->help, HELP_COLUMN, HELP_COLUMN);
}

void
options_help(const struct command *command)
{
	char usage[32];
	int indent = snprintf(usage, sizeof(usage), "usage: ferry %s ",
			      command->name);
	const struct flag *flag;
	bool common;
	/* A few options need no headings. */
	bool headed = command->flag_count && command->flags[0].heading;

	printf("%s", usage);
	print_wrapped(command->synopsis, (size_t)indent, (size_t)indent);
	putchar('\n');
	print_wrapped(command->about, 0, 0);
	if (!headed)
		putchar('\n');
	for (size_t i = 0; (flag = options_at(command, i, &common)); i++) {
		if (headed && flag->heading)
			printf("\n%s:\n", flag->heading);
		print_flag(flag);
	}
}
