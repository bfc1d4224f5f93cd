/*
 * Lists of images: what people have, made into what is wanted.
 */
#ifndef LIST_LIST_H
#define LIST_LIST_H

#include "base/context.h"
#include "ferry/list.h"
#include "list/origin.h"
#include "oci/platform.h"

#define LIST_BYTES_MAX ((size_t)16 << 20) /* of one file */
#define LIST_IMAGES_MAX 100000		  /* as many as a bundle may hold */

/* One image asked for. */
struct wanted {
	struct origin origin;
	/* What to carry it as; repository "": as its origin calls it. */
	struct reference name;
	/* Its digest stands beside its name, not in it: nobody asks by that. */
	bool pin_beside;
	/* Empty: those of its list. */
	struct platforms platforms;
	size_t position; /* among those listed; list_take() sets it */
};

void wanted_release(struct wanted *wanted);

/*
 * The name that it will be carried under, if that is known by now: given, or
 * the reference in a registry.  NULL: the source has to tell.
 */
const struct reference *wanted_name(const struct wanted *wanted);

struct list {
	struct wanted *items;
	size_t count;
	size_t room;
	/*
	 * Of images that say nothing of platforms.  Whether the command has
	 * asked for these: then they count more than what a definition says
	 * for all its images.  Both are set before anything is added.
	 */
	struct platforms platforms;
	bool platforms_asked;
	/* Told of what looks like a slip and is none for sure; NULL: nobody. */
	struct ferry_context *context;
	/* Of the definition, if the list comes from one only; or NULL. */
	char *name;
	char *version;
	unsigned definitions;
};

/* What a browser takes and no registry is named by: FERRY_E_USAGE. */
int list_refuse_url(const char *text, struct ferry_error *err) MUST_CHECK;

/*
 * A reference as people write it: skopeo's "docker://" before it is fine.
 * FERRY_E_USAGE when it is none.
 */
int list_parse_reference(struct reference *out, const char *text,
			 struct ferry_error *err) MUST_CHECK;

/*
 * What an image is to be carried as: a reference without a digest, which
 * nobody could promise.
 */
int list_parse_name(struct reference *out, const char *text,
		    struct ferry_error *err) MUST_CHECK;

/* Adds an item, which is taken over, on failure too: FERRY_E_USAGE. */
int list_take(struct list *list, struct wanted *take_wanted,
	      struct ferry_error *err) MUST_CHECK;

/*
 * Adds one image as it stands on a command line or a line of a text list
 * (docs/lists.md): IMAGE [PLATFORM[,PLATFORM...]] [=> NAME].  FERRY_E_USAGE
 * with the text.
 */
int list_add(struct list *list, const char *text, struct ferry_error *err)
	MUST_CHECK;

/*
 * Adds what files list, "-" being standard input; each has to name an image.
 * Compose files among them are one project, in the order given.
 */
int list_add_files(struct list *list, const char *const *paths, size_t count,
		   const struct ferry_list_options *options,
		   struct ferry_error *err) MUST_CHECK;

/* Exchanges the items, and nothing else. */
void list_swap_items(struct list *list, struct list *other);

/*
 * Sorts by name, drops what is there twice and joins the platforms that one
 * image is asked for with, in the order they were listed; "all" takes in all
 * others.  An item without platforms gets the list's.  Items whose names are
 * not known yet stay, behind.  One name for two origins, or with two different
 * digests, or with and without one, is FERRY_E_USAGE.
 */
int list_settle(struct list *list, struct ferry_error *err) MUST_CHECK;

void list_release(struct list *list);

#endif
