#include "list/compose_path.h"

#include <string.h>

#include "base/text.h"

/* Whether the last of `out` is a name that ".." takes away again. */
static bool
ends_in_name(const char *out, size_t size)
{
	const char *last = memrchr(out, '/', size);

	last = last ? last + 1 : out;
	size -= (size_t)(last - out);
	return size && !(size == 2 && memcmp(last, "..", 2) == 0);
}

static size_t
without_last(const char *out, size_t size)
{
	const char *slash = memrchr(out, '/', size);

	if (!slash)
		return 0;
	return slash == out ? 1 : (size_t)(slash - out);
}

static size_t
append_name(char *out, size_t size, const char *name, size_t length)
{
	bool is_root = size == 1 && out[0] == '/';

	if (!length || (length == 1 && *name == '.'))
		return size;
	if (length == 2 && memcmp(name, "..", 2) == 0) {
		if (is_root || ends_in_name(out, size))
			return is_root ? size : without_last(out, size);
	}
	if (size && !is_root)
		out[size++] = '/';
	memcpy(out + size, name, length);
	return size + length;
}

int
compose_path_clean(char **out, const char *path, struct ferry_error *err)
{
	AUTO_FREE char *clean = malloc(strlen(path) + sizeof("."));
	size_t size = 0;

	if (!clean)
		return error_nomem(err);
	if (*path == '/')
		clean[size++] = '/';
	while (*path) {
		size_t length = strcspn(path, "/");

		size = append_name(clean, size, path, length);
		path += length;
		path += strspn(path, "/");
	}
	if (!size)
		clean[size++] = '.';
	clean[size] = '\0';
	*out = STEAL(&clean);
	return 0;
}

int
compose_path_folder(char **out, const char *path, struct ferry_error *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return text_copy(out, ".", err);
	return text_format(out, err, "%.*s",
			   slash == path ? 1 : (int)(slash - path), path);
}

int
compose_path_join(char **out, const char *folder, const char *path,
		  struct ferry_error *err)
{
	AUTO_FREE char *joined = NULL;

	if (!*path)
		return error_set(err, FERRY_E_USAGE, "an empty path");
	if (strstr(path, "://") || text_starts(path, "git@"))
		return error_set(err, FERRY_E_USAGE,
				 "%s: only files are read; fetch it first",
				 path);
	if (*path == '/')
		return error_set(err, FERRY_E_USAGE,
				 "%s: only paths relative to the file are "
				 "followed",
				 path);
	if (text_format(&joined, err, "%s/%s", folder, path))
		return err->code;
	if (compose_path_clean(out, joined, err))
		return err->code;
	if (strcmp(*out, "-"))
		return 0;
	/* A file of that name, and not standard input. */
	free(*out);
	return text_copy(out, "./-", err);
}
