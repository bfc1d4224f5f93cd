#include "op/contents.h"

#include "base/text.h"
#include "list/list.h"

/* Images may be good one by one and contradict each other. */
static int
make_release(struct contents *contents, struct resolved *take_images,
	     size_t count, struct ferry_error *err)
{
	int rc = release_init(&contents->release, take_images, count, err);

	if (rc == FERRY_E_FAILED)
		rc = err->code = FERRY_E_DAMAGED;
	return rc == FERRY_E_DAMAGED
		       ? error_wrap(err, "%s", contents->bundle->path)
		       : rc;
}

/* As they are, whatever their platforms: what fits is for later. */
static int
read_images(struct contents *contents, const struct list *list,
	    struct ferry_error *err)
{
	static const struct platforms any;
	AUTO_FREE struct resolved *images =
		calloc(list->count, sizeof(*images));
	size_t count = 0;
	int rc = images ? 0 : error_nomem(err);

	while (!rc && count < list->count) {
		rc = contents->source->ops->resolve(contents->source, 0,
						    &list->items[count], &any,
						    &images[count], err);
		if (!rc)
			count++;
	}
	if (!rc)
		return make_release(contents, images, count, err);
	for (size_t i = 0; i < count; i++)
		resolved_release(&images[i]);
	return rc;
}

/* By the name that it has in the bundle, however it is asked for. */
static int
add_one(const struct bundle *bundle, struct list *list, const char *text,
	struct ferry_error *err)
{
	AUTO(wanted_release)
	struct wanted wanted = { .origin.transport = TRANSPORT_BUNDLE };
	const char *name;
	size_t number;
	int rc = list_parse_reference(&wanted.name, text, err);

	if (!rc)
		rc = bundle_find_image(bundle, &wanted.name, &number, err);
	if (rc)
		return rc;
	name = bundle->statement.images[number].name;
	rc = reference_parse(&wanted.name, name, err);
	if (!rc)
		rc = text_copy(&wanted.origin.selector, name, err);
	return rc ? rc : list_take(list, &wanted, err);
}

static int
choose(struct contents *contents, const char *const *only, size_t only_count,
       struct list *list, struct ferry_error *err)
{
	const struct wanted all = { .origin.transport = TRANSPORT_BUNDLE };
	int rc = 0;

	for (size_t i = 0; i < only_count && !rc; i++)
		rc = add_one(contents->bundle, list, only[i], err);
	if (!rc && !only_count)
		rc = contents->source->ops->expand(contents->source, &all, list,
						   err);
	return rc ? rc : list_settle(list, err);
}

static int
open_all(struct contents *contents, const char *path, const char *const *only,
	 size_t only_count, struct ferry_error *err)
{
	AUTO(list_release) struct list list = { 0 };
	int rc = bundle_open(&contents->bundle, path, err);

	if (!rc)
		rc = source_bundle_new(&contents->source, contents->bundle,
				       err);
	if (!rc)
		rc = choose(contents, only, only_count, &list, err);
	return rc ? rc : read_images(contents, &list, err);
}

int
contents_open(struct contents *out, const char *path, const char *const *only,
	      size_t only_count, struct ferry_error *err)
{
	AUTO(contents_release) struct contents contents = { 0 };
	int rc = open_all(&contents, path, only, only_count, err);

	if (rc)
		return rc;
	*out = contents;
	contents = (struct contents){ 0 };
	return 0;
}

void
contents_release(struct contents *contents)
{
	release_release(&contents->release);
	source_free(contents->source);
	bundle_close(contents->bundle);
	*contents = (struct contents){ 0 };
}
