/*
 * pack --lock: what a plan saw, as a definition with every digest in it.
 */
#ifndef OP_LOCK_H
#define OP_LOCK_H

#include "base/output.h"
#include "list/list.h"
#include "oci/release.h"

/* Without a path, no file is written. */
struct lock {
	char *path;
	bool force;
	struct list list; /* what was asked for, pinned, all names known */
	struct output output;
};

/*
 * What output_open() would say of `path` is said here; `bundle`, which may be
 * NULL, is what else will be written.
 */
int lock_init(struct lock *lock, const char *path, const char *bundle,
	      bool force, struct ferry_error *err) MUST_CHECK;

/*
 * One image as it was asked for and what it resolved to: pinned to what its
 * source gave for that name, the index if that was one.
 */
int lock_add(struct lock *lock, const struct wanted *wanted,
	     const struct resolved *resolved, struct ferry_error *err)
	MUST_CHECK;

/*
 * Writes the file, but not under its name yet: `lock->list`, which is settled,
 * and the name and version that `list` has.  Then gives it that name.
 */
int lock_write(struct lock *lock, const struct list *list,
	       struct ferry_error *err) MUST_CHECK;
int lock_commit(struct lock *lock, struct ferry_error *err) MUST_CHECK;

/* Without a commit there will be no file; a zeroed lock is fine. */
void lock_release(struct lock *lock);

#endif
