#include "list/compose_service.h"

#include <string.h>

#include "list/yaml.h"

#define EVERYTHING "*"

/* Where a definition stands. */
struct place {
	const char *file;
	const struct variables *variables;
};

bool
compose_untag(json_t **value)
{
	json_t *kept = json_object_get(*value, YAML_OVERRIDE);
	bool tagged = json_object_size(*value) == 1 &&
		      (kept || json_object_get(*value, YAML_RESET));

	if (tagged)
		*value = kept;
	if (json_is_null(*value))
		*value = NULL;
	return tagged;
}

int
compose_text(char **out, const json_t *value, const char *what,
	     const struct variables *variables, json_t *unset,
	     struct ferry_error *err)
{
	if (!json_is_string(value))
		return error_set(err, FERRY_E_USAGE, "%s is no text", what);
	return interpolate(out, json_string_value(value), variables, unset, err)
		       ? error_wrap(err, "%s '%.200s'", what,
				    json_string_value(value))
		       : 0;
}

static int
make_text(json_t **out, const json_t *value, const char *what,
	  const struct place *place, struct ferry_error *err)
{
	AUTO_FREE char *text = NULL;
	int rc = compose_text(&text, value, what, place->variables, NULL, err);

	if (rc)
		return rc;
	*out = json_string_nocheck(text);
	return *out ? 0 : error_nomem(err);
}

static int
pick_text(json_t **out, json_t *value, const char *what,
	  const struct place *place, struct ferry_error *err)
{
	return make_text(out, value, what, place, err);
}

static int
pick_image(json_t **out, json_t *value, const char *what,
	   const struct place *place, struct ferry_error *err)
{
	AUTO_JSON *unset = json_array();
	AUTO_FREE char *text = NULL;
	int rc;

	if (!unset)
		return error_nomem(err);
	rc = compose_text(&text, value, what, place->variables, unset, err);
	if (rc)
		return rc;
	*out = json_pack("{s:o, s:O, s:o}", "text", json_string_nocheck(text),
			 "unset", unset, "file",
			 json_string_nocheck(place->file));
	return *out ? 0 : error_nomem(err);
}

static int
pick_presence(json_t **out, json_t *value, const char *what,
	      const struct place *place, struct ferry_error *err)
{
	(void)value;
	(void)what;
	*out = json_string_nocheck(place->file);
	return *out ? 0 : error_nomem(err);
}

static int
pick_list(json_t **out, json_t *value, const char *what,
	  const struct place *place, struct ferry_error *err)
{
	AUTO_JSON *list = json_array();
	size_t index;
	json_t *item;

	if (!list)
		return error_nomem(err);
	if (!json_is_array(value))
		return error_set(err, FERRY_E_USAGE, "%s is no list", what);
	json_array_foreach (value, index, item) {
		json_t *text = NULL;

		if (make_text(&text, item, what, place, err))
			return err->code;
		if (json_array_append_new(list, text))
			return error_nomem(err);
	}
	*out = STEAL(&list);
	return 0;
}

static int
add_mount(json_t *mounts, const json_t *volume, const struct place *place,
	  struct ferry_error *err)
{
	const char *type = json_string_value(json_object_get(volume, "type"));
	const char *target =
		json_string_value(json_object_get(volume, "target"));
	json_t *image = NULL;

	if (!type || strcmp(type, "image"))
		return 0;
	if (pick_image(&image, json_object_get(volume, "source"),
		       "the source of a volume of type image", place, err))
		return err->code;
	return json_object_set_new(mounts, target ? target : "", image)
		       ? error_nomem(err)
		       : 0;
}

/* Of volumes, those that are images. */
static int
pick_mounts(json_t **out, json_t *value, const char *what,
	    const struct place *place, struct ferry_error *err)
{
	AUTO_JSON *mounts = json_object();
	size_t index;
	json_t *volume;

	(void)what;
	if (!mounts)
		return error_nomem(err);
	json_array_foreach (value, index, volume) {
		if (add_mount(mounts, volume, place, err))
			return err->code;
	}
	*out = STEAL(&mounts);
	return 0;
}

static const struct field {
	const char *name; /* in the file */
	const char *kept; /* here */
	int (*pick)(json_t **out, json_t *value, const char *what,
		    const struct place *place, struct ferry_error *err);
} fields[] = {
	{ "image", "image", pick_image },
	{ "platform", "platform", pick_text },
	{ "build", "build", pick_presence },
	{ "provider", "provider", pick_presence },
	{ "profiles", "profiles", pick_list },
	{ "volumes", "mounts", pick_mounts },
};

static int
pick_field(json_t *service, const struct field *field, json_t *definition,
	   const struct place *place, struct ferry_error *err)
{
	json_t *value = json_object_get(definition, field->name);
	json_t *picked = NULL;
	int rc;

	if (compose_untag(&value) &&
	    json_array_append_new(json_object_get(service, "reset"),
				  json_string(field->kept)))
		return error_nomem(err);
	if (!value)
		return 0;
	rc = field->pick(&picked, value, field->name, place, err);
	if (!rc && json_object_set_new(service, field->kept, picked))
		rc = error_nomem(err);
	return rc;
}

static int
pick_fields(json_t **out, json_t *definition, bool replaces,
	    const struct place *place, struct ferry_error *err)
{
	AUTO_JSON *service =
		json_pack("{s:[], s:[O]}", "reset", "whole", definition);
	int rc = 0;

	if (!service || (replaces && json_array_append_new(
					     json_object_get(service, "reset"),
					     json_string(EVERYTHING))))
		return error_nomem(err);
	if (!json_is_object(definition))
		return error_set(err, FERRY_E_USAGE, "it is no mapping");
	for (size_t i = 0; i < ARRAY_SIZE(fields) && !rc; i++)
		rc = pick_field(service, &fields[i], definition, place, err);
	if (!rc)
		*out = STEAL(&service);
	return rc;
}

int
service_pick(json_t **out, json_t *definition, const char *name,
	     const char *file, const struct variables *variables,
	     struct ferry_error *err)
{
	const struct place place = { file, variables };
	json_t *value = definition;
	bool replaces = compose_untag(&value);

	if (replaces && !value) {
		*out = json_null();
		return 0;
	}
	if (pick_fields(out, value ? value : definition, replaces, &place, err))
		return error_wrap(err, "%s: service '%s'", file, name);
	return 0;
}

static int
drop_reset(json_t *service, const json_t *reset, struct ferry_error *err)
{
	size_t index;
	json_t *name;

	json_array_foreach (reset, index, name) {
		if (strcmp(json_string_value(name), EVERYTHING) == 0) {
			json_object_clear(service);
			return json_object_set_new(service, "whole",
						   json_array())
				       ? error_nomem(err)
				       : 0;
		}
		json_object_del(service, json_string_value(name));
	}
	return 0;
}

/* Lists come one behind the other, mounts by target; all else is replaced. */
static int
merge_value(json_t *service, const char *key, json_t *value,
	    struct ferry_error *err)
{
	json_t *old = json_object_get(service, key);
	bool joins = json_is_array(value) || strcmp(key, "mounts") == 0;
	AUTO_JSON *both = old && joins ? json_copy(old) : json_incref(value);
	int rc = both ? 0 : -1;

	if (!rc && old && joins)
		rc = json_is_array(value) ? json_array_extend(both, value)
					  : json_object_update(both, value);
	if (!rc)
		rc = json_object_set(service, key, both);
	return rc ? error_nomem(err) : 0;
}

int
service_merge(json_t **out, json_t *base, json_t *over, struct ferry_error *err)
{
	AUTO_JSON *merged =
		json_is_object(base) ? json_copy(base) : json_object();
	const char *key;
	json_t *value;
	int rc;

	if (!merged)
		return error_nomem(err);
	if (json_is_null(over)) {
		*out = json_null();
		return 0;
	}
	rc = drop_reset(merged, json_object_get(over, "reset"), err);
	json_object_foreach (over, key, value) {
		if (!rc)
			rc = merge_value(merged, key, value, err);
	}
	if (!rc)
		*out = STEAL(&merged);
	return rc;
}

bool
service_equal(const json_t *one, const json_t *other)
{
	static const char *const keys[] = { "whole", "platform", "profiles" };
	const json_t *image = json_object_get(one, "image");
	const json_t *other_image = json_object_get(other, "image");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const json_t *value = json_object_get(one, keys[i]);
		const json_t *other_value = json_object_get(other, keys[i]);

		if (value != other_value && !json_equal(value, other_value))
			return false;
	}
	image = json_object_get(image, "text");
	other_image = json_object_get(other_image, "text");
	return image == other_image || json_equal(image, other_image);
}
