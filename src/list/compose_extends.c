#include "list/compose_extends.h"

#include <string.h>

#include "base/text.h"
#include "list/compose_path.h"
#include "list/compose_service.h"

/* What "extends" says: SERVICE, or { service, file }. */
struct base {
	char *name;
	char *file; /* NULL: the same */
	char *path; /* of the file */
	char *folder;
};

static void
base_release(struct base *base)
{
	free(base->name);
	free(base->file);
	free(base->path);
	free(base->folder);
}

static int
read_extends(struct base *base, const struct extending *at,
	     const json_t *extends, struct ferry_error *err)
{
	const json_t *service = extends;
	const json_t *file = json_object_get(extends, "file");
	int rc;

	if (json_is_object(extends))
		service = json_object_get(extends, "service");
	rc = compose_text(&base->name, service, "service", at->variables, NULL,
			  err);
	if (!rc && file && !json_is_null(file))
		rc = compose_text(&base->file, file, "file", at->variables,
				  NULL, err);
	return rc;
}

/* The services of another file, which is one document then. */
static int
open_file(struct base *base, struct extending *next, struct ferry_error *err)
{
	const json_t *documents = NULL;
	int rc = compose_path_join(&base->path, next->folder, base->file, err);

	if (!rc)
		rc = compose_path_folder(&base->folder, base->path, err);
	if (!rc)
		rc = compose_files_get(next->files, base->path, &documents,
				       err);
	if (rc)
		return rc;
	if (json_array_size(documents) > 1)
		return error_set(err, FERRY_E_USAGE,
				 "%s has more than one document", base->path);
	next->path = base->path;
	next->folder = base->folder;
	next->services =
		json_object_get(json_array_get(documents, 0), "services");
	return 0;
}

static int
check_circle(const struct extending *next, struct ferry_error *err)
{
	const struct extending *at = next->from;

	if (next->depth > COMPOSE_DEPTH_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "more than %d services on one another",
				 COMPOSE_DEPTH_MAX);
	for (; at; at = at->from)
		if (strcmp(at->name, next->name) == 0 &&
		    strcmp(at->path, next->path) == 0)
			return error_set(err, FERRY_E_USAGE,
					 "service '%s' of %s extends itself",
					 at->name, at->path);
	return 0;
}

/* To the service that `at` extends. */
static int
find_base(struct base *base, struct extending *next, const struct extending *at,
	  const json_t *extends, struct ferry_error *err)
{
	int rc = read_extends(base, at, extends, err);

	if (rc)
		return rc;
	*next = *at;
	next->name = base->name;
	next->from = at;
	next->depth++;
	if (base->file)
		rc = open_file(base, next, err);
	if (!rc)
		rc = check_circle(next, err);
	if (!rc && !json_object_get(next->services, next->name))
		rc = error_set(err, FERRY_E_USAGE, "no service '%s' in %s",
			       next->name, next->path);
	return rc;
}

static int
put_on_base(json_t **out, const struct extending *at, json_t *own,
	    const json_t *extends, struct ferry_error *err)
{
	AUTO(base_release) struct base base = { 0 };
	AUTO_JSON *beneath = NULL;
	struct extending next;
	int rc;

	if (find_base(&base, &next, at, extends, err))
		return error_wrap(err, "%s: service '%s': extends", at->path,
				  at->name);
	rc = compose_extend(&beneath, &next, err);
	return rc ? rc : service_merge(out, beneath, own, err);
}

static size_t
list_size(const json_t *definition, const char *key)
{
	json_t *list = json_object_get(definition, key);

	compose_untag(&list);
	return json_array_size(list);
}

/* Whatever extends a service reads it again. */
static int
charge(const struct extending *service, json_t *definition,
       struct ferry_error *err)
{
	size_t count;

	compose_untag(&definition);
	count = list_size(definition, "profiles") +
		list_size(definition, "volumes");
	return variables_charge(service->variables, count + 1, 0, err)
		       ? error_wrap(err, "%s: service '%s'", service->path,
				    service->name)
		       : 0;
}

int
compose_extend(json_t **out, const struct extending *service,
	       struct ferry_error *err)
{
	json_t *definition = json_object_get(service->services, service->name);
	AUTO_JSON *own = NULL;
	json_t *extends;
	int rc = charge(service, definition, err);

	if (rc)
		return rc;
	rc = service_pick(&own, definition, service->name, service->path,
			  service->variables, err);

	if (rc)
		return rc;
	compose_untag(&definition);
	extends = json_object_get(definition, "extends");
	compose_untag(&extends);
	if (extends)
		return put_on_base(out, service, own, extends, err);
	*out = STEAL(&own);
	return 0;
}
