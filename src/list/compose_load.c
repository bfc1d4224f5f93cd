#include "list/compose_load.h"

#include <string.h>

#include "base/text.h"
#include "list/compose_extends.h"
#include "list/compose_include.h"
#include "list/compose_path.h"
#include "list/compose_service.h"
#include "list/dotenv.h"

/* `over` on top of what is in `services` by that name. */
static int
put_on(json_t *services, const char *name, json_t *over,
       struct ferry_error *err)
{
	AUTO_JSON *merged = NULL;
	int rc = service_merge(&merged, json_object_get(services, name), over,
			       err);

	if (rc)
		return rc;
	if (json_is_null(merged))
		json_object_del(services, name);
	else if (json_object_set_nocheck(services, name, merged))
		return error_nomem(err);
	return 0;
}

static int
read_services(json_t *into, const struct compose_scope *scope,
	      json_t *definitions, struct ferry_error *err)
{
	struct variables variables = { scope->variables, NULL,
				       &scope->files->spent };
	struct extending extending = { .files = scope->files,
				       .variables = &variables,
				       .path = scope->path,
				       .folder = scope->folder,
				       .services = definitions };
	const char *name;
	json_t *definition;

	if (definitions && !json_is_object(definitions))
		return error_set(err, FERRY_E_USAGE,
				 "%s: services are no mapping", scope->path);
	json_object_foreach (definitions, name, definition) {
		AUTO_JSON *service = NULL;
		int rc;

		extending.name = name;
		rc = compose_extend(&service, &extending, err);
		if (rc)
			return rc;
		if (json_object_set_nocheck(into, name, service))
			return error_nomem(err);
	}
	return 0;
}

/* A document on top of those before it. */
static int
add_document(json_t *services, const struct compose_scope *scope,
	     const json_t *document, struct ferry_error *err)
{
	AUTO_JSON *own = json_object();
	json_t *definitions = json_object_get(document, "services");
	bool replaces = compose_untag(&definitions);
	const char *name;
	json_t *service;
	int rc = own ? read_services(own, scope, definitions, err)
		     : error_nomem(err);

	if (!rc)
		rc = compose_include(own, scope,
				     json_object_get(document, "include"), err);
	if (replaces)
		json_object_clear(services);
	json_object_foreach (own, name, service) {
		if (!rc)
			rc = put_on(services, name, service, err);
	}
	return rc;
}

int
compose_load_file(json_t *services, const struct compose_scope *scope,
		  struct ferry_error *err)
{
	const json_t *documents = NULL;
	size_t index;
	json_t *document;
	int rc = compose_files_get(scope->files, scope->path, &documents, err);

	json_array_foreach (documents, index, document) {
		if (!rc)
			rc = add_document(services, scope, document, err);
	}
	return rc;
}

static int
read_environment(json_t *variables, const char *const *environment,
		 struct ferry_error *err)
{
	for (; environment && *environment; environment++) {
		const char *sign = strchr(*environment, '=');
		AUTO_FREE char *name = NULL;

		if (!sign)
			continue;
		name = strndup(*environment, (size_t)(sign - *environment));
		if (!name ||
		    json_object_set_new_nocheck(variables, name,
						json_string_nocheck(sign + 1)))
			return error_nomem(err);
	}
	return 0;
}

int
compose_read_variables(json_t *variables,
		       const struct ferry_list_options *options,
		       const char *folder, struct ferry_error *err)
{
	int rc = read_environment(variables, options->environment, err);

	if (rc)
		return rc;
	return options->env_file_count
		       ? dotenv_load(variables, options->env_files,
				     options->env_file_count, err)
		       : dotenv_load_default(variables, folder, err);
}

static int
load_files(json_t *services, struct compose_scope *scope,
	   const struct list_file *files, size_t count, struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++) {
		AUTO_FREE char *path = NULL;

		rc = strcmp(files[i].path, "-")
			     ? compose_path_clean(&path, files[i].path, err)
			     : text_copy(&path, files[i].shown, err);
		if (!rc)
			rc = compose_files_add(scope->files, path,
					       files[i].content.data,
					       files[i].content.size, err);
		scope->path = path;
		if (!rc)
			rc = compose_load_file(services, scope, err);
	}
	return rc;
}

int
compose_load(json_t **out, const struct list_file *files, size_t count,
	     const struct ferry_list_options *options, struct ferry_error *err)
{
	AUTO(compose_files_release) struct compose_files read = { 0 };
	AUTO_JSON *variables = json_object();
	AUTO_JSON *services = json_object();
	AUTO_FREE char *folder = NULL;
	struct compose_scope scope = { .files = &read, .variables = variables };
	int rc = compose_files_init(&read, err);

	if (!rc && (!variables || !services))
		rc = error_nomem(err);
	if (!rc)
		rc = compose_path_folder(&folder, files[0].path, err);
	if (!rc)
		rc = compose_read_variables(variables, options, folder, err);
	scope.folder = folder;
	if (!rc)
		rc = load_files(services, &scope, files, count, err);
	if (!rc)
		*out = STEAL(&services);
	return rc;
}
