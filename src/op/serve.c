/*
 * serve: bundles as a registry.
 */
#include "ferry/serve.h"

#include <stdio.h>
#include <string.h>

#include "op/contents.h"
#include "serve/server.h"

#define NAME_TEXT (REFERENCE_REPOSITORY_MAX + REFERENCE_TAG_MAX + DIGEST_TEXT)

struct ferry_serve {
	struct bundle **bundles;
	size_t bundle_count;
	struct shelf shelf;
	struct server *server;
	struct ferry_serve_image *images;
	char (*names)[NAME_TEXT];
	struct ferry_serve_info info;
};

/* Its documents are read and proved; of these, only where they are is kept. */
static int
add_bundle(struct ferry_serve *serve, const char *path, struct ferry_error *err)
{
	AUTO(contents_release) struct contents contents = { 0 };
	int rc = contents_open(&contents, path, NULL, 0, err);

	if (rc)
		return rc;
	rc = shelf_add(&serve->shelf, contents.cargo.bundle, &contents.release,
		       err);
	serve->bundles[serve->bundle_count++] = STEAL(&contents.cargo.bundle);
	return rc;
}

static void
describe_image(struct ferry_serve *serve, size_t number)
{
	const struct shown_image *shown = &serve->shelf.images[number];
	const struct document *document = &shown->document;
	bool tagged = shown->tag[0] != '\0';

	snprintf(serve->names[number], NAME_TEXT, "%s%s%s", shown->repository,
		 tagged ? ":" : "@",
		 tagged ? shown->tag : document->descriptor.digest.text);
	serve->images[number] = (struct ferry_serve_image){
		.name = serve->names[number],
		.reference = shown->reference,
		.platforms = shown->platforms,
		.media_type = document->descriptor.media_type,
		.digest = document->descriptor.digest.text,
		.bundle = document->bundle->path,
		.size = shown->size,
	};
}

static int
describe(struct ferry_serve *serve, const struct server_options *options,
	 struct ferry_error *err)
{
	size_t count = serve->shelf.image_count;

	serve->images = calloc(count + 1, sizeof(*serve->images));
	serve->names = calloc(count + 1, sizeof(*serve->names));
	if (!serve->images || !serve->names)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++)
		describe_image(serve, i);
	serve->info = (struct ferry_serve_info){
		.url = server_url(serve->server),
		.tls = options->certificate != NULL,
		.local = listen_is_local(&options->address),
		.images = serve->images,
		.image_count = count,
	};
	return 0;
}

static int
settle_options(struct server_options *out,
	       const struct ferry_serve_options *options,
	       struct ferry_error *err)
{
	if (!options->certificate != !options->key)
		return error_set(err, FERRY_E_USAGE,
				 "a certificate needs its key, and a key its "
				 "certificate");
	*out = (struct server_options){
		.certificate = options->certificate,
		.key = options->key,
		.timeout = options->timeout ? options->timeout
					    : FERRY_SERVE_TIMEOUT,
		.connections = options->connections ? options->connections
						    : FERRY_SERVE_CONNECTIONS,
	};
	return listen_parse(
		&out->address,
		options->listen ? options->listen : FERRY_SERVE_LISTEN, err);
}

static int
open_all(struct ferry_serve *serve, struct ferry_context *context,
	 const struct ferry_serve_options *options, struct ferry_error *err)
{
	struct server_options settled;
	int rc = settle_options(&settled, options, err);

	serve->bundles =
		calloc(options->bundle_count + 1, sizeof(struct bundle *));
	if (!rc && !serve->bundles)
		rc = error_nomem(err);
	for (size_t i = 0; i < options->bundle_count && !rc; i++)
		rc = add_bundle(serve, options->bundles[i], err);
	if (!rc)
		rc = shelf_settle(&serve->shelf, err);
	if (!rc)
		rc = server_open(&serve->server, context, &serve->shelf,
				 &settled, err);
	return rc ? rc : describe(serve, &settled, err);
}

int
ferry_serve_open(struct ferry_context *context,
		 const struct ferry_serve_options *options,
		 struct ferry_serve **out, struct ferry_error *err)
{
	struct ferry_serve *serve = calloc(1, sizeof(*serve));
	int rc;

	if (!serve)
		return error_nomem(err);
	rc = open_all(serve, context, options, err);
	if (rc)
		ferry_serve_free(serve);
	else
		*out = serve;
	return rc;
}

const struct ferry_serve_info *
ferry_serve_get_info(const struct ferry_serve *serve)
{
	return &serve->info;
}

int
ferry_serve_run(struct ferry_serve *serve, struct ferry_error *err)
{
	return server_run(serve->server, err);
}

void
ferry_serve_free(struct ferry_serve *serve)
{
	if (!serve)
		return;
	server_close(serve->server);
	shelf_release(&serve->shelf);
	for (size_t i = 0; i < serve->bundle_count; i++)
		bundle_close(serve->bundles[i]);
	free(serve->bundles);
	free(serve->images);
	free(serve->names);
	free(serve);
}
