#include "json/json.h"

static bool
deeper_than(json_t *json, int levels)
{
	const char *key;
	size_t index;
	json_t *child;

	if (levels == 0)
		return json_is_object(json) || json_is_array(json);
	json_object_foreach (json, key, child)
		if (deeper_than(child, levels - 1))
			return true;
	json_array_foreach (json, index, child)
		if (deeper_than(child, levels - 1))
			return true;
	return false;
}

static int
parse(json_t **out, const void *data, size_t size, json_type type,
      const char *kind, struct ferry_error *err)
{
	json_error_t where;
	AUTO_JSON *json = NULL;

	if (!size)
		return error_set(err, FERRY_E_FAILED,
				 "no valid JSON: it is empty");
	json = json_loadb(data, size, JSON_REJECT_DUPLICATES, &where);
	if (!json)
		return error_set(err, FERRY_E_FAILED,
				 "no valid JSON: %s (line %d, column %d)",
				 where.text, where.line, where.column);
	if (json_typeof(json) != type)
		return error_set(err, FERRY_E_FAILED, "no JSON %s", kind);
	if (deeper_than(json, JSON_DEPTH))
		return error_set(err, FERRY_E_FAILED,
				 "JSON more than %d levels deep", JSON_DEPTH);
	*out = STEAL(&json);
	return 0;
}

int
json_parse(json_t **out, const void *data, size_t size, struct ferry_error *err)
{
	return parse(out, data, size, JSON_OBJECT, "object", err);
}

int
json_parse_array(json_t **out, const void *data, size_t size,
		 struct ferry_error *err)
{
	return parse(out, data, size, JSON_ARRAY, "array", err);
}

int
json_check_counts(const void *data, size_t size, size_t commas, size_t brackets,
		  struct ferry_error *err)
{
	const char *text = data;

	for (size_t i = 0; i < size; i++) {
		commas -= text[i] == ',' && commas;
		brackets -= (text[i] == '{' || text[i] == '[') && brackets;
	}
	if (!commas || !brackets)
		return error_set(err, FERRY_E_FAILED,
				 "JSON of more values than any such "
				 "document needs");
	return 0;
}

static int
find(const json_t *object, const char *key, json_type type, const char *kind,
     json_t **out, struct ferry_error *err)
{
	json_t *value = json_object_get(object, key);

	if (value && json_typeof(value) != type)
		return error_set(err, FERRY_E_FAILED, "\"%s\" is no %s", key,
				 kind);
	*out = value;
	return 0;
}

static int
get(const json_t *object, const char *key, json_type type, const char *kind,
    json_t **out, struct ferry_error *err)
{
	json_t *value = NULL;
	int rc = find(object, key, type, kind, &value, err);

	if (rc)
		return rc;
	if (!value)
		return error_set(err, FERRY_E_FAILED, "\"%s\" is missing", key);
	*out = value;
	return 0;
}

int
json_get_text(const json_t *object, const char *key, const char **out,
	      struct ferry_error *err)
{
	json_t *value = NULL;
	int rc = get(object, key, JSON_STRING, "string", &value, err);

	if (!rc)
		*out = json_string_value(value);
	return rc;
}

int
json_find_text(const json_t *object, const char *key, const char **out,
	       struct ferry_error *err)
{
	json_t *value = NULL;
	int rc = find(object, key, JSON_STRING, "string", &value, err);

	if (!rc)
		*out = json_string_value(value);
	return rc;
}

int
json_get_size(const json_t *object, const char *key, uint64_t *out,
	      struct ferry_error *err)
{
	json_t *value = NULL;
	int rc = get(object, key, JSON_INTEGER, "whole number", &value, err);

	if (rc)
		return rc;
	if (json_integer_value(value) < 0)
		return error_set(err, FERRY_E_FAILED, "\"%s\" is negative",
				 key);
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

int
json_get_object(const json_t *object, const char *key, json_t **out,
		struct ferry_error *err)
{
	return get(object, key, JSON_OBJECT, "object", out, err);
}

int
json_find_object(const json_t *object, const char *key, json_t **out,
		 struct ferry_error *err)
{
	return find(object, key, JSON_OBJECT, "object", out, err);
}

int
json_get_array(const json_t *object, const char *key, json_t **out,
	       struct ferry_error *err)
{
	return get(object, key, JSON_ARRAY, "array", out, err);
}

int
json_find_array(const json_t *object, const char *key, json_t **out,
		struct ferry_error *err)
{
	return find(object, key, JSON_ARRAY, "array", out, err);
}

struct writing {
	struct buffer *out;
	struct ferry_error *err;
};

static int
write_piece(const char *text, size_t size, void *data)
{
	struct writing *writing = data;

	return buffer_append(writing->out, text, size, writing->err);
}

static int
write_as(const json_t *json, size_t flags, struct buffer *out,
	 struct ferry_error *err)
{
	struct ferry_error failure = { .code = FERRY_OK };
	struct writing writing = { .out = out, .err = &failure };

	if (!json)
		return error_nomem(err); /* a constructor before us failed */
	if (!json_dump_callback(json, write_piece, &writing, flags))
		return 0;
	if (!failure.code)
		return error_nomem(err);
	*err = failure;
	return err->code;
}

int
json_write(const json_t *json, struct buffer *out, struct ferry_error *err)
{
	return write_as(json, JSON_COMPACT, out, err);
}

int
json_write_pretty(const json_t *json, struct buffer *out,
		  struct ferry_error *err)
{
	int rc = write_as(json, JSON_INDENT(2), out, err);

	return rc ? rc : buffer_append(out, "\n", 1, err);
}
