#include "op/contents.h"

#include <string.h>

#include "base/text.h"
#include "host/host.h"
#include "list/list.h"

static ssize_t
place_in_bundle(const void *data, const struct digest *digest)
{
	return blob_table_find(data, digest);
}

/*
 * Images may be good one by one and contradict each other.  The blobs of some
 * are in the order of all: a pipe has no other.
 */
static int
make_release(struct contents *contents, struct resolved *take_images,
	     size_t count, struct ferry_error *err)
{
	const struct bundle *bundle = contents->cargo.bundle;
	int rc = release_init(&contents->release, take_images, count, err);

	if (rc == FERRY_E_FAILED)
		rc = err->code = FERRY_E_DAMAGED;
	if (rc == FERRY_E_DAMAGED)
		return error_wrap(err, "%s", contents->cargo.name);
	return rc || !bundle
		       ? rc
		       : release_reorder(&contents->release, place_in_bundle,
					 &bundle->table, err);
}

/* Of what others left incomplete, the image for machines like this one. */
static int
resolve_for_host(struct source *source, const struct wanted *item,
		 struct resolved *out, struct ferry_error *err)
{
	struct platforms platforms = { 0 };
	struct ferry_host host;
	int rc = ferry_host_find(&host, err);

	if (!rc)
		rc = platforms_add(&platforms, host.platform, err);
	return rc ? rc
		  : source->ops->resolve(source, 0, item, &platforms, out, err);
}

/* As it is; an index of others may list more than they kept. */
static int
resolve_whole(const struct contents *contents, const struct wanted *item,
	      struct resolved *out, struct ferry_error *err)
{
	static const struct platforms any;
	struct source *source = contents->cargo.source;
	struct ferry_error other;
	int rc = source->ops->resolve(source, 0, item, &any, out, err);

	if (contents->cargo.bundle ||
	    (rc != FERRY_E_FAILED && rc != FERRY_E_NOT_FOUND))
		return rc;
	return resolve_for_host(source, item, out, &other) ? rc : 0;
}

/* As they are, whatever their platforms: what fits is for later. */
static int
read_images(struct contents *contents, const struct list *list,
	    struct ferry_error *err)
{
	AUTO_FREE struct resolved *images =
		calloc(list->count, sizeof(*images));
	size_t count = 0;
	int rc = images ? 0 : error_nomem(err);

	while (!rc && count < list->count) {
		rc = resolve_whole(contents, &list->items[count],
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

/* The archive knows its own names, and says which they are. */
static int
add_selected(struct list *list, enum transport transport, const char *text,
	     struct ferry_error *err)
{
	AUTO(wanted_release)
	struct wanted wanted = { .origin.transport = transport };
	int rc;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].origin.selector, text) == 0)
			return 0;
	rc = text_copy(&wanted.origin.selector, text, err);
	return rc ? rc : list_take(list, &wanted, err);
}

static int
choose(struct contents *contents, const char *const *only, size_t only_count,
       struct list *list, struct ferry_error *err)
{
	const struct cargo *cargo = &contents->cargo;
	const struct wanted all = { .origin.transport = cargo->transport };
	int rc = 0;

	for (size_t i = 0; i < only_count && !rc; i++)
		rc = cargo->bundle ? add_one(cargo->bundle, list, only[i], err)
				   : add_selected(list, cargo->transport,
						  only[i], err);
	if (!rc && !only_count)
		rc = cargo->source->ops->expand(cargo->source, &all, list, err);
	return rc || !cargo->bundle ? rc : list_settle(list, err);
}

/* Elsewhere an image is given a name where it is packed. */
static int
advise(const struct cargo *cargo, int rc, struct ferry_error *err)
{
	if (rc != FERRY_E_USAGE || cargo->bundle)
		return rc;
	return error_add(err,
			 " when you pack it: ferry pack '%s:FILE => NAME' -o "
			 "BUNDLE makes a bundle that can be loaded",
			 transport_name(cargo->transport));
}

int
contents_read(struct contents *out, struct cargo *take_cargo,
	      const char *const *only, size_t only_count,
	      struct ferry_error *err)
{
	AUTO(contents_release)
	struct contents contents = { .cargo = *take_cargo };
	AUTO(list_release) struct list list = { 0 };
	int rc;

	*take_cargo = (struct cargo){ 0 };
	rc = choose(&contents, only, only_count, &list, err);
	if (!rc)
		rc = read_images(&contents, &list, err);
	if (rc)
		return advise(&contents.cargo, rc, err);
	*out = contents;
	contents = (struct contents){ 0 };
	return 0;
}

int
contents_open(struct contents *out, const char *path, const char *const *only,
	      size_t only_count, struct ferry_error *err)
{
	struct cargo cargo = { 0 };
	int rc = cargo_open_bundle(&cargo, path, err);

	return rc ? rc : contents_read(out, &cargo, only, only_count, err);
}

void
contents_release(struct contents *contents)
{
	release_release(&contents->release);
	cargo_release(&contents->cargo);
	*contents = (struct contents){ 0 };
}
