/*
 * What images come in to be loaded: a bundle, an archive of other makers; a
 * file, or what comes through a pipe.  Which it is, its content says.
 */
#ifndef OP_CARGO_H
#define OP_CARGO_H

#include "ferry/load.h"
#include "list/origin.h"
#include "source/bundle.h"

/* Zeroed is empty. */
struct cargo {
	struct source *source;
	struct bundle *bundle; /* NULL: an archive that others made */
	enum transport transport;
	char *name; /* for messages: the path, or "standard input" */
};

/* A file that must be a bundle. */
int cargo_open_bundle(struct cargo *out, const char *path,
		      struct ferry_error *err) MUST_CHECK;

/*
 * Whatever `path` is: a file, "-" or a FIFO.  Of a pipe, only a bundle can be
 * read as it passes; with `spool`, a folder, all that comes is kept in a file
 * without a name there first, and NULL: in none.  What is neither bundle nor
 * archive is FERRY_E_DAMAGED.  `context` is borrowed until release.
 */
int cargo_open(struct cargo *out, const char *path, const char *spool,
	       struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;
void cargo_release(struct cargo *cargo);

/* What it is, and in words how far its bytes can be proved. */
enum ferry_load_kind cargo_kind(const struct cargo *cargo);
const char *cargo_proof(const struct cargo *cargo);

#endif
