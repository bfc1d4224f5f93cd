/*
 * The files of a list: loaded, recognised, and each read as what it is.
 */
#include <string.h>

#include "base/file.h"
#include "list/definition.h"
#include "list/formats.h"

/* Some editors' mark of UTF-8, and what begins a text that is none. */
#define UTF8_MARK "\xef\xbb\xbf"
#define UTF16_LE_MARK "\xff\xfe"
#define UTF16_BE_MARK "\xfe\xff"

/* What has been loaded; Compose files wait until all are there. */
struct loading {
	struct list *list;
	const struct ferry_list_options *options;
	struct list_file *compose;
	size_t compose_count;
	bool stdin_read;
};

static void
loading_release(struct loading *loading)
{
	for (size_t i = 0; i < loading->compose_count; i++)
		buffer_release(&loading->compose[i].content);
	free(loading->compose);
}

static void
list_file_release(struct list_file *file)
{
	buffer_release(&file->content);
}

static bool
begins(const void *data, size_t size, const char *mark)
{
	size_t length = strlen(mark);

	return size >= length && memcmp(data, mark, length) == 0;
}

int
list_text_begin(size_t *out, const void *data, size_t size,
		struct ferry_error *err)
{
	if (begins(data, size, UTF16_LE_MARK) ||
	    begins(data, size, UTF16_BE_MARK))
		return error_set(err, FERRY_E_USAGE,
				 "it is UTF-16; save it as UTF-8");
	*out = begins(data, size, UTF8_MARK) ? strlen(UTF8_MARK) : 0;
	return 0;
}

/* Takes the mark away. */
static int
check_text(struct list_file *file, struct ferry_error *err)
{
	struct buffer *content = &file->content;
	size_t mark;
	int rc = list_text_begin(&mark, content->data, content->size, err);

	if (rc || !mark)
		return rc;
	content->size -= mark;
	memmove(content->data, content->data + mark, content->size);
	return 0;
}

static int
load(struct loading *loading, struct list_file *file, struct ferry_error *err)
{
	bool is_stdin = strcmp(file->path, "-") == 0;
	int rc;

	if (is_stdin && loading->stdin_read)
		return error_set(err, FERRY_E_USAGE,
				 "standard input can be given once only");
	loading->stdin_read |= is_stdin;
	file->shown = is_stdin ? "standard input" : file->path;
	rc = file_load(file->path, &file->content, err);
	if (rc)
		return rc;
	return check_text(file, err) ? error_wrap(err, "%s", file->shown) : 0;
}

/* The file waits for the others, which make one project with it. */
static int
keep_compose(struct loading *loading, struct list_file *file,
	     struct ferry_error *err)
{
	struct list_file *files = reallocarray(
		loading->compose, loading->compose_count + 1, sizeof(*files));

	if (!files)
		return error_nomem(err);
	loading->compose = files;
	files[loading->compose_count++] = *file;
	file->content = (struct buffer){ 0 };
	return 0;
}

static int
add_content(struct loading *loading, struct list_file *file,
	    enum ferry_list_format format, struct ferry_error *err)
{
	static int (*const readers[])(struct list * list, const void *data,
				      size_t size, struct ferry_error *err) = {
		[FERRY_LIST_TEXT] = list_add_text,
		[FERRY_LIST_KUBERNETES] = list_add_kubernetes,
		[FERRY_LIST_DEFINITION] = list_add_definition,
	};
	size_t before = loading->list->count;
	int rc = readers[format](loading->list, file->content.data,
				 file->content.size, err);

	if (rc)
		return error_wrap(err, "%s", file->shown);
	if (loading->list->count == before)
		return error_set(err, FERRY_E_USAGE, "%s names no image",
				 file->shown);
	return 0;
}

static int
add_file(struct loading *loading, const char *path, struct ferry_error *err)
{
	AUTO(list_file_release)
	struct list_file file = { .path = path,
				  .content = BUFFER(LIST_BYTES_MAX) };
	enum ferry_list_format format = loading->options->format;
	int rc = load(loading, &file, err);

	if (rc)
		return rc;
	if (!file.content.size)
		return error_set(err, FERRY_E_USAGE, "%s names no image",
				 file.shown);
	if (format == FERRY_LIST_ANY &&
	    list_recognise(&format, file.content.data, file.content.size, err))
		return error_wrap(err, "%s", file.shown);
	return format == FERRY_LIST_COMPOSE
		       ? keep_compose(loading, &file, err)
		       : add_content(loading, &file, format, err);
}

int
list_add_files(struct list *list, const char *const *paths, size_t count,
	       const struct ferry_list_options *options,
	       struct ferry_error *err)
{
	AUTO(loading_release)
	struct loading loading = { .list = list, .options = options };
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		rc = add_file(&loading, paths[i], err);
	if (!rc && loading.compose_count)
		rc = list_add_compose(list, loading.compose,
				      loading.compose_count, options, err);
	return rc;
}
