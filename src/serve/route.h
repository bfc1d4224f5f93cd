/*
 * What a request line asks for: the pull side of the OCI distribution-spec
 * (v1.1, "Endpoints"), and a page for people.  Pure: text in, a struct out.
 */
#ifndef SERVE_ROUTE_H
#define SERVE_ROUTE_H

#include "oci/reference.h"

enum route_kind {
	ROUTE_PAGE,	/* "/" */
	ROUTE_BASE,	/* end-1, "/v2/" */
	ROUTE_CATALOG,	/* "/v2/_catalog" */
	ROUTE_TAGS,	/* end-8, "/v2/NAME/tags/list" */
	ROUTE_MANIFEST, /* end-3, "/v2/NAME/manifests/REFERENCE" */
	ROUTE_BLOB,	/* end-2, "/v2/NAME/blobs/DIGEST" */
	ROUTE_UPLOAD,	/* end-4 and on, "/v2/NAME/blobs/uploads/...": pushes */
	ROUTE_REFERRERS, /* end-12, "/v2/NAME/referrers/DIGEST" */
	ROUTE_BAD_NAME,
	ROUTE_BAD_DIGEST,
	ROUTE_BAD_REFERENCE, /* neither a tag nor a digest */
	ROUTE_BAD_PAGE,	     /* "n" is no number, or "last" is too long */
	ROUTE_NOWHERE,
};

#define ROUTE_PAGE_MAX                                                         \
	1000 /* names in one answer at most, and if not asked                  \
	      */

struct route {
	enum route_kind kind;
	char repository[REFERENCE_REPOSITORY_MAX];
	char reference[REFERENCE_TAG_MAX]; /* a tag or a digest */
	size_t n;
	/* "" is no name, and so the same as none. */
	char last[REFERENCE_REPOSITORY_MAX];
};

/* What stands in the request line, percent-encoded, with its query. */
void route_parse(struct route *out, const char *request_target);

#endif
