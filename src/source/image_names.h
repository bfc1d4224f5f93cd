/*
 * What a layout or an archive calls its images, and which of them a selector
 * means.
 */
#ifndef SOURCE_IMAGE_NAMES_H
#define SOURCE_IMAGE_NAMES_H

#include "list/list.h"

/*
 * One name of one image.  Several images may have the same one: those of
 * several platforms, say.  What has neither ':' nor '/' in it is no more than
 * a tag, as OCI's ref.name may be.
 */
struct image_name {
	char *text; /* as it is written there */
	char *key;  /* the same in full */
	size_t image;
	bool alias; /* the image has a better one: this only selects it */
};

struct image_names {
	struct image_name *items;
	size_t count;
	size_t room;
	size_t images; /* how many there are, those without a name included */
};

int image_names_add(struct image_names *names, const char *text, size_t image,
		    bool alias, struct ferry_error *err) MUST_CHECK;
void image_names_release(struct image_names *names);

/* What `expand` of a source does, given its names. */
int image_names_expand(const struct image_names *names,
		       const struct wanted *wanted, struct list *out,
		       struct ferry_error *err) MUST_CHECK;

/* The images that a selector means; zeroed is empty. */
struct image_match {
	size_t *images; /* ascending, each once */
	size_t count;
	const char *full; /* the name that it has there; NULL: no full one */
};

void image_match_release(struct image_match *match);

/*
 * Those called exactly like that, else those whose name is the same reference
 * when both are written in full.  Without a selector: all.  FERRY_E_NOT_FOUND
 * lists what there is.
 */
int image_names_choose(const struct image_names *names, const char *selector,
		       struct image_match *out, struct ferry_error *err)
	MUST_CHECK;

/*
 * What the image is to be carried as: what is wanted, or its own name.
 * FERRY_E_USAGE where it has none in full.
 */
int image_names_reference(const struct image_match *match,
			  const struct wanted *wanted, struct reference *out,
			  struct ferry_error *err) MUST_CHECK;

#endif
