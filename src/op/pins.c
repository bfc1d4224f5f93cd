#include "op/pins.h"

#include <stdio.h>

/* What is written beside a name, in a lock, nobody asks by. */
static const struct digest *
written_pin(const struct wanted *wanted)
{
	static const struct digest none;

	return wanted->pin_beside || wanted->name.repository[0]
		       ? &none
		       : origin_pin(&wanted->origin);
}

/* What is carried of what a name stands for. */
static const struct digest *
carried_digest(const struct resolved *resolved)
{
	return resolved->index.bytes.size
		       ? &resolved->index.descriptor.digest
		       : &resolved->images->descriptor.digest;
}

static int
warn_lost(struct warnings *warnings, const char *name,
	  const struct resolved *resolved, struct ferry_error *err)
{
	char platform[PLATFORM_TEXT];

	return warnings_add(
		warnings, err,
		"%s: pinned to an index of which only %s is carried, so that "
		"the other side will have %s instead: let 'ferry map' write "
		"that into Compose files and manifests, or pack with "
		"--platform all",
		name,
		resolved->index.bytes.size
			? "a part"
			: platform_text(platform, &resolved->images->platform),
		carried_digest(resolved)->text);
}

static int
warn_request(struct warnings *warnings, const struct request *request,
	     struct ferry_error *err)
{
	const struct image *image = request->resolved.images;
	const struct digest *pin = written_pin(request->wanted);
	char name[ORIGIN_TEXT];
	int rc = 0;

	origin_text(name, &request->wanted->origin);
	if (digest_is_set(pin) && digest_equal(pin, &image->index_digest) &&
	    !digest_equal(pin, carried_digest(&request->resolved)))
		rc = warn_lost(warnings, name, &request->resolved, err);
	if (!rc && !image->reference.tag[0])
		rc = warnings_add(warnings, err,
				  "%s: it has a digest and no tag, and a "
				  "runtime will know it by its ID alone; give "
				  "it a name with '=> NAME:TAG'",
				  name);
	return rc;
}

int
pins_warn_requests(struct warnings *warnings, const struct requests *requests,
		   struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < requests->list.count && !rc; i++) {
		const struct request *request = &requests->items[i];

		if (!request->refusal.code)
			rc = warn_request(warnings, request, err);
	}
	return rc;
}

int
pins_warn_release(struct warnings *warnings, const struct release *release,
		  struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < release->image_count && !rc; i++) {
		const struct image *image = &release->images[i];
		const struct digest *index = &image->index_digest;
		char name[REFERENCE_TEXT];

		if (image->artifact || image->reference.tag[0] ||
		    image->secondary)
			continue;
		reference_familiar(name, image_source_name(image));
		rc = digest_is_set(index) &&
				     !digest_equal(index,
						   image_name_digest(image))
			     ? warnings_add(
				       warnings, err,
				       "%s: who asks for it by its index, %s, "
				       "will not find that: 'ferry map' writes "
				       "the digest that is there into Compose "
				       "files and manifests",
				       name, index->text)
			     : warnings_add(warnings, err,
					    "%s: it has a digest and no tag; "
					    "--rewrite %s=NAME:TAG gives it a "
					    "name",
					    name, name);
	}
	return rc;
}
