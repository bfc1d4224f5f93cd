#include "cli/image_hints.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/output.h"

static const char *
next_kind(const void *data, size_t index)
{
	static const char *const kinds[] = { "docker-daemon", "docker-archive",
					     "oci-archive", "bundle" };

	(void)data;
	return index < ARRAY_SIZE(kinds) ? kinds[index] : NULL;
}

/* "docker-archve:app.tar" would be the tag app.tar of docker-archve. */
static const char *
meant_kind(const char *operand)
{
	size_t length = strcspn(operand, ":");
	AUTO_FREE char *kind = strndup(operand, length);
	const char *meant;

	if (!kind || !operand[length])
		return NULL;
	meant = suggest(kind, next_kind, NULL);
	return meant && strcmp(meant, kind) != 0 ? meant : NULL;
}

static bool
is_file(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static void
print_hint(const char *operand)
{
	const char *kind = meant_kind(operand);

	if (is_file(operand))
		output_line(stderr,
			    "%s is a file here: '-f %s' reads it as a list; "
			    "bundle:%s, docker-archive:%s and oci-archive:%s "
			    "stand for the images in it",
			    operand, operand, operand, operand, operand);
	else if (kind)
		output_line(stderr, "%s: did you mean '%s%s'?", operand, kind,
			    strchr(operand, ':'));
	else if (text_starts(operand, "linux/"))
		output_line(stderr,
			    "%s: for a platform, give '--platform %s', or "
			    "'IMAGE %s' as one argument",
			    operand, operand, operand);
}

void
image_hints_print(const struct text_list *operands, const char *told)
{
	for (size_t i = 0; i < operands->count; i++)
		if (strstr(told, operands->items[i]))
			print_hint(operands->items[i]);
}
