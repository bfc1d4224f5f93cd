#include "op/rename.h"

#include <stdlib.h>

#include "target/names.h"

/* The name that the rule would match with another host; NULL: none. */
static const struct reference *
find_meant(const struct rewrite_rule *rule,
	   const struct reference *(*name)(const void *data, size_t image),
	   const void *data)
{
	const struct reference *found;

	for (size_t i = 0; (found = name(data, i)); i++)
		if (rewrite_lacks_host(rule, found))
			return found;
	return NULL;
}

int
rewrite_warn_unused(const struct rewrite *rewrite, const bool used[],
		    const struct reference *(*name)(const void *data,
						    size_t image),
		    const void *data, struct warnings *warnings,
		    struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < rewrite->count && !rc; i++) {
		const struct rewrite_rule *rule = &rewrite->rules[i];
		const struct reference *meant;

		if (used[i])
			continue;
		meant = find_meant(rule, name, data);
		rc = warnings_add(warnings, err,
				  "--rewrite %.300s matches no image%s%s%s%s",
				  rule->text, meant ? "; did you mean " : "",
				  meant ? meant->host : "", meant ? "/" : "",
				  meant ? rule->from.repository : "");
	}
	return rc;
}

static const struct reference *
name_in_release(const void *data, size_t image)
{
	const struct release *release = data;

	return image < release->image_count
		       ? image_source_name(&release->images[image])
		       : NULL;
}

static int
rename_image(struct image *image, const struct rewrite *rewrite, bool registry,
	     bool used[], struct ferry_error *err)
{
	const struct rewrite_rule *rule;
	struct reference name;
	int rc = rewrite_apply(&name, rewrite, registry, &image->reference,
			       &rule, err);

	if (rc || !rule)
		return rc;
	image->renamed = malloc(sizeof(*image->renamed));
	if (!image->renamed)
		return error_nomem(err);
	*image->renamed = (struct renamed){ .from = image->reference,
					    .rule = rule->text };
	image->reference = name;
	used[rule - rewrite->rules] = true;
	return 0;
}

int
rename_release(struct release *release, const struct rewrite *rewrite,
	       bool registry, struct warnings *warnings,
	       struct ferry_error *err)
{
	AUTO_FREE bool *used = NULL;
	int rc = 0;

	if (!rewrite->count)
		return 0;
	used = calloc(rewrite->count, sizeof(*used));
	if (!used)
		return error_nomem(err);
	for (size_t i = 0; i < release->image_count && !rc; i++)
		rc = rename_image(&release->images[i], rewrite, registry, used,
				  err);
	if (!rc)
		rc = rewrite_warn_unused(rewrite, used, name_in_release,
					 release, warnings, err);
	/* A registry looks at what is in front, too. */
	return rc || registry ? rc : target_names_check(NULL, release, err);
}
