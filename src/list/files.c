/*
 * The files of a list.
 */
#include <string.h>

#include "base/file.h"
#include "list/formats.h"

static int
add_file(struct list *list, const char *path, struct ferry_error *err)
{
	AUTO_BUFFER content = BUFFER(LIST_BYTES_MAX);
	const char *shown = strcmp(path, "-") ? path : "standard input";
	size_t before = list->count;
	int rc = file_load(path, &content, err);

	if (rc)
		return rc;
	if (content.size &&
	    list_add_text(list, content.data, content.size, err))
		return error_wrap(err, "%s", shown);
	if (list->count == before)
		return error_set(err, FERRY_E_USAGE, "%s names no image",
				 shown);
	return 0;
}

int
list_add_files(struct list *list, const char *const *paths, size_t count,
	       const struct ferry_list_options *options,
	       struct ferry_error *err)
{
	int rc = 0;

	(void)options;
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_file(list, paths[i], err);
	return rc;
}
