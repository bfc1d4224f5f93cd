#include "serve/listing.h"

#include "json/json.h"

/* Repositories, or the tags of one. */
static const char *
next_name(const struct shelf *shelf, const char *repository, const char *last)
{
	return repository ? shelf_next_tag(shelf, repository, last)
			  : shelf_next_repository(shelf, last);
}

/* Up to route->n of them; *more is the last of them where others follow. */
static int
collect(const struct shelf *shelf, const struct route *route,
	const char *repository, json_t *names, const char **more,
	struct ferry_error *err)
{
	const char *last = route->last[0] ? route->last : NULL;
	const char *name = NULL;

	for (size_t i = 0; i < route->n; i++) {
		name = next_name(shelf, repository, last);
		if (!name)
			return 0;
		if (json_array_append_new(names, json_string(name)))
			return error_nomem(err);
		last = name;
	}
	if (name && next_name(shelf, repository, last))
		*more = last;
	return 0;
}

/* Names of repositories and tags need no escaping in a query. */
static int
write_link(struct buffer *link, const struct route *route, const char *last,
	   struct ferry_error *err)
{
	bool tags = route->kind == ROUTE_TAGS;

	return buffer_format(link, err,
			     "</v2/%s%s?last=%s&n=%zu>; rel=\"next\"",
			     tags ? route->repository : "_catalog",
			     tags ? "/tags/list" : "", last, route->n);
}

static int
finish(json_t *object, const struct route *route, const char *more,
       struct buffer *body, struct buffer *link, struct ferry_error *err)
{
	int rc = object ? json_write(object, body, err) : error_nomem(err);

	return rc || !more ? rc : write_link(link, route, more, err);
}

int
listing_catalog(const struct shelf *shelf, const struct route *route,
		struct buffer *body, struct buffer *link,
		struct ferry_error *err)
{
	json_t *names = json_array();
	AUTO_JSON *object = json_pack("{s:o}", "repositories", names);
	const char *more = NULL;

	if (object && collect(shelf, route, NULL, names, &more, err))
		return err->code;
	return finish(object, route, more, body, link, err);
}

int
listing_tags(const struct shelf *shelf, const struct route *route,
	     struct buffer *body, struct buffer *link, struct ferry_error *err)
{
	json_t *names = json_array();
	AUTO_JSON *object = json_pack("{s:s, s:o}", "name", route->repository,
				      "tags", names);
	const char *more = NULL;

	if (object &&
	    collect(shelf, route, route->repository, names, &more, err))
		return err->code;
	return finish(object, route, more, body, link, err);
}
