/*
 * Compose files as lists: the images of a project's services.
 */
#include <string.h>

#include "list/compose_load.h"

#define EVERY_PROFILE "*"

static bool
is_one_of(const struct ferry_list_options *options, const char *profile)
{
	for (size_t i = 0; i < options->profile_count; i++)
		if (strcmp(options->profiles[i], profile) == 0 ||
		    strcmp(options->profiles[i], EVERY_PROFILE) == 0)
			return true;
	return false;
}

/* Without --profile all services count, unlike with Compose. */
static bool
is_wanted(const json_t *service, const struct ferry_list_options *options)
{
	const json_t *profiles = json_object_get(service, "profiles");
	size_t index;
	json_t *profile;

	if (!options->profile_count || !json_array_size(profiles))
		return true;
	json_array_foreach (profiles, index, profile) {
		if (is_one_of(options, json_string_value(profile)))
			return true;
	}
	return false;
}

static bool
has_profile(const json_t *services, const char *name)
{
	const char *key;
	json_t *service;
	size_t index;
	json_t *profile;

	json_object_foreach ((json_t *)(uintptr_t)services, key, service) {
		json_t *profiles = json_object_get(service, "profiles");

		json_array_foreach (profiles, index, profile) {
			if (strcmp(json_string_value(profile), name) == 0)
				return true;
		}
	}
	return false;
}

/* A slip would leave images out without a word. */
static int
check_profiles(const json_t *services, const struct ferry_list_options *options,
	       struct ferry_error *err)
{
	for (size_t i = 0; i < options->profile_count; i++) {
		const char *name = options->profiles[i];

		if (strcmp(name, EVERY_PROFILE) && !has_profile(services, name))
			return error_set(err, FERRY_E_USAGE,
					 "--profile %s: no service has it",
					 name);
	}
	return 0;
}

static int
tell_unset(const json_t *image, struct ferry_error *err)
{
	const json_t *unset = json_object_get(image, "unset");
	size_t index;
	json_t *name;

	if (!json_array_size(unset))
		return err->code;
	error_add(err, "; not set:");
	json_array_foreach (unset, index, name)
		error_add(err, "%s %s", index ? "," : "",
			  json_string_value(name));
	return error_add(err, " (set in the environment, .env or --env-file)");
}

/* As Compose does: "${HOST}redis:7" is an image without HOST, and another. */
static void
warn_unset(const struct list *list, const char *service, const json_t *image)
{
	const json_t *unset = json_object_get(image, "unset");
	size_t index;
	json_t *name;

	if (!list->context)
		return;
	json_array_foreach (unset, index, name)
		context_notice(
			list->context,
			"%s: service '%s': %s is not set, so its image is "
			"'%s'",
			json_string_value(json_object_get(image, "file")),
			service, json_string_value(name),
			json_string_value(json_object_get(image, "text")));
}

static int
add_platform(struct wanted *wanted, const json_t *service,
	     struct ferry_error *err)
{
	const char *platform =
		json_string_value(json_object_get(service, "platform"));

	return platform && *platform
		       ? platforms_add(&wanted->platforms, platform, err)
		       : 0;
}

static int
parse_image(struct wanted *wanted, const json_t *image, struct ferry_error *err)
{
	const char *text = json_string_value(json_object_get(image, "text"));

	if (!*text)
		error_set(err, FERRY_E_USAGE, "its image is empty");
	else if (!reference_parse(&wanted->origin.reference, text, err))
		return 0;
	return tell_unset(image, err);
}

static int
add_image(struct list *list, const char *name, const json_t *service,
	  const json_t *image, struct ferry_error *err)
{
	AUTO(wanted_release) struct wanted wanted = { 0 };
	int rc = parse_image(&wanted, image, err);

	if (!rc)
		rc = add_platform(&wanted, service, err);
	if (rc)
		return error_wrap(
			err, "%s: service '%s'",
			json_string_value(json_object_get(image, "file")),
			name);
	warn_unset(list, name, image);
	return list_take(list, &wanted, err);
}

/* Whether the service's image is neither named nor to be known. */
static bool
is_built_only(const json_t *service)
{
	return !json_object_get(service, "image") &&
	       json_object_get(service, "build");
}

static int
add_service(struct list *list, const char *name, const json_t *service,
	    struct ferry_error *err)
{
	const json_t *image = json_object_get(service, "image");
	json_t *mounts = json_object_get(service, "mounts");
	const char *target;
	json_t *mount;
	int rc = 0;

	if (image)
		rc = add_image(list, name, service, image, err);
	else if (!json_object_get(service, "provider"))
		rc = error_set(err, FERRY_E_USAGE,
			       "service '%s' has neither image nor build",
			       name);
	json_object_foreach (mounts, target, mount) {
		if (!rc)
			rc = add_image(list, name, service, mount, err);
	}
	return rc;
}

/* All of them in one message: who mends one wants to know of the others. */
static int
refuse_built(json_t *services, const struct ferry_list_options *options,
	     struct ferry_error *err)
{
	struct ferry_error found = { 0 };
	const char *comma = "";
	const char *name;
	json_t *service;

	json_object_foreach (services, name, service) {
		if (!is_wanted(service, options) || !is_built_only(service))
			continue;
		if (!found.code)
			error_set(&found, FERRY_E_USAGE,
				  "no image: is named, only build:, by");
		error_add(&found, "%s '%s' (%s)", comma, name,
			  json_string_value(json_object_get(service, "build")));
		comma = ",";
	}
	if (!found.code)
		return 0;
	*err = found;
	return error_add(err, "; give each an image: and push it to a "
			      "registry first, or leave it out with --profile "
			      "and take what was built with "
			      "docker-daemon:NAME");
}

int
list_add_compose(struct list *list, const struct list_file *files, size_t count,
		 const struct ferry_list_options *options,
		 struct ferry_error *err)
{
	AUTO_JSON *services = NULL;
	size_t before = list->count;
	const char *name;
	json_t *service;
	int rc = compose_load(&services, files, count, options, err);

	if (!rc)
		rc = check_profiles(services, options, err);
	if (!rc)
		rc = refuse_built(services, options, err);
	json_object_foreach (services, name, service) {
		if (!rc && is_wanted(service, options))
			rc = add_service(list, name, service, err);
	}
	if (!rc && list->count == before)
		rc = error_set(err, FERRY_E_USAGE, "%s names no image",
			       files[0].shown);
	return rc;
}
