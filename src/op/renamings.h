/*
 * Every image of a bundle under the name that it has on the other side.
 */
#ifndef OP_RENAMINGS_H
#define OP_RENAMINGS_H

#include "bundle/statement.h"
#include "op/warnings.h"
#include "target/rewrite.h"

/* Zeroed is empty. */
struct renamings {
	bool registry; /* what they are named for */
	const struct statement *statement;
	/* One an image of the statement. */
	struct reference *sources;
	struct reference *targets;
};

/*
 * For `to`, which names a registry or something else; `statement` is borrowed.
 * Two images under one name are refused, and a rule that matches nothing is a
 * warning.  FERRY_E_USAGE.
 */
int renamings_init(struct renamings *out, const char *to,
		   const struct rewrite *rewrite,
		   const struct statement *statement, struct warnings *warnings,
		   struct ferry_error *err) MUST_CHECK;
void renamings_release(struct renamings *renamings);

enum renaming_state {
	RENAMING_FOUND,
	RENAMING_SAME,	  /* it is called so there, and here too */
	RENAMING_MISSING, /* the bundle does not hold it */
};

/* What stands for an image there, as a file has to ask for it. */
struct renaming {
	enum renaming_state state;
	char text[REFERENCE_TEXT + DIGEST_TEXT]; /* if it was found */
	/* What to know of it, or what is there instead; "": nothing. */
	char note[512];
};

/*
 * A reference with the digest of an index becomes one with that of the
 * platform's manifest, where the index is not carried; and one without any in
 * a runtime, which has none to ask by.
 */
void renamings_find(const struct renamings *renamings,
		    const struct reference *wanted, struct renaming *out);

#endif
