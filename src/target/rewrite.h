/*
 * Rules that change what images are called on the other side: FROM=TO.
 * docs/names.md says how they are read.
 */
#ifndef TARGET_REWRITE_H
#define TARGET_REWRITE_H

#include "oci/reference.h"

/*
 * One side of a rule.  A reference of which less may be given: host "" (none
 * was written), repository "" (all of the host), tag "" (whatever it is).
 */
struct rewrite_rule {
	char *text; /* as it was given */
	struct reference from;
	struct reference to;
};

/* Zeroed: no rules. */
struct rewrite {
	struct rewrite_rule *rules;
	size_t count;
};

/*
 * FERRY_E_USAGE with the rule, when one is none, or when two are about the
 * same FROM.
 */
int rewrite_init(struct rewrite *out, const char *const *rules, size_t count,
		 struct ferry_error *err) MUST_CHECK;
void rewrite_release(struct rewrite *rewrite);

/*
 * What becomes of `name` by the rule that counts for it, of those that match
 * the one with the longest FROM: it goes to *rule.  NULL: none matches, *out is
 * the name.
 *
 * In a registry that is a repository below PREFIX, and the host is "";
 * elsewhere, where images are kept under whole references, it is one.
 * FERRY_E_USAGE with the rule and the name, where it is neither.
 */
int rewrite_apply(struct reference *out, const struct rewrite *rewrite,
		  bool registry, const struct reference *name,
		  const struct rewrite_rule **rule, struct ferry_error *err)
	MUST_CHECK;

/* Whether only the host is in the way of the rule: a slip, most likely. */
bool rewrite_lacks_host(const struct rewrite_rule *rule,
			const struct reference *name);

#endif
