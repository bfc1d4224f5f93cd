/*
 * Platforms: OS/ARCH[/VARIANT] in Go's names, as OCI image-spec image-index.md
 * ("platform") and config.md use them.
 */
#ifndef OCI_PLATFORM_H
#define OCI_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PLATFORM_WORD 32
#define PLATFORM_TEXT (3 * PLATFORM_WORD)

/* Words of lower-case letters, digits, '.', '_', '-'; variant may be "". */
struct platform {
	char os[PLATFORM_WORD];
	char architecture[PLATFORM_WORD];
	char variant[PLATFORM_WORD];
};

/*
 * What people type: "x86_64" and the like are taken for what they mean.
 * FERRY_E_USAGE with the text.
 */
int platform_parse(struct platform *out, const char *text,
		   struct ferry_error *err) MUST_CHECK;

/* What platform_text() has written: says what that says. */
int platform_parse_exact(struct platform *out, const char *text,
			 struct ferry_error *err) MUST_CHECK;

/*
 * From the three fields of a JSON document; `variant` may be NULL.  Says what
 * the document said, in lower case; platform_match() knows the aliases.
 */
int platform_set(struct platform *out, const char *os, const char *architecture,
		 const char *variant, struct ferry_error *err) MUST_CHECK;

/* "linux/arm64/v8"; returns `out`. */
const char *platform_text(char out[PLATFORM_TEXT],
			  const struct platform *platform);

/*
 * How well `offered` serves `wanted`: 0 not at all, else the higher the
 * better.  No variant means v8 for arm64, v7 for arm and v1 for amd64; a
 * lower variant of the same architecture serves, a higher one does not.
 */
unsigned platform_match(const struct platform *wanted,
			const struct platform *offered);

/* Which platforms of an image are wanted. */
#define PLATFORMS_MAX 8

struct platforms {
	/* In the order asked for, none twice; the first is the primary one. */
	struct platform items[PLATFORMS_MAX];
	size_t count; /* 0, and not `all`: it is not said */
	bool all;     /* whatever there is: the source's index as it is */
};

/*
 * Adds what people type: a platform, or "all", which goes with no other.  What
 * is there already is dropped.  FERRY_E_USAGE.
 */
int platforms_add(struct platforms *platforms, const char *text,
		  struct ferry_error *err) MUST_CHECK;

/* Whether nothing is said. */
bool platforms_empty(const struct platforms *platforms);

#endif
