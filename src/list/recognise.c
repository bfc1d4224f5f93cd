/*
 * What kind of list a file is.
 *
 * Only what begins as YAML or JSON does is ever parsed as that, since almost
 * any text is some YAML: a reference, "redis:7", is a line without a key.
 */
#include <string.h>

#include "base/text.h"
#include "list/definition.h"
#include "list/formats.h"
#include "list/yaml.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The first line that says something, its end cut at a comment. */
static const char *
first_line(const char *text, const char *end, size_t *length)
{
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *next = stop ? stop + 1 : end;

		stop = stop ? stop : end;
		while (text < stop && is_blank(*text))
			text++;
		*length = (size_t)(stop - text);
		if (text < stop && *text != '#')
			return text;
		text = next;
	}
	return NULL;
}

/* Whether a blank or the line's end is there. */
static bool
ends_word(const char *line, size_t length, size_t at)
{
	return at >= length || is_blank(line[at]);
}

/* "KEY:" with a blank or nothing behind it, which no reference holds. */
static bool
has_key(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '#' && i && is_blank(line[i - 1]))
			return false;
		if (line[i] == ':' && ends_word(line, length, i + 1))
			return true;
	}
	return false;
}

/* Whether it begins a document, an entry, a mapping, or says %YAML. */
static bool
looks_structured(const char *line, size_t length)
{
	if (*line == '{' || *line == '%')
		return true;
	if (length >= 3 && memcmp(line, "---", 3) == 0 &&
	    ends_word(line, length, 3))
		return true;
	if ((*line == '-' || *line == '?') && ends_word(line, length, 1))
		return true;
	return has_key(line, length);
}

static bool
is_compose(const json_t *document)
{
	return json_object_get(document, "services") ||
	       json_object_get(document, "include");
}

static bool
is_kubernetes(const json_t *document)
{
	return json_object_get(document, "apiVersion") &&
	       json_object_get(document, "kind");
}

static bool
is_definition(const json_t *document)
{
	const char *type = json_string_value(json_object_get(document, "type"));

	return type && text_starts(type, DEFINITION_FAMILY);
}

static int
refuse(json_t *document, struct ferry_error *err)
{
	const char *key = json_object_iter_key(json_object_iter(document));

	if (key)
		error_set(err, FERRY_E_USAGE,
			  "a mapping that begins with \"%.100s\"", key);
	else
		error_set(err, FERRY_E_USAGE, "%s",
			  json_is_array(document)    ? "a YAML list"
			  : json_is_object(document) ? "an empty mapping"
						     : "a single YAML value");
	return error_add(err,
			 ", which is no list of images: neither Compose "
			 "(services) nor Kubernetes (apiVersion and kind) nor "
			 "ferry's (type); if it is one, say which with "
			 "--list-format");
}

/* By the first document that says what it is. */
static int
recognise_documents(enum ferry_list_format *out, const json_t *documents,
		    struct ferry_error *err)
{
	for (size_t i = 0; i < json_array_size(documents); i++) {
		json_t *document = json_array_get(documents, i);

		if (is_kubernetes(document))
			*out = FERRY_LIST_KUBERNETES;
		else if (is_definition(document))
			*out = FERRY_LIST_DEFINITION;
		else if (is_compose(document))
			*out = FERRY_LIST_COMPOSE;
		else
			continue;
		return 0;
	}
	/* Of a chart with everything switched off, nothing is left. */
	*out = FERRY_LIST_KUBERNETES;
	return json_array_size(documents)
		       ? refuse(json_array_get(documents, 0), err)
		       : 0;
}

int
list_recognise(enum ferry_list_format *out, const void *data, size_t size,
	       struct ferry_error *err)
{
	AUTO_JSON *documents = NULL;
	const char *end = (const char *)data + size;
	size_t length = 0;
	const char *line = first_line(data, end, &length);
	int rc;

	if (!line || !looks_structured(line, length)) {
		*out = FERRY_LIST_TEXT;
		return 0;
	}
	rc = yaml_parse(&documents, data, size, err);
	return rc ? rc : recognise_documents(out, documents, err);
}
