#include "list/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "list/yaml_marks.h"
#include "list/yaml_scalar.h"

#define CORE_TAG "tag:yaml.org,2002:"
#define TAG_DIRECTIVE "%TAG"
#define DIRECTIVES_MAX 1000
#define AUTO_EVENT AUTO(yaml_event_delete) yaml_event_t

struct reader {
	yaml_parser_t parser;
	json_t *anchors;	  /* of this document: name -> value */
	size_t nodes;		  /* made so far, and */
	size_t bytes;		  /* of text in them */
	struct yaml_marks *marks; /* of texts, or NULL */
	yaml_mark_t at;		  /* where the event began that is looked at */
};

static int
wrap_mark(const yaml_mark_t *mark, struct ferry_error *err)
{
	return error_wrap(err, "line %zu, column %zu", mark->line + 1,
			  mark->column + 1);
}

#define refuse(reader, err, ...)                                               \
	(error_set((err), FERRY_E_USAGE, __VA_ARGS__),                         \
	 wrap_mark(&(reader)->at, (err)))

/* Of bytes that are no text, libyaml knows the offset only. */
static int
tell_problem(const yaml_parser_t *parser, struct ferry_error *err)
{
	if (parser->error == YAML_MEMORY_ERROR || !parser->problem)
		return error_nomem(err);
	if (parser->error == YAML_READER_ERROR)
		return error_set(err, FERRY_E_USAGE, "byte %zu: %s",
				 parser->problem_offset + 1, parser->problem);
	error_set(err, FERRY_E_USAGE, "%s%s%s", parser->problem,
		  parser->context ? " " : "",
		  parser->context ? parser->context : "");
	return wrap_mark(&parser->problem_mark, err);
}

static int
next_event(struct reader *reader, yaml_event_t *out, struct ferry_error *err)
{
	if (!yaml_parser_parse(&reader->parser, out))
		return tell_problem(&reader->parser, err);
	reader->at = out->start_mark;
	return 0;
}

static int
charge(struct reader *reader, size_t bytes, int depth, struct ferry_error *err)
{
	if (depth > YAML_DEPTH_MAX)
		return refuse(reader, err, "more than %d levels deep",
			      YAML_DEPTH_MAX);
	if (bytes > YAML_BYTES_MAX - reader->bytes ||
	    reader->nodes == YAML_NODES_MAX)
		return refuse(reader, err,
			      "more in it than any list needs, aliases put in");
	reader->bytes += bytes;
	reader->nodes++;
	return 0;
}

/* An alias costs what its text would, written out. */
static int
charge_again(struct reader *reader, json_t *value, int depth,
	     struct ferry_error *err)
{
	int rc = charge(reader, json_string_length(value), depth, err);
	const char *key;
	size_t index;
	json_t *child;

	json_object_foreach (value, key, child) {
		if (rc)
			return rc;
		rc = charge(reader, strlen(key), depth + 1, err);
		if (!rc)
			rc = charge_again(reader, child, depth + 1, err);
	}
	json_array_foreach (value, index, child) {
		if (rc)
			return rc;
		rc = charge_again(reader, child, depth + 1, err);
	}
	return rc;
}

static int parse_node(struct reader *reader, const yaml_event_t *event,
		      int depth, json_t **out, struct ferry_error *err);

static int
parse_alias(struct reader *reader, const yaml_event_t *event, int depth,
	    json_t **out, struct ferry_error *err)
{
	const char *name = (const char *)event->data.alias.anchor;
	json_t *value = json_object_get(reader->anchors, name);
	int rc;

	if (!value)
		return refuse(reader, err, "no anchor '%s' before this alias",
			      name);
	rc = charge_again(reader, value, depth, err);
	if (!rc)
		*out = json_incref(value);
	return rc;
}

/* Whether a scalar with this tag is text, whatever it looks like. */
static bool
is_text_tag(const char *tag)
{
	return tag &&
	       (strcmp(tag, "!") == 0 || strcmp(tag, CORE_TAG "str") == 0 ||
		strcmp(tag, CORE_TAG "binary") == 0);
}

static int
check_text(struct reader *reader, const yaml_event_t *event,
	   struct ferry_error *err)
{
	if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
		return refuse(reader, err, "a NUL in a text");
	return 0;
}

/* *value goes on failure. */
static int
mark_scalar(struct reader *reader, const yaml_event_t *event, json_t **value,
	    struct ferry_error *err)
{
	static const enum yaml_style styles[] = {
		[YAML_SINGLE_QUOTED_SCALAR_STYLE] = YAML_SINGLE_QUOTED,
		[YAML_DOUBLE_QUOTED_SCALAR_STYLE] = YAML_DOUBLE_QUOTED,
		[YAML_LITERAL_SCALAR_STYLE] = YAML_BLOCK,
		[YAML_FOLDED_SCALAR_STYLE] = YAML_BLOCK,
	};
	struct yaml_mark mark = {
		.value = *value,
		.start = event->start_mark.index,
		.end = event->end_mark.index,
		.line = event->start_mark.line + 1,
		.style = styles[event->data.scalar.style],
	};
	int rc = yaml_marks_add(reader->marks, &mark, err);

	if (rc)
		json_decref(STEAL(value));
	return rc;
}

static int
parse_scalar(struct reader *reader, const yaml_event_t *event, int depth,
	     json_t **out, struct ferry_error *err)
{
	const char *text = (const char *)event->data.scalar.value;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		     !is_text_tag((const char *)event->data.scalar.tag);
	int rc = charge(reader, event->data.scalar.length, depth, err);

	if (!rc)
		rc = check_text(reader, event, err);
	if (rc)
		return rc;
	*out = plain ? yaml_scalar(text) : json_string(text);
	if (!*out)
		return error_nomem(err);
	return reader->marks && json_is_string(*out)
		       ? mark_scalar(reader, event, out, err)
		       : 0;
}

static int
parse_sequence(struct reader *reader, int depth, json_t **out,
	       struct ferry_error *err)
{
	AUTO_JSON *array = json_array();
	int rc = array ? charge(reader, 0, depth, err) : error_nomem(err);

	while (!rc) {
		AUTO_EVENT event = { 0 };
		json_t *child = NULL;

		rc = next_event(reader, &event, err);
		if (rc || event.type == YAML_SEQUENCE_END_EVENT)
			break;
		rc = parse_node(reader, &event, depth + 1, &child, err);
		if (!rc && json_array_append_new(array, child))
			rc = error_nomem(err);
	}
	if (!rc)
		*out = STEAL(&array);
	return rc;
}

static bool
is_merge_key(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

/* A key as text; *out is owned by the caller. */
static int
parse_key(struct reader *reader, const yaml_event_t *event, int depth,
	  char **out, struct ferry_error *err)
{
	AUTO_JSON *value = NULL;
	int rc;

	if (event->type == YAML_SCALAR_EVENT) {
		rc = charge(reader, event->data.scalar.length, depth, err);
		if (!rc)
			rc = check_text(reader, event, err);
		return rc ? rc
			  : text_copy(out,
				      (const char *)event->data.scalar.value,
				      err);
	}
	if (event->type == YAML_ALIAS_EVENT) {
		rc = parse_alias(reader, event, depth, &value, err);
		if (rc)
			return rc;
		if (json_is_string(value))
			return text_copy(out, json_string_value(value), err);
	}
	return refuse(reader, err, "a key that is no text");
}

static int
parse_value(struct reader *reader, int depth, json_t **out,
	    struct ferry_error *err)
{
	AUTO_EVENT event = { 0 };
	int rc = next_event(reader, &event, err);

	return rc ? rc : parse_node(reader, &event, depth + 1, out, err);
}

/* `key` and the value that follows; "<<" is kept aside in *merged. */
static int
parse_pair(struct reader *reader, const yaml_event_t *event, int depth,
	   json_t *object, json_t **merged, struct ferry_error *err)
{
	bool merges = is_merge_key(event);
	AUTO_FREE char *key = NULL;
	json_t *value = NULL;
	int rc = parse_key(reader, event, depth, &key, err);

	if (rc)
		return rc;
	if (merges ? *merged != NULL : json_object_get(object, key) != NULL)
		return refuse(reader, err, "the key '%s' a second time", key);
	rc = parse_value(reader, depth, &value, err);
	if (rc)
		return rc;
	if (merges)
		*merged = value;
	else if (json_object_set_new(object, key, value))
		return error_nomem(err);
	return 0;
}

/* What stands there already wins: own keys, and earlier mappings. */
static int
merge_mapping(struct reader *reader, json_t *object, json_t *from,
	      struct ferry_error *err)
{
	if (!json_is_object(from))
		return refuse(reader, err,
			      "behind '<<' there is neither a mapping nor a "
			      "list of mappings");
	return json_object_update_missing(object, from) ? error_nomem(err) : 0;
}

static int
merge(struct reader *reader, json_t *object, json_t *merged,
      struct ferry_error *err)
{
	size_t index;
	json_t *from;
	int rc;

	if (!json_is_array(merged))
		return merge_mapping(reader, object, merged, err);
	json_array_foreach (merged, index, from) {
		rc = merge_mapping(reader, object, from, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int
parse_mapping(struct reader *reader, int depth, json_t **out,
	      struct ferry_error *err)
{
	AUTO_JSON *object = json_object();
	AUTO_JSON *merged = NULL;
	int rc = object ? charge(reader, 0, depth, err) : error_nomem(err);

	while (!rc) {
		AUTO_EVENT event = { 0 };

		rc = next_event(reader, &event, err);
		if (rc || event.type == YAML_MAPPING_END_EVENT)
			break;
		rc = parse_pair(reader, &event, depth, object, &merged, err);
	}
	if (!rc && merged)
		rc = merge(reader, object, merged, err);
	if (!rc)
		*out = STEAL(&object);
	return rc;
}

/* The tag and the anchor that stand before a node; each may be NULL. */
static void
find_properties(const yaml_event_t *event, const char **tag,
		const char **anchor)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		*tag = (const char *)event->data.scalar.tag;
		*anchor = (const char *)event->data.scalar.anchor;
		return;
	case YAML_SEQUENCE_START_EVENT:
		*tag = (const char *)event->data.sequence_start.tag;
		*anchor = (const char *)event->data.sequence_start.anchor;
		return;
	case YAML_MAPPING_START_EVENT:
		*tag = (const char *)event->data.mapping_start.tag;
		*anchor = (const char *)event->data.mapping_start.anchor;
		return;
	default:
		return;
	}
}

static bool
is_compose_tag(const char *tag)
{
	return strcmp(tag, YAML_RESET) == 0 || strcmp(tag, YAML_OVERRIDE) == 0;
}

/* Local tags have a meaning that we would have to know. */
static int
apply_tag(struct reader *reader, const char *tag, json_t **value,
	  struct ferry_error *err)
{
	json_t *wrapped;

	if (!tag || strcmp(tag, "!") == 0 || text_starts(tag, CORE_TAG))
		return 0;
	if (!is_compose_tag(tag))
		return refuse(reader, err, "the tag '%s' means nothing here",
			      tag);
	wrapped = json_pack("{s:o}", tag, STEAL(value));
	if (!wrapped)
		return error_nomem(err);
	*value = wrapped;
	return 0;
}

static int
parse_content(struct reader *reader, const yaml_event_t *event, int depth,
	      json_t **out, struct ferry_error *err)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return parse_scalar(reader, event, depth, out, err);
	case YAML_SEQUENCE_START_EVENT:
		return parse_sequence(reader, depth, out, err);
	case YAML_MAPPING_START_EVENT:
		return parse_mapping(reader, depth, out, err);
	case YAML_ALIAS_EVENT:
		return parse_alias(reader, event, depth, out, err);
	default:
		return refuse(reader, err, "no value");
	}
}

static int
parse_node(struct reader *reader, const yaml_event_t *event, int depth,
	   json_t **out, struct ferry_error *err)
{
	AUTO_JSON *value = NULL;
	const char *tag = NULL;
	const char *anchor = NULL;
	int rc = parse_content(reader, event, depth, &value, err);

	find_properties(event, &tag, &anchor);
	if (!rc)
		rc = apply_tag(reader, tag, &value, err);
	if (!rc && anchor && json_object_set(reader->anchors, anchor, value))
		rc = error_nomem(err);
	if (!rc)
		*out = STEAL(&value);
	return rc;
}

static int
parse_document(struct reader *reader, json_t *documents,
	       struct ferry_error *err)
{
	AUTO_EVENT end = { 0 };
	AUTO_JSON *document = NULL;
	int rc;

	json_object_clear(reader->anchors);
	rc = parse_value(reader, 0, &document, err);
	if (!rc)
		rc = next_event(reader, &end, err);
	if (!rc && !json_is_null(document) &&
	    json_array_append(documents, document))
		rc = error_nomem(err);
	return rc;
}

static int
parse_stream(struct reader *reader, json_t *documents, struct ferry_error *err)
{
	int rc = 0;

	while (!rc) {
		AUTO_EVENT event = { 0 };

		rc = next_event(reader, &event, err);
		if (rc || event.type == YAML_STREAM_END_EVENT)
			break;
		if (event.type == YAML_DOCUMENT_START_EVENT)
			rc = parse_document(reader, documents, err);
	}
	return rc;
}

/* libyaml compares each with all others. */
static int
check_directives(const char *text, size_t size, struct ferry_error *err)
{
	const char *end = text + size;
	size_t count = 0;

	while ((text = memmem(text, (size_t)(end - text), TAG_DIRECTIVE,
			      strlen(TAG_DIRECTIVE)))) {
		text += strlen(TAG_DIRECTIVE);
		if (++count > DIRECTIVES_MAX)
			return error_set(err, FERRY_E_USAGE,
					 "more than %d times '%s'",
					 DIRECTIVES_MAX, TAG_DIRECTIVE);
	}
	return 0;
}

static int
parse_yaml(json_t *documents, struct yaml_marks *marks, const void *data,
	   size_t size, struct ferry_error *err)
{
	AUTO_JSON *anchors = json_object();
	struct reader reader = { .anchors = anchors, .marks = marks };
	int rc;

	rc = check_directives(data, size, err);
	if (rc)
		return rc;
	if (!anchors || !yaml_parser_initialize(&reader.parser))
		return error_nomem(err);
	yaml_parser_set_input_string(&reader.parser, data, size);
	rc = parse_stream(&reader, documents, err);
	yaml_parser_delete(&reader.parser);
	return rc;
}

/*
 * JSON's own parser takes what libyaml does not: escapes of characters beyond
 * U+FFFF in two halves.  What it refuses, libyaml will explain.
 */
static json_t *
parse_json(const char *data, size_t size)
{
	size_t space = 0;
	json_t *json = NULL;
	struct ferry_error ignored;

	while (space < size && strchr(" \t\r\n", data[space]))
		space++;
	if (space == size || data[space] != '{' ||
	    json_check_counts(data, size, YAML_NODES_MAX, YAML_NODES_MAX,
			      &ignored) ||
	    json_parse(&json, data, size, &ignored))
		return NULL;
	return json;
}

int
yaml_parse(json_t **out, const void *data, size_t size, struct ferry_error *err)
{
	AUTO_JSON *documents = json_array();
	AUTO_JSON *json = parse_json(data, size);
	int rc = 0;

	if (!documents || (json && json_array_append(documents, json)))
		return error_nomem(err);
	if (!json)
		rc = parse_yaml(documents, NULL, data, size, err);
	if (!rc)
		*out = STEAL(&documents);
	return rc;
}

int
yaml_parse_marked(json_t **out, struct yaml_marks *marks, const void *data,
		  size_t size, struct ferry_error *err)
{
	AUTO_JSON *documents = json_array();
	AUTO_FREE char *text = NULL;
	AUTO_JSON *json = parse_json(data, size);
	int rc = documents ? 0 : error_nomem(err);

	if (!rc && json)
		rc = yaml_join_halves(&text, data, size, err);
	if (!rc)
		rc = parse_yaml(documents, marks, text ? text : data, size,
				err);
	if (!rc)
		rc = yaml_marks_settle(marks, data, size, err);
	if (!rc)
		*out = STEAL(&documents);
	return rc;
}
