#include "list/definition.h"

#include <string.h>

#include "base/text.h"
#include "json/json.h"

/* "source", "as", "platforms", "digest", and as many platforms. */
#define VALUES_MAX ((size_t)LIST_IMAGES_MAX * (4 + PLATFORMS_MAX))
/* An object and its platforms. */
#define LISTS_MAX ((size_t)LIST_IMAGES_MAX * 2 + PLATFORMS_MAX)

static const char *const definition_keys[] = { "$schema", "type",      "name",
					       "version", "platforms", "images",
					       NULL };
static const char *const image_keys[] = { "source",    "as",	 "platform",
					  "platforms", "digest", NULL };

static int
check_keys(json_t *object, const char *const *keys, struct ferry_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key) != 0)
			i++;
		if (!keys[i])
			return error_set(err, FERRY_E_USAGE,
					 "unknown key \"%.100s\"", key);
	}
	return 0;
}

static int
add_platform(struct platforms *out, const json_t *json, struct ferry_error *err)
{
	const char *text = json_string_value(json);

	if (!text)
		return error_set(err, FERRY_E_USAGE,
				 "a platform that is no string");
	return platforms_add(out, text, err);
}

/* "all", or a list; an absent key leaves *out as it is. */
static int
find_platforms(struct platforms *out, const json_t *object,
	       struct ferry_error *err)
{
	const json_t *json = json_object_get(object, "platforms");
	const char *text = json_string_value(json);
	size_t count = json_array_size(json);
	int rc = 0;

	if (!json || (text && strcmp(text, "all") == 0))
		return text ? platforms_add(out, text, err) : 0;
	if (!count)
		return error_set(err, FERRY_E_USAGE,
				 "\"platforms\" is neither \"all\" nor a list "
				 "of platforms");
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_platform(out, json_array_get(json, i), err);
	return rc;
}

static int
read_platforms(struct platforms *out, const json_t *json,
	       struct ferry_error *err)
{
	const char *text;
	int rc = json_find_text(json, "platform", &text, err);

	if (rc || !text)
		return rc ? rc : find_platforms(out, json, err);
	if (json_object_get(json, "platforms"))
		return error_set(err, FERRY_E_USAGE,
				 "both \"platform\" and \"platforms\"");
	return platforms_add(out, text, err);
}

static int
read_source(struct wanted *wanted, const json_t *json, struct ferry_error *err)
{
	struct digest pin = { 0 };
	const char *source;
	const char *digest;
	int rc = json_get_text(json, "source", &source, err);

	if (!rc)
		rc = origin_parse(&wanted->origin, source, err);
	if (!rc)
		rc = json_find_text(json, "digest", &digest, err);
	if (rc || !digest)
		return rc;
	rc = digest_parse(&pin, digest, err);
	wanted->pin_beside = !digest_is_set(origin_pin(&wanted->origin));
	return rc ? rc : origin_set_pin(&wanted->origin, &pin, err);
}

static int
read_name(struct wanted *wanted, const json_t *json, struct ferry_error *err)
{
	const char *name;
	int rc = json_find_text(json, "as", &name, err);

	if (rc || !name)
		return rc;
	rc = list_parse_name(&wanted->name, name, err);
	return rc ? error_wrap(err, "\"as\"") : 0;
}

static int
read_image(struct wanted *wanted, json_t *json, struct ferry_error *err)
{
	int rc;

	if (!json_is_object(json))
		return error_set(err, FERRY_E_USAGE, "no JSON object");
	rc = check_keys(json, image_keys, err);
	if (!rc)
		rc = read_source(wanted, json, err);
	if (!rc)
		rc = read_name(wanted, json, err);
	return rc ? rc : read_platforms(&wanted->platforms, json, err);
}

/* What the command asks for counts more than what all images have in common. */
static int
add_image(struct list *list, json_t *json, const struct platforms *common,
	  struct ferry_error *err)
{
	AUTO(wanted_release) struct wanted wanted = { 0 };
	int rc = read_image(&wanted, json, err);

	if (rc)
		return rc;
	if (platforms_empty(&wanted.platforms) && !list->platforms_asked)
		wanted.platforms = *common;
	return list_take(list, &wanted, err);
}

static int
add_images(struct list *list, const json_t *json, struct ferry_error *err)
{
	struct platforms common = { 0 };
	json_t *images;
	int rc = find_platforms(&common, json, err);

	if (!rc)
		rc = json_get_array(json, "images", &images, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < json_array_size(images); i++)
		if (add_image(list, json_array_get(images, i), &common, err))
			return error_wrap(err, "images[%zu]", i);
	return 0;
}

static int
copy_text(char **out, const json_t *json, const char *key,
	  struct ferry_error *err)
{
	const char *text;
	int rc = json_find_text(json, key, &text, err);

	return rc || !text ? rc : text_copy(out, text, err);
}

/* Of two definitions neither's name is that of the whole. */
static int
take_title(struct list *list, const json_t *json, struct ferry_error *err)
{
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *version = NULL;
	int rc = copy_text(&name, json, "name", err);

	if (!rc)
		rc = copy_text(&version, json, "version", err);
	if (rc)
		return rc;
	free(list->name);
	free(list->version);
	list->name = list->definitions ? NULL : STEAL(&name);
	list->version = list->definitions ? NULL : STEAL(&version);
	list->definitions++;
	return 0;
}

static int
check_type(const json_t *json, struct ferry_error *err)
{
	const char *type;
	int rc = json_get_text(json, "type", &type, err);

	if (rc)
		return rc;
	if (strcmp(type, DEFINITION_TYPE) == 0)
		return 0;
	return error_set(
		err, FERRY_E_USAGE,
		"type '%.100s'; this ferry reads '" DEFINITION_TYPE "'", type);
}

static int
add_definition(struct list *list, const void *data, size_t size,
	       struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	int rc = json_check_counts(data, size, VALUES_MAX, LISTS_MAX, err);

	if (!rc)
		rc = json_parse(&json, data, size, err);
	if (!rc)
		rc = check_type(json, err);
	if (!rc)
		rc = check_keys(json, definition_keys, err);
	if (!rc)
		rc = take_title(list, json, err);
	return rc ? rc : add_images(list, json, err);
}

int
list_add_definition(struct list *list, const void *data, size_t size,
		    struct ferry_error *err)
{
	int rc = add_definition(list, data, size, err);

	if (!rc || rc == FERRY_E_NOMEM)
		return rc;
	err->code = FERRY_E_USAGE;
	return err->code;
}

/* NULL with an error; foreign names of files may be in no encoding at all. */
static json_t *
text_json(const char *text, struct ferry_error *err)
{
	json_t *json = json_string(text);

	if (!json)
		error_set(err, FERRY_E_FAILED,
			  "'%s' cannot stand in JSON, as it is no UTF-8", text);
	return json;
}

static json_t *
source_json(const struct origin *origin, struct ferry_error *err)
{
	AUTO_FREE char *text = NULL;
	char name[REFERENCE_TEXT];
	const char *selector = origin->selector;

	if (origin->transport == TRANSPORT_REGISTRY)
		return text_json(reference_name(name, &origin->reference), err);
	if (text_format(&text, err, "%s:%s%s%s",
			transport_name(origin->transport),
			origin->path ? origin->path : "",
			origin->path && selector ? ":" : "",
			selector ? selector : ""))
		return NULL;
	return text_json(text, err);
}

static json_t *
platforms_json(const struct platforms *platforms)
{
	AUTO_JSON *list = NULL;
	char text[PLATFORM_TEXT];

	if (platforms->all)
		return json_string("all");
	list = json_array();
	for (size_t i = 0; i < platforms->count; i++)
		if (json_array_append_new(list,
					  json_string(platform_text(
						  text, &platforms->items[i]))))
			return NULL;
	return STEAL(&list);
}

static int
set(json_t *object, const char *key, json_t *take_value,
    struct ferry_error *err)
{
	return json_object_set_new(object, key, take_value) ? error_nomem(err)
							    : 0;
}

static int
fill_image(json_t *json, const struct wanted *wanted, struct ferry_error *err)
{
	const struct digest *pin = origin_pin(&wanted->origin);
	char name[REFERENCE_TEXT];
	json_t *source = source_json(&wanted->origin, err);
	int rc;

	if (!source)
		return err->code;
	rc = set(json, "source", source, err);
	if (!rc && wanted->name.repository[0])
		rc = set(json, "as",
			 json_string(reference_name(name, &wanted->name)), err);
	if (!rc && !platforms_empty(&wanted->platforms))
		rc = set(json, "platforms", platforms_json(&wanted->platforms),
			 err);
	if (!rc && digest_is_set(pin))
		rc = set(json, "digest", json_string(pin->text), err);
	return rc;
}

static int
fill_images(json_t *images, const struct list *list, struct ferry_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		json_t *image = json_object();

		if (json_array_append_new(images, image))
			return error_nomem(err);
		if (fill_image(image, &list->items[i], err))
			return err->code;
	}
	return 0;
}

static int
fill(json_t *json, const struct list *list, struct ferry_error *err)
{
	json_t *images;
	int rc = set(json, "type", json_string(DEFINITION_TYPE), err);

	if (!rc && list->name)
		rc = set(json, "name", json_string(list->name), err);
	if (!rc && list->version)
		rc = set(json, "version", json_string(list->version), err);
	images = json_array();
	if (!rc)
		rc = set(json, "images", json_incref(images), err);
	if (!rc)
		rc = fill_images(images, list, err);
	json_decref(images);
	return rc;
}

int
definition_write(struct buffer *out, const struct list *list,
		 struct ferry_error *err)
{
	AUTO_JSON *json = json_object();
	int rc = fill(json, list, err);

	return rc ? rc : json_write_pretty(json, out, err);
}
