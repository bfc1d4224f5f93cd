#include "op/rename.h"

#include <stdlib.h>

#include "target/names.h"

int
rewrite_warn_unused(const struct rewrite *rewrite, const bool used[],
		    struct warnings *warnings, struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < rewrite->count && !rc; i++)
		if (!used[i])
			rc = warnings_add(warnings, err,
					  "--rewrite %.300s matches no image",
					  rewrite->rules[i].text);
	return rc;
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
		rc = rewrite_warn_unused(rewrite, used, warnings, err);
	/* A registry looks at what is in front, too. */
	return rc || registry ? rc : target_names_check(NULL, release, err);
}
