/*
 * Compose files from outside: a file, another on top of it, and variables,
 * each behind a NUL.  What YAML becomes must be JSON within its limits, and
 * every image a reference.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "list/dotenv.h"
#include "list/formats.h"
#include "list/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS 3

/* Nothing is beside it that could be included. */
#define PATH "/nowhere/compose.yaml"

static size_t
count_nodes(json_t *json, int depth)
{
	size_t count = 1;
	const char *key;
	size_t index;
	json_t *child;

	if (depth > YAML_DEPTH_MAX)
		abort();
	json_object_foreach (json, key, child)
		count += 1 + count_nodes(child, depth + 1);
	json_array_foreach (json, index, child)
		count += count_nodes(child, depth + 1);
	return count;
}

static void
expect_json(const struct buffer *text)
{
	AUTO_JSON *documents = NULL;
	struct ferry_error err;
	size_t index;
	json_t *document;
	size_t count = 0;

	if (yaml_parse(&documents, text->data, text->size, &err)) {
		if (err.code != FERRY_E_USAGE && err.code != FERRY_E_NOMEM)
			abort();
		return;
	}
	json_array_foreach (documents, index, document)
		count += count_nodes(document, 0);
	if (count > YAML_NODES_MAX)
		abort();
}

static void
expect_images(const struct list_file *files, size_t count)
{
	static const char *const environment[] = { "TAG=1.0", "EMPTY=", "X=$Y",
						   NULL };
	struct ferry_list_options options = { .environment = environment };
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err;

	if (list_add_compose(&list, files, count, &options, &err))
		return;
	if (!list.count)
		abort();
	for (size_t i = 0; i < list.count; i++) {
		struct reference again;
		char name[REFERENCE_TEXT];

		reference_name(name, wanted_name(&list.items[i]));
		if (reference_parse(&again, name, &err))
			abort();
	}
}

static void
expect_variables(const struct buffer *text)
{
	AUTO_JSON *outer = json_pack("{s:s}", "TAG", "1.0");
	AUTO_JSON *into = json_object();
	struct ferry_error err;
	const char *name;
	json_t *value;

	if (!outer || !into ||
	    dotenv_parse(into, text->data, text->size, outer, &err))
		return;
	json_object_foreach (into, name, value)
		if (!*name || !json_is_string(value) ||
		    json_string_length(value) > DOTENV_BYTES_MAX)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list_file files[PARTS] = { 0 };
	const uint8_t *end = data + size;
	size_t count = 0;

	for (; count < PARTS && data <= end; count++) {
		const uint8_t *stop = memchr(data, '\0', (size_t)(end - data));
		struct ferry_error err;

		stop = stop && count + 1 < PARTS ? stop : end;
		files[count] = (struct list_file){ PATH, PATH,
						   BUFFER(LIST_BYTES_MAX) };
		if (buffer_append(&files[count].content, data,
				  (size_t)(stop - data), &err))
			abort();
		data = stop + 1;
	}
	expect_json(&files[0].content);
	expect_images(files, count > 1 ? 2 : 1);
	if (count == PARTS)
		expect_variables(&files[2].content);
	for (size_t i = 0; i < count; i++)
		buffer_release(&files[i].content);
	return 0;
}
