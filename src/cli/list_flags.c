#include "cli/list_flags.h"

#include <string.h>

#include "cli/environment.h"

static const char *const kinds[] = {
	[FERRY_LIST_TEXT] = "text",
	[FERRY_LIST_COMPOSE] = "compose",
	[FERRY_LIST_KUBERNETES] = "kubernetes",
	[FERRY_LIST_DEFINITION] = "definition",
};

static int
read_kind(enum ferry_list_format *out, const char *name,
	  struct ferry_error *err)
{
	for (size_t i = FERRY_LIST_TEXT; name && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i], name) == 0) {
			*out = (enum ferry_list_format)i;
			return 0;
		}
	}
	*out = FERRY_LIST_ANY;
	return name ? error_set(err, FERRY_E_USAGE,
				"--list-format %s: it is text, compose, "
				"kubernetes or definition",
				name)
		    : 0;
}

const char *
list_flags_kind(enum ferry_list_format format)
{
	return kinds[format];
}

int
list_flags_options(struct ferry_list_options *out,
		   const struct list_values *values, struct ferry_error *err)
{
	enum ferry_list_format format;
	int rc = read_kind(&format, values->format, err);

	if (rc)
		return rc;
	*out = (struct ferry_list_options){
		.format = format,
		.env_files = values->env_files.items,
		.env_file_count = values->env_files.count,
		.profiles = values->profiles.items,
		.profile_count = values->profiles.count,
		.environment = environment_all(),
	};
	return 0;
}

int
list_flags_platforms(const struct text_list *platforms, struct ferry_error *err)
{
	for (size_t i = 0; i < platforms->count; i++)
		if (strchr(platforms->items[i], ','))
			return error_set(err, FERRY_E_USAGE,
					 "--platform %s: one platform each "
					 "time; repeat --platform for the "
					 "others",
					 platforms->items[i]);
	return 0;
}
