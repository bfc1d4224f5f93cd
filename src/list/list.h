/*
 * Lists of images: what people have, made into what is wanted.
 */
#ifndef LIST_LIST_H
#define LIST_LIST_H

#include "ferry/list.h"
#include "list/origin.h"
#include "oci/platform.h"

#define LIST_BYTES_MAX ((size_t)16 << 20) /* of one file */

/* One image asked for. */
struct wanted {
	struct origin origin;
	/* What to carry it as; repository "": as its origin calls it. */
	struct reference name;
	/* Empty: what the command asks for. */
	struct platforms platforms;
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
};

/* What a browser takes and no registry is named by: FERRY_E_USAGE. */
int list_refuse_url(const char *text, struct ferry_error *err) MUST_CHECK;

/*
 * A reference as people write it: skopeo's "docker://" before it is fine.
 * FERRY_E_USAGE when it is none.
 */
int list_parse_reference(struct reference *out, const char *text,
			 struct ferry_error *err) MUST_CHECK;

/* Adds an item, which is taken over, on failure too. */
int list_take(struct list *list, struct wanted *take_wanted,
	      struct ferry_error *err) MUST_CHECK;

/*
 * Adds one image as it stands on a command line or a line of a text list
 * (docs/lists.md): IMAGE [PLATFORM[,PLATFORM...]] [=> NAME].
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

/*
 * Sorts by name, drops what is there twice and joins the platforms that one
 * image is asked for with.  Items whose names are not known yet stay, behind.
 * One name for two origins, or with two different digests, or with and without
 * one, is FERRY_E_USAGE.
 */
int list_settle(struct list *list, struct ferry_error *err) MUST_CHECK;

void list_release(struct list *list);

#endif
