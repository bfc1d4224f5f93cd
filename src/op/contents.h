/*
 * What a bundle (or an archive) holds, opened as a source and read as a
 * release.
 */
#ifndef OP_CONTENTS_H
#define OP_CONTENTS_H

#include "op/cargo.h"

/* Zeroed is empty. */
struct contents {
	struct cargo cargo;
	struct release release;
};

/*
 * All images of a bundle, or those that `only` names, as people write them;
 * each as it is, whatever its platforms.  Images that contradict each other
 * are FERRY_E_DAMAGED.
 */
int contents_open(struct contents *out, const char *path,
		  const char *const *only, size_t only_count,
		  struct ferry_error *err) MUST_CHECK;

/* The same of what has been opened, which is taken over, on failure too. */
int contents_read(struct contents *out, struct cargo *take_cargo,
		  const char *const *only, size_t only_count,
		  struct ferry_error *err) MUST_CHECK;
void contents_release(struct contents *contents);

#endif
