/*
 * The images of one Compose file where they stand, whatever it includes and
 * extends.
 */
#include <string.h>

#include "base/text.h"
#include "list/compose_load.h"
#include "list/compose_path.h"
#include "list/compose_service.h"
#include "list/mentions.h"

struct finding {
	struct mentions *mentions;
	const struct variables *variables;
};

static int
tell_unset(const json_t *unset, char **out, struct ferry_error *err)
{
	const char *name = json_string_value(json_array_get(unset, 0));

	return name ? text_copy(out, name, err) : 0;
}

static int
parse_image(struct mention *mention, const json_t *image,
	    const struct variables *variables, struct ferry_error *err)
{
	AUTO_JSON *unset = json_array();
	AUTO_FREE char *text = NULL;
	int rc = unset ? 0 : error_nomem(err);

	if (!rc)
		rc = compose_text(&text, image, "image", variables, unset, err);
	if (rc)
		return rc;
	mention->variables = strcmp(text, json_string_value(image)) != 0;
	rc = reference_parse(&mention->name, text, err);
	if (rc && json_array_size(unset))
		return error_add(err, "; not set: %s",
				 json_string_value(json_array_get(unset, 0)));
	return rc ? rc : tell_unset(unset, &mention->unset, err);
}

static int
add_image(struct finding *finding, json_t *image, struct ferry_error *err)
{
	struct mention mention = { 0 };
	int rc;

	compose_untag(&image);
	if (!image)
		return 0;
	mention.mark = yaml_marks_find(&finding->mentions->marks, image);
	rc = parse_image(&mention, image, finding->variables, err);
	if (!rc && !mention.mark)
		rc = error_set(err, FERRY_E_FAILED, "an image from nowhere");
	if (rc)
		return mention.mark
			       ? error_wrap(err, "line %zu", mention.mark->line)
			       : rc;
	mention.line = mention.mark->line;
	return mentions_add(finding->mentions, &mention, err);
}

static bool
is_image_volume(const json_t *volume)
{
	const char *type = json_string_value(json_object_get(volume, "type"));

	return type && strcmp(type, "image") == 0;
}

static int
add_volumes(struct finding *finding, json_t *volumes, struct ferry_error *err)
{
	size_t index;
	json_t *volume;
	int rc = 0;

	compose_untag(&volumes);
	json_array_foreach (volumes, index, volume) {
		if (!rc && is_image_volume(volume))
			rc = add_image(finding,
				       json_object_get(volume, "source"), err);
	}
	return rc;
}

static int
add_service(struct finding *finding, json_t *service, struct ferry_error *err)
{
	int rc;

	compose_untag(&service);
	if (json_object_get(json_object_get(service, "extends"), "file"))
		finding->mentions->elsewhere = true;
	rc = add_image(finding, json_object_get(service, "image"), err);
	return rc ? rc
		  : add_volumes(finding, json_object_get(service, "volumes"),
				err);
}

static int
add_document(struct finding *finding, const json_t *document,
	     struct ferry_error *err)
{
	json_t *services = json_object_get(document, "services");
	const char *name;
	json_t *service;
	int rc = 0;

	if (json_object_get(document, "include"))
		finding->mentions->elsewhere = true;
	compose_untag(&services);
	json_object_foreach (services, name, service) {
		if (!rc && add_service(finding, service, err))
			rc = error_wrap(err, "service '%.100s'", name);
	}
	return rc;
}

int
mentions_add_compose(struct mentions *mentions, const char *path,
		     const struct ferry_list_options *options,
		     struct ferry_error *err)
{
	AUTO_JSON *table = json_object();
	AUTO_FREE char *folder = NULL;
	size_t spent = 0;
	struct variables variables = { table, NULL, &spent };
	struct finding finding = { mentions, &variables };
	size_t index;
	json_t *document;
	int rc = table ? compose_path_folder(&folder, path, err)
		       : error_nomem(err);

	if (!rc)
		rc = compose_read_variables(table, options, folder, err);
	json_array_foreach (mentions->documents, index, document) {
		if (!rc)
			rc = add_document(&finding, document, err);
	}
	return rc;
}
