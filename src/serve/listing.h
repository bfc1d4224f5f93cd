/*
 * Lists of names as the distribution-spec answers them, a page at a time.
 */
#ifndef SERVE_LISTING_H
#define SERVE_LISTING_H

#include "serve/shelf.h"
#include "serve/route.h"

/* Room for ROUTE_PAGE_MAX names in JSON. */
#define LISTING_MAX ((size_t)1 << 20)

/*
 * Appends the JSON to *body, and to *link the value of the Link header where
 * more names follow.
 */
int listing_catalog(const struct shelf *shelf, const struct route *route,
		    struct buffer *body, struct buffer *link,
		    struct ferry_error *err) MUST_CHECK;
int listing_tags(const struct shelf *shelf, const struct route *route,
		 struct buffer *body, struct buffer *link,
		 struct ferry_error *err) MUST_CHECK;

#endif
