#include "cli/name_map.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/output.h"
#include "cli/output.h"

/* Of as many images as a bundle may hold. */
#define MAP_BYTES_MAX ((size_t)256 << 20)

static int
add_line(struct buffer *map, const struct ferry_load_image *image,
	 struct ferry_error *err)
{
	const char *index = image->index_digest;

	return buffer_format(map, err, "%s\t%s\t%s\t%s\t%s\n", image->name,
			     image->target_name, image->platform, image->digest,
			     index ? index : "-");
}

static int
write_file(const char *path, const struct buffer *map, struct ferry_error *err)
{
	AUTO(output_release) struct output output = { .fd = -1, .journal = -1 };
	int rc = output_open(&output, path, true, err);

	if (!rc)
		rc = file_write_at(output.fd, map->data, map->size, 0, err)
			     ? error_wrap(err, "%s", path)
			     : 0;
	return rc ? rc : output_commit(&output, err);
}

bool
name_map_is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

int
name_map_check(const char *path, struct ferry_error *err)
{
	return !path || name_map_is_stdout(path)
		       ? 0
		       : output_check(path, true, err);
}

int
name_map_write(const char *path, const struct ferry_load_plan *plan,
	       struct ferry_error *err)
{
	AUTO_BUFFER map = BUFFER(MAP_BYTES_MAX);

	for (size_t i = 0; i < plan->image_count; i++)
		if (add_line(&map, &plan->images[i], err))
			return err->code;
	if (!name_map_is_stdout(path))
		return write_file(path, &map, err);
	output_bytes(map.data, map.size);
	return 0;
}
