#include "cli/options.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"

/* What getopt_long() returns for option 0; above every letter. */
#define LONG_BASE 256

static const struct flag common_flags[] = {
	{ .heading = "What is printed",
	  .name = "json",
	  .help = "print one JSON document on standard output, nothing else",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct common, json) },
	{ .name = "quiet",
	  .help = "print errors only: no plan, no progress, no table",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct common, quiet) },
	{ .name = "help",
	  .letter = 'h',
	  .help = "print this help",
	  .kind = FLAG_SWITCH,
	  .offset = offsetof(struct common, help) },
};

struct parser {
	const struct command *command;
	struct common *common;
	void *values;
	struct text_list *operands;
	uint64_t seen; /* a bit for each option */
	struct option longs[FLAGS_MAX + 1];
	char letters[2 * FLAGS_MAX + 2];
};

_Static_assert(FLAGS_MAX <= 64, "an option has no bit in parser.seen");

int
text_list_add(struct text_list *list, const char *item, struct ferry_error *err)
{
	const char **items =
		reallocarray(list->items, list->count + 1, sizeof(*items));

	if (!items)
		return error_nomem(err);
	list->items = items;
	list->items[list->count++] = item;
	return 0;
}

void
text_list_release(struct text_list *list)
{
	free(list->items);
	*list = (struct text_list){ 0 };
}

const struct flag *
options_at(const struct command *command, size_t index, bool *common)
{
	*common = index >= command->flag_count;
	if (!*common)
		return &command->flags[index];
	index -= command->flag_count;
	return index < ARRAY_SIZE(common_flags) ? &common_flags[index] : NULL;
}

static const char *
long_name(const void *data, size_t index)
{
	bool common;
	const struct flag *flag = options_at(data, index, &common);

	return flag ? flag->name : NULL;
}

static void
parser_init(struct parser *parser)
{
	const struct flag *flag;
	char *letter = parser->letters;
	bool common;

	*letter++ = ':'; /* tell a missing argument from an unknown option */
	for (size_t i = 0;
	     (flag = options_at(parser->command, i, &common)) && i < FLAGS_MAX;
	     i++) {
		parser->longs[i] = (struct option){
			.name = flag->name,
			.has_arg = flag->argument ? required_argument
						  : no_argument,
			.val = LONG_BASE + (int)i,
		};
		if (flag->letter) {
			*letter++ = flag->letter;
			if (flag->argument)
				*letter++ = ':';
		}
		if (flag->kind == FLAG_NUMBER)
			*(unsigned *)((char *)parser->values + flag->offset) =
				flag->initial;
	}
}

/* The option that getopt_long() means by `value`; NULL: none of ours. */
static const struct flag *
find_flag(const struct parser *parser, int value, size_t *index, bool *common)
{
	const struct flag *flag;

	for (*index = 0; (flag = options_at(parser->command, *index, common));
	     ++*index)
		if (value == LONG_BASE + (int)*index ||
		    (flag->letter && value == flag->letter))
			return flag;
	return NULL;
}

static int
store_number(const struct flag *flag, unsigned *out, const char *text,
	     struct ferry_error *err)
{
	uint64_t number;

	if (!text_to_u64(text, &number) || number < flag->least ||
	    number > flag->most)
		return error_set(
			err, FERRY_E_USAGE,
			"option '--%s' takes a number from %u to %u, not '%s'",
			flag->name, flag->least, flag->most, text);
	*out = (unsigned)number;
	return 0;
}

static int
store(struct parser *parser, int value, struct ferry_error *err)
{
	size_t index;
	bool common;
	const struct flag *flag = find_flag(parser, value, &index, &common);
	void *slot;

	if (!flag) /* getopt_long() returns nothing else */
		return error_set(err, FERRY_E_USAGE, "unknown option");
	slot = (common ? (char *)parser->common : (char *)parser->values) +
	       flag->offset;
	parser->seen |= UINT64_C(1) << index;
	if (flag->kind == FLAG_SWITCH) {
		*(bool *)slot = true;
		return 0;
	}
	if (!*optarg)
		return error_set(err, FERRY_E_USAGE,
				 "option '--%s' takes %s, not nothing",
				 flag->name, flag->argument);
	if (flag->kind == FLAG_NUMBER)
		return store_number(flag, slot, optarg, err);
	if (flag->kind == FLAG_LIST)
		return text_list_add(slot, optarg, err);
	*(const char **)slot = optarg;
	return 0;
}

/* `text` is "--NAME" or "--NAME=VALUE" as it stands on the command line. */
static int
refuse_long(const struct parser *parser, const char *text,
	    struct ferry_error *err)
{
	size_t length = strcspn(text, "=");
	AUTO_FREE char *name = strndup(text, length);
	const char *meant;
	unsigned fits = 0;

	if (!name)
		return error_nomem(err);
	for (const struct option *o = parser->longs; o->name; o++)
		if (length > 2 && text_starts(o->name, name + 2))
			fits++;
	if (fits > 1)
		return error_set(err, FERRY_E_USAGE,
				 "option '%s' may mean %u things; write it out",
				 name, fits);
	meant = suggest(name + 2, long_name, parser->command);
	error_set(err, FERRY_E_USAGE, "unknown option '%s'", name);
	return meant ? error_add(err, "; did you mean '--%s'?", meant)
		     : (int)err->code;
}

static int
refuse(const struct parser *parser, int sign, char *const *argv,
       struct ferry_error *err)
{
	size_t index;
	bool common;
	const struct flag *flag = find_flag(parser, optopt, &index, &common);

	if (!flag && optopt)
		return error_set(err, FERRY_E_USAGE, "unknown option '-%c'",
				 optopt);
	if (!flag)
		return refuse_long(parser, argv[optind - 1], err);
	if (sign == ':')
		return error_set(err, FERRY_E_USAGE,
				 "option '--%s' takes %s, which is missing",
				 flag->name, flag->argument);
	return error_set(err, FERRY_E_USAGE, "option '--%s' takes no value",
			 flag->name);
}

static int
check_operands(const struct parser *parser, struct ferry_error *err)
{
	const struct command *command = parser->command;
	const struct text_list *operands = parser->operands;

	if (operands->count < command->operands_least)
		return error_set(err, FERRY_E_USAGE, "no %s given",
				 command->operand);
	if (operands->count > command->operands_most)
		return error_set(err, FERRY_E_USAGE, "surplus argument '%s'",
				 operands->items[command->operands_most]);
	return 0;
}

static int
check_whole(const struct parser *parser, struct ferry_error *err)
{
	const struct flag *flag;
	bool common;

	for (size_t i = 0; (flag = options_at(parser->command, i, &common));
	     i++)
		if (flag->required && !(parser->seen >> i & 1))
			return error_set(err, FERRY_E_USAGE,
					 "no '--%s %s' given", flag->name,
					 flag->argument);
	return check_operands(parser, err);
}

static int
read_options(struct parser *parser, int argc, char **argv,
	     struct ferry_error *err)
{
	struct ferry_error later = { 0 };
	struct ferry_error *where = err;
	int rc = 0;
	int value;

	opterr = 0;
	while ((value = getopt_long(argc, argv, parser->letters, parser->longs,
				    NULL)) != -1) {
		int one = value == '?' || value == ':'
				  ? refuse(parser, value, argv, where)
				  : store(parser, value, where);

		if (one && !rc) {
			rc = one;
			where = &later; /* the first mistake is the one told */
		}
	}
	return rc;
}

int
options_parse(const struct command *command, int argc, char **argv,
	      struct common *common, void *values, struct text_list *operands,
	      struct ferry_error *err)
{
	struct parser parser = { .command = command,
				 .common = common,
				 .values = values,
				 .operands = operands };
	int rc;

	parser_init(&parser);
	rc = read_options(&parser, argc, argv, err);
	if (rc)
		return rc;
	for (int i = optind; i < argc; i++) {
		rc = text_list_add(operands, argv[i], err);
		if (rc)
			return rc;
	}
	return common->help ? 0 : check_whole(&parser, err);
}

void
options_release(const struct command *command, void *values)
{
	for (size_t i = 0; values && i < command->flag_count; i++)
		if (command->flags[i].kind == FLAG_LIST)
			text_list_release((void *)((char *)values +
						   command->flags[i].offset));
}
