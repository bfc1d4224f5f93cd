#include "list/compose_include.h"

#include <string.h>

#include "list/compose_path.h"
#include "list/compose_service.h"
#include "list/dotenv.h"

/* One entry of "include". */
struct inclusion {
	json_t *paths;	   /* of the files, cleaned */
	json_t *env_files; /* the same; NULL: .env, if there is one */
	char *folder;	   /* of the project that they make */
	json_t *variables;
};

static void
inclusion_release(struct inclusion *inclusion)
{
	json_decref(inclusion->paths);
	json_decref(inclusion->env_files);
	free(inclusion->folder);
	json_decref(inclusion->variables);
}

/* What `value` names, beginning at the folder of `scope`. */
static int
join(char **out, const struct compose_scope *scope, const json_t *value,
     const char *what, struct ferry_error *err)
{
	struct variables variables = { scope->variables, NULL,
				       &scope->files->spent };
	AUTO_FREE char *text = NULL;
	int rc = compose_text(&text, value, what, &variables, NULL, err);

	return rc ? rc : compose_path_join(out, scope->folder, text, err);
}

static int
add_path(json_t *paths, const struct compose_scope *scope, const json_t *value,
	 const char *what, struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	int rc = join(&path, scope, value, what, err);

	if (rc)
		return rc;
	return json_array_append_new(paths, json_string_nocheck(path))
		       ? error_nomem(err)
		       : 0;
}

/* One path, or a list of them. */
static int
read_paths(json_t **out, const struct compose_scope *scope, json_t *value,
	   const char *what, struct ferry_error *err)
{
	AUTO_JSON *paths = json_array();
	size_t index;
	json_t *item;
	int rc = 0;

	if (!paths)
		return error_nomem(err);
	if (!json_is_array(value))
		rc = add_path(paths, scope, value, what, err);
	json_array_foreach (value, index, item) {
		if (!rc)
			rc = add_path(paths, scope, item, what, err);
	}
	if (!rc && !json_array_size(paths))
		rc = error_set(err, FERRY_E_USAGE, "%s is empty", what);
	if (!rc)
		*out = STEAL(&paths);
	return rc;
}

/* Those who want no .env say /dev/null. */
static bool
is_no_file(const json_t *value)
{
	const char *path = json_string_value(value);

	return path && strcmp(path, "/dev/null") == 0;
}

static int
read_env_files(struct inclusion *inclusion, const struct compose_scope *scope,
	       json_t *value, struct ferry_error *err)
{
	if (!value)
		return 0;
	if (is_no_file(value) || is_no_file(json_array_get(value, 0))) {
		inclusion->env_files = json_array();
		return inclusion->env_files ? 0 : error_nomem(err);
	}
	return read_paths(&inclusion->env_files, scope, value, "env_file", err);
}

static int
read_folder(struct inclusion *inclusion, const struct compose_scope *scope,
	    const json_t *value, struct ferry_error *err)
{
	const char *first =
		json_string_value(json_array_get(inclusion->paths, 0));

	return value ? join(&inclusion->folder, scope, value,
			    "project_directory", err)
		     : compose_path_folder(&inclusion->folder, first, err);
}

/* An entry is a path, or { path, project_directory, env_file }. */
static int
read_entry(struct inclusion *inclusion, const struct compose_scope *scope,
	   json_t *entry, struct ferry_error *err)
{
	json_t *path = entry;
	json_t *folder = json_object_get(entry, "project_directory");
	json_t *env_file = json_object_get(entry, "env_file");
	int rc;

	if (json_is_object(entry))
		path = json_object_get(entry, "path");
	compose_untag(&folder);
	compose_untag(&env_file);
	rc = read_paths(&inclusion->paths, scope, path, "path", err);
	if (!rc)
		rc = read_folder(inclusion, scope, folder, err);
	return rc ? rc : read_env_files(inclusion, scope, env_file, err);
}

/* What the project around says counts more than files of the included one. */
static int
read_variables(struct inclusion *inclusion, const struct compose_scope *scope,
	       struct ferry_error *err)
{
	size_t index;
	json_t *path;
	size_t count = json_array_size(inclusion->env_files);
	AUTO_FREE const char **paths = calloc(count + 1, sizeof(*paths));

	inclusion->variables = json_copy((json_t *)(uintptr_t)scope->variables);
	if (!paths || !inclusion->variables)
		return error_nomem(err);
	if (!inclusion->env_files)
		return dotenv_load_default(inclusion->variables,
					   inclusion->folder, err);
	json_array_foreach (inclusion->env_files, index, path) {
		paths[index] = json_string_value(path);
		if (compose_files_check(paths[index], err))
			return err->code;
	}
	return dotenv_load(inclusion->variables, paths, count, err);
}

static int
check_circle(const struct compose_scope *scope, struct ferry_error *err)
{
	if (scope->depth > COMPOSE_DEPTH_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "more than %d files in one another",
				 COMPOSE_DEPTH_MAX);
	if (scope->files->includes++ == COMPOSE_INCLUDES_MAX)
		return error_set(err, FERRY_E_USAGE, "more than %d inclusions",
				 COMPOSE_INCLUDES_MAX);
	for (const struct compose_scope *at = scope->from; at; at = at->from)
		if (strcmp(at->path, scope->path) == 0)
			return error_set(err, FERRY_E_USAGE,
					 "%s includes itself", at->path);
	return 0;
}

static int
load(json_t *services, const struct compose_scope *scope,
     const struct inclusion *inclusion, struct ferry_error *err)
{
	struct compose_scope next = { .files = scope->files,
				      .folder = inclusion->folder,
				      .variables = inclusion->variables,
				      .from = scope,
				      .depth = scope->depth + 1 };
	size_t index;
	json_t *path;
	int rc = 0;

	json_array_foreach (inclusion->paths, index, path) {
		if (rc)
			return rc;
		next.path = json_string_value(path);
		rc = check_circle(&next, err);
		if (!rc)
			rc = compose_load_file(services, &next, err);
	}
	return rc;
}

static int
import(json_t *services, json_t *imported, struct ferry_error *err)
{
	const char *name;
	json_t *service;

	json_object_foreach (imported, name, service) {
		const json_t *own = json_object_get(services, name);

		if (own && !service_equal(own, service))
			return error_set(err, FERRY_E_USAGE,
					 "service '%s' is there already, and "
					 "is another one; include does not "
					 "merge: give both files with -f, or "
					 "as a list under path",
					 name);
		if (!own && json_object_set_nocheck(services, name, service))
			return error_nomem(err);
	}
	return 0;
}

static int
include_entry(json_t *services, const struct compose_scope *scope,
	      json_t *entry, struct ferry_error *err)
{
	AUTO(inclusion_release) struct inclusion inclusion = { 0 };
	AUTO_JSON *imported = json_object();
	int rc = imported ? read_entry(&inclusion, scope, entry, err)
			  : error_nomem(err);

	if (!rc)
		rc = read_variables(&inclusion, scope, err);
	if (!rc)
		rc = load(imported, scope, &inclusion, err);
	return rc ? rc : import(services, imported, err);
}

int
compose_include(json_t *services, const struct compose_scope *scope,
		const json_t *include, struct ferry_error *err)
{
	size_t index;
	json_t *entry;

	if (!include || json_is_null(include))
		return 0;
	if (!json_is_array(include))
		return error_set(err, FERRY_E_USAGE, "%s: include is no list",
				 scope->path);
	json_array_foreach (include, index, entry) {
		if (include_entry(services, scope, entry, err))
			return error_wrap(err, "%s: include", scope->path);
	}
	return 0;
}
