/*
 * Of each name in a release, the one image that a machine runs.
 */
#ifndef OP_NARROW_H
#define OP_NARROW_H

#include "oci/release.h"

/* How many images from number `first` on have its name. */
size_t release_run(const struct release *release, size_t first);

/* Whether `runs` can run one of these `count` images at least. */
bool narrow_fits(const struct platform *runs, const struct image *images,
		 size_t count);

/*
 * Keeps of the images below an index the one that suits `runs` best, without
 * the index; others stay as they are.  Each index must have one.  With
 * `keep_indexes` the index stays above it where it lists no other image of
 * that architecture: it stands for the same then, whoever chooses.
 */
int narrow_release(struct release *release, const struct platform *runs,
		   bool keep_indexes, struct ferry_error *err) MUST_CHECK;

#endif
