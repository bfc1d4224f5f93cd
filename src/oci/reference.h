/*
 * Image references, [HOST/]REPOSITORY[:TAG][@DIGEST], normalised as Docker
 * does (distribution/reference): "redis:7" is docker.io/library/redis:7.
 */
#ifndef OCI_REFERENCE_H
#define OCI_REFERENCE_H

#include <stdbool.h>

#include "codec/digest.h"

#define REFERENCE_HUB "docker.io"
#define REFERENCE_HUB_OFFICIAL "library/" /* before the Hub's own images */

#define REFERENCE_HOST_MAX 256
#define REFERENCE_REPOSITORY_MAX 256 /* distribution-spec, with its NUL */
#define REFERENCE_TAG_MAX 129
#define REFERENCE_TEXT                                                         \
	(REFERENCE_HOST_MAX + REFERENCE_REPOSITORY_MAX + REFERENCE_TAG_MAX +   \
	 DIGEST_TEXT)

struct reference {
	char host[REFERENCE_HOST_MAX];		   /* "docker.io" */
	char repository[REFERENCE_REPOSITORY_MAX]; /* "library/redis" */
	char tag[REFERENCE_TAG_MAX]; /* "" only where a digest is given */
	struct digest digest;	     /* the pin, if one was given */
};

/*
 * Names no tag and no digest: the tag is "latest".  FERRY_E_USAGE with the
 * text and what is wrong with it.
 */
int reference_parse(struct reference *out, const char *text,
		    struct ferry_error *err) MUST_CHECK;

/* Drops the digest where there is a tag. */
void reference_unpin(struct reference *reference);

/*
 * Whether TEXT is the host in "TEXT/name", with a port or without.  So
 * "registry" is none: as there, it takes a dot, a port or an upper-case letter,
 * or is "localhost".
 */
bool reference_is_host(const char *text);

/* A repository path: "library/redis". */
bool reference_is_repository(const char *text);

bool reference_is_tag(const char *text);

/*
 * In full, "docker.io/library/redis:7"; by digest only where there is no
 * tag.  Returns `out`.
 */
const char *reference_name(char out[REFERENCE_TEXT],
			   const struct reference *reference);

/* As Docker shows it: "redis:7".  Returns `out`. */
const char *reference_familiar(char out[REFERENCE_TEXT],
			       const struct reference *reference);

/* The repository without the "library/" of Docker Hub's own images. */
const char *reference_short_path(const struct reference *reference);

#endif
