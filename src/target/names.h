/*
 * What an image is called in the registry it is pushed to.
 */
#ifndef TARGET_NAMES_H
#define TARGET_NAMES_H

#include "oci/release.h"

/*
 * HOST[:PORT][/PREFIX], a '/' behind it left aside; FERRY_E_USAGE if it is not
 * that.  Its repository is the prefix, "" if there is none; it has no tag.
 */
int target_parse(struct reference *out, const char *to, struct ferry_error *err)
	MUST_CHECK;

/*
 * The host of `source` is dropped, its path kept, but for the "library/" of
 * Docker Hub; PREFIX goes before: "docker.io/library/redis:7" becomes
 * HOST/PREFIX/redis:7.  One that a rule has made (target/rewrite.h) has
 * neither to lose.
 */
int target_name(struct reference *out, const char *to,
		const struct reference *source, struct ferry_error *err)
	MUST_CHECK;

/*
 * *out holds the name of each image of the release, to be freed.  Two images
 * that would end under one name are refused; FERRY_E_USAGE.
 */
int target_names(struct reference **out, const char *to,
		 const struct release *release, struct ferry_error *err)
	MUST_CHECK;

/* Refuses such images for a target that calls them `names`, one an image;
 * NULL: as the release does. */
int target_names_check(const struct reference *names,
		       const struct release *release, struct ferry_error *err)
	MUST_CHECK;

struct name_pair {
	const struct reference *source;
	const struct reference *target;
	const char *rule; /* that made it so, or NULL */
};

/*
 * Refuses two sources of one target, whatever these are of; sorts the pairs by
 * target.
 */
int names_check(struct name_pair *pairs, size_t count, struct ferry_error *err)
	MUST_CHECK;

#endif
