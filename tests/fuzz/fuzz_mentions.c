/*
 * Files that ask for images, with other names put in: what comes of it parses
 * again, and asks for exactly these.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list/mentions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing is beside it. */
#define PATH "/nowhere/file.yaml"
#define NAME_MAX_TEXT 64

static const char *const environment[] = { "TAG=1.0", "EMPTY=", "X=$Y", NULL };

static int
find(struct mentions *out, const void *data, size_t size)
{
	struct ferry_list_options options = { .environment = environment };
	struct ferry_error err;

	return mentions_find(out, PATH, data, size, &options, &err);
}

/* By the line that it stands in: an alias stands where its anchor does. */
static void
name_mention(char out[NAME_MAX_TEXT], const struct mention *mention)
{
	snprintf(out, NAME_MAX_TEXT, "10.0.0.5:5000/p/line%zu:%s",
		 mention->line, mention->variables ? "made" : "read");
}

static void
check(const struct mentions *before, const struct buffer *made)
{
	AUTO(mentions_release) struct mentions after = { 0 };

	if (find(&after, made->data, made->size) ||
	    after.format != before->format || after.count != before->count)
		abort();
	for (size_t i = 0; i < after.count; i++) {
		char wanted[NAME_MAX_TEXT];
		char found[REFERENCE_TEXT];

		name_mention(wanted, &before->items[i]);
		reference_name(found, &after.items[i].name);
		if (strcmp(wanted, found))
			abort();
	}
}

static void
rewrite(const struct mentions *mentions)
{
	char(*names)[NAME_MAX_TEXT] = calloc(mentions->count, sizeof(*names));
	const char **texts = calloc(mentions->count, sizeof(*texts));
	AUTO_BUFFER made = BUFFER((size_t)64 << 20);
	struct ferry_error err;

	if (!names || !texts)
		abort();
	for (size_t i = 0; i < mentions->count; i++) {
		name_mention(names[i], &mentions->items[i]);
		texts[i] = names[i];
	}
	if (!mentions_rewrite(&made, mentions, texts, &err))
		check(mentions, &made);
	free(names);
	free(texts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(mentions_release) struct mentions mentions = { 0 };

	if (!find(&mentions, data, size))
		rewrite(&mentions);
	return 0;
}
