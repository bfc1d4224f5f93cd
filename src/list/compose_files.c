#include "list/compose_files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "list/list.h"
#include "list/yaml.h"

int
compose_files_init(struct compose_files *files, struct ferry_error *err)
{
	files->documents = json_object();
	return files->documents ? 0 : error_nomem(err);
}

void
compose_files_release(struct compose_files *files)
{
	json_decref(files->documents);
	*files = (struct compose_files){ 0 };
}

static int
check_documents(struct compose_files *files, const json_t *documents,
		struct ferry_error *err)
{
	size_t index;
	json_t *document;

	files->count += json_array_size(documents);
	if (files->count > COMPOSE_DOCUMENTS_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "more than %d documents in all",
				 COMPOSE_DOCUMENTS_MAX);

	json_array_foreach (documents, index, document) {
		if (!json_is_object(document))
			return error_set(err, FERRY_E_USAGE,
					 "no mapping, so no Compose file");
	}
	return 0;
}

int
compose_files_add(struct compose_files *files, const char *path,
		  const void *data, size_t size, struct ferry_error *err)
{
	AUTO_JSON *documents = NULL;
	int rc = yaml_parse(&documents, data, size, err);

	if (!rc)
		rc = check_documents(files, documents, err);
	if (rc)
		return error_wrap(err, "%s", path);
	/* Not checked: a path may hold what is no UTF-8. */
	return json_object_set_nocheck(files->documents, path, documents)
		       ? error_nomem(err)
		       : 0;
}

int
compose_files_check(const char *path, struct ferry_error *err)
{
	struct stat found;

	if (stat(path, &found))
		return errno == ENOENT || errno == ENOTDIR
			       ? error_set(err, FERRY_E_USAGE,
					   "%s: no such file", path)
			       : error_errno(err, "%s", path);
	return S_ISREG(found.st_mode) ? 0
				      : error_set(err, FERRY_E_USAGE,
						  "%s: no regular file", path);
}

static int
load(struct compose_files *files, const char *path, struct ferry_error *err)
{
	AUTO_BUFFER content = BUFFER(LIST_BYTES_MAX);
	int rc = compose_files_check(path, err);

	if (!rc && json_object_size(files->documents) == COMPOSE_FILES_MAX)
		rc = error_set(err, FERRY_E_USAGE, "more than %d files",
			       COMPOSE_FILES_MAX);
	if (!rc)
		rc = file_load(path, &content, err);
	return rc ? rc
		  : compose_files_add(files, path, content.data, content.size,
				      err);
}

int
compose_files_get(struct compose_files *files, const char *path,
		  const json_t **out, struct ferry_error *err)
{
	int rc = 0;

	if (!json_object_get(files->documents, path))
		rc = load(files, path, err);
	if (!rc)
		*out = json_object_get(files->documents, path);
	return rc;
}
