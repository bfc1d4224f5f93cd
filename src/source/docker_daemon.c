#include "source/docker_daemon.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "engine/export.h"
#include "engine/locate.h"
#include "source/docker_selector.h"
#include "source/forward.h"
#include "source/saved.h"

#define TRANSPORT "docker-daemon:"
#define ELSEWHERE "set DOCKER_HOST or DOCKER_CONTEXT"

struct source_docker {
	struct source source;
	struct ferry_context *context;
	struct engine_endpoint endpoint;
	/* One export at a time is planned with: each may fill the daemon's
	 * disk with a copy. */
	pthread_mutex_t planning;
	struct docker_image *images; /* over this list, too */
	struct forward_room room;    /* for the layers that have to wait */
	pthread_mutex_t asking;	     /* over what follows */
	struct engine engine;
	struct engine_daemon daemon;
	bool known; /* the daemon has been asked who it is */
};

/* An image that was planned with: its blobs' source. */
struct docker_image {
	struct source source;
	struct docker_image *next;
	struct source_docker *docker;
	struct docker_selector selector;
	struct digest id;	     /* by the daemon's word */
	char export[REFERENCE_TEXT]; /* what the daemon is asked for */
	struct opener opener;
	bool opened; /* once at least */
	struct saved saved;
	struct forward forward;
	struct forward_place place;
};

#define container(pointer, type, member)                                       \
	((type *)((char *)(pointer)-offsetof(type, member)))

/* What is asked of the daemon besides exports. */

static int
know(struct source_docker *docker, struct ferry_error *err)
{
	int rc = 0;

	if (!docker->known)
		rc = engine_ask(&docker->engine, &docker->daemon, err);
	if (!rc)
		docker->known = true;
	return rc;
}

static int
refuse_absent(const struct source_docker *docker, struct ferry_error *err)
{
	return error_set(err, FERRY_E_NOT_FOUND,
			 "Docker at %s has no such image",
			 docker->endpoint.name);
}

/* The daemon's description of what the selector means. */
static int
inspect(struct source_docker *docker, const struct docker_selector *selector,
	json_t **out, struct ferry_error *err)
{
	int rc;

	pthread_mutex_lock(&docker->asking);
	rc = know(docker, err);
	if (!rc)
		rc = engine_image(&docker->engine, selector->text, out, err);
	pthread_mutex_unlock(&docker->asking);
	if (!rc && !*out)
		rc = refuse_absent(docker, err);
	return rc;
}

/* Whether what hex digits led to is called by them. */
static bool
is_called(const json_t *described, const struct reference *name)
{
	const json_t *tags = json_object_get(described, "RepoTags");
	char familiar[REFERENCE_TEXT];
	const json_t *tag;
	size_t i;

	reference_familiar(familiar, name);
	json_array_foreach (tags, i, tag) {
		const char *text = json_string_value(tag);

		if (text && strcmp(text, familiar) == 0)
			return true;
	}
	return false;
}

/* Before an export is asked for, which may take long. */
static int
check_platforms(const struct source_docker *docker, const json_t *described,
		const struct platforms *platforms, struct ferry_error *err)
{
	struct platform has;
	const char *os, *architecture, *variant;
	char has_text[PLATFORM_TEXT];
	char wanted_text[PLATFORM_TEXT];
	int rc;

	/* There an image may have several platforms, and this tells one. */
	if (docker->daemon.containerd_store)
		return 0;
	rc = json_get_text(described, "Os", &os, err);
	if (!rc)
		rc = json_get_text(described, "Architecture", &architecture,
				   err);
	if (!rc)
		rc = json_find_text(described, "Variant", &variant, err);
	if (!rc)
		rc = platform_set(&has, os, architecture,
				  variant && *variant ? variant : NULL, err);
	for (size_t i = 0; i < platforms->count && !rc; i++) {
		const struct platform *wanted = &platforms->items[i];

		if (!platform_match(wanted, &has))
			rc = error_set(err, FERRY_E_PLATFORM,
				       "no %s; it has %s",
				       platform_text(wanted_text, wanted),
				       platform_text(has_text, &has));
	}
	return rc;
}

/* Exports. */

struct export_stream {
	struct stream stream;
	struct engine_export *export;
};

static int
next_piece(struct stream *stream, const void **piece, size_t *size,
	   struct ferry_error *err)
{
	return engine_export_next(((struct export_stream *)stream)->export,
				  piece, size, err);
}

static void
close_stream(struct stream *stream)
{
	engine_export_close(((struct export_stream *)stream)->export);
	free(stream);
}

/* An image that was there when it was planned with. */
static int
refuse_gone(const struct source_docker *docker, struct ferry_error *err)
{
	(void)!refuse_absent(docker, err);
	return error_add(err, " any more, since it was planned with");
}

/* What was planned is what is packed, or nothing is. */
static int
check_unchanged(struct docker_image *image, struct ferry_error *err)
{
	AUTO_JSON *described = NULL;
	const char *id;
	int rc = inspect(image->docker, &image->selector, &described, err);

	if (rc == FERRY_E_NOT_FOUND)
		return refuse_gone(image->docker, err);
	if (!rc)
		rc = json_get_text(described, "Id", &id, err);
	if (!rc && strcmp(id, image->id.text) != 0)
		rc = error_set(err, FERRY_E_FAILED,
			       "it has become another image since it was "
			       "planned with: it was %s and is %s; pack again",
			       image->id.text, id);
	return rc;
}

static int
open_export(struct opener *opener, struct stream **out, struct ferry_error *err)
{
	struct docker_image *image =
		container(opener, struct docker_image, opener);
	struct source_docker *docker = image->docker;
	AUTO_FREE struct export_stream *stream = calloc(1, sizeof(*stream));
	int rc = stream ? 0 : error_nomem(err);

	if (!rc && image->opened)
		rc = check_unchanged(image, err);
	if (!rc)
		rc = engine_export_open(&stream->export, docker->context,
					&docker->endpoint, image->export, err);
	if (rc == FERRY_E_NOT_FOUND)
		return image->opened ? refuse_gone(docker, err)
				     : refuse_absent(docker, err);
	if (rc)
		return rc;
	image->opened = true;
	stream->stream.next = next_piece;
	stream->stream.close = close_stream;
	*out = &STEAL(&stream)->stream;
	return 0;
}

/* Blobs. */

static const struct tarball_member *
find_member(struct docker_image *image, const struct digest *digest)
{
	const struct tarball_member *member =
		saved_find_blob(&image->saved, digest);

	return member && member->kind == TARBALL_LINK ? member->target : member;
}

static bool
find_blob(struct forward_place *place, const struct digest *digest,
	  uint64_t *offset)
{
	const struct tarball_member *member = find_member(
		container(place, struct docker_image, place), digest);

	if (member)
		*offset = member->offset;
	return member;
}

static int
read_blob(struct forward_place *place, const struct digest *digest,
	  uint64_t from, struct sink *to, struct ferry_error *err)
{
	struct docker_image *image =
		container(place, struct docker_image, place);

	return tarball_read(image->saved.tarball, find_member(image, digest),
			    from, to, err);
}

static void
let_go(struct forward_place *place)
{
	tarball_rest(
		container(place, struct docker_image, place)->saved.tarball);
}

static int
fetch(struct source *base, unsigned worker, const struct release *release,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	struct docker_image *image = (struct docker_image *)base;

	(void)worker;
	return forward_fetch(&image->forward, release, blob, proof, err)
		       ? error_wrap(err, TRANSPORT "%s", image->selector.text)
		       : 0;
}

static const struct source_ops image_ops = {
	.fetch = fetch,
};

static void
free_image(struct docker_image *image)
{
	if (!image)
		return;
	forward_release(&image->forward);
	saved_release(&image->saved);
	free(image);
}

static struct docker_image *
new_image(struct source_docker *docker, const struct docker_selector *selector)
{
	struct docker_image *image = calloc(1, sizeof(*image));

	if (!image)
		return NULL;
	image->source.ops = &image_ops;
	image->docker = docker;
	image->selector = *selector;
	image->opener.open = open_export;
	image->place = (struct forward_place){ .find = find_blob,
					       .read = read_blob,
					       .rest = let_go };
	forward_init(&image->forward, &image->place, &docker->room);
	return image;
}

/* Resolving. */

/*
 * A name is exported by its name, since an OCI layout says nothing but that of
 * which of its images was meant.
 */
static int
take_description(struct docker_image *image, const json_t *described,
		 struct ferry_error *err)
{
	struct docker_selector *selector = &image->selector;
	const char *id;
	int rc = json_get_text(described, "Id", &id, err);

	if (!rc)
		rc = digest_parse(&image->id, id, err);
	if (rc)
		return error_wrap(err, "Docker describes it");
	if (selector->short_id)
		selector->id = !is_called(described, &selector->name);
	if (selector->id)
		strcpy(image->export, image->id.text);
	else
		reference_familiar(image->export, &selector->name);
	return 0;
}

static int
choose_name(struct reference *out, const struct wanted *wanted,
	    const struct docker_selector *selector, struct ferry_error *err)
{
	if (wanted->name.repository[0])
		*out = wanted->name;
	else if (!selector->id)
		*out = selector->name;
	else
		return error_set(err, FERRY_E_USAGE,
				 "an image ID is no name; say which name it is "
				 "to have, with '=> NAME'");
	return 0;
}

static int
read_export(struct docker_image *image, const struct wanted *wanted,
	    const struct reference *name, const struct platforms *platforms,
	    struct resolved *out, struct ferry_error *err)
{
	struct wanted only = { .origin.transport = TRANSPORT_DOCKER_DAEMON,
			       .name = *name };
	AUTO(resolved_release) struct resolved resolved = { 0 };
	struct reference known;
	struct tarball *tarball;
	int rc = tarball_open_stream(&tarball, &image->opener,
				     image->docker->context, err);

	if (!rc)
		rc = saved_init(&image->saved, tarball, err);
	if (!rc)
		rc = saved_resolve(&image->saved, &only, platforms, &resolved,
				   &known, err);
	if (!rc)
		rc = resolve_check_pin(&wanted->origin, &resolved, err);
	if (rc)
		return rc;
	tarball_rest(image->saved.tarball);
	resolve_name(&resolved, &image->source, name);
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

static int
plan_image(struct docker_image *image, const struct wanted *wanted,
	   const struct platforms *platforms, struct resolved *out,
	   struct ferry_error *err)
{
	AUTO_JSON *described = NULL;
	struct reference name;
	int rc = inspect(image->docker, &image->selector, &described, err);

	if (!rc)
		rc = take_description(image, described, err);
	if (!rc)
		rc = choose_name(&name, wanted, &image->selector, err);
	if (!rc)
		rc = check_platforms(image->docker, described, platforms, err);
	return rc ? rc : read_export(image, wanted, &name, platforms, out, err);
}

static int
resolve(struct source *base, unsigned worker, const struct wanted *wanted,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	struct source_docker *docker = (struct source_docker *)base;
	struct docker_selector selector;
	struct docker_image *image;
	int rc = docker_selector_parse(&selector, wanted->origin.selector, err);

	(void)worker;
	if (rc)
		return rc;
	image = new_image(docker, &selector);
	if (!image)
		return error_nomem(err);
	pthread_mutex_lock(&docker->planning);
	rc = plan_image(image, wanted, platforms, out, err);
	if (rc) {
		free_image(image);
	} else {
		image->next = docker->images;
		docker->images = image;
	}
	pthread_mutex_unlock(&docker->planning);
	return rc;
}

static void
free_source(struct source *base)
{
	struct source_docker *docker = (struct source_docker *)base;

	while (docker->images) {
		struct docker_image *image = docker->images;

		docker->images = image->next;
		free_image(image);
	}
	engine_daemon_release(&docker->daemon);
	engine_release(&docker->engine);
	engine_endpoint_release(&docker->endpoint);
	pthread_mutex_destroy(&docker->planning);
	pthread_mutex_destroy(&docker->asking);
	free(docker);
}

static const struct source_ops ops = {
	.resolve = resolve,
	.free = free_source,
};

int
source_docker_daemon_new(struct source **out, struct ferry_context *context,
			 const struct ferry_docker_options *options,
			 struct ferry_error *err)
{
	struct source_docker *docker = calloc(1, sizeof(*docker));
	int rc;

	if (!docker)
		return error_nomem(err);
	docker->source.ops = &ops;
	docker->context = context;
	atomic_init(&docker->room.left, FORWARD_KEPT_MAX);
	pthread_mutex_init(&docker->planning, NULL);
	pthread_mutex_init(&docker->asking, NULL);
	rc = engine_locate(&docker->endpoint, options, err);
	if (!rc)
		rc = engine_init(&docker->engine, context, &docker->endpoint,
				 ELSEWHERE, err);
	if (rc)
		free_source(&docker->source);
	else
		*out = &docker->source;
	return rc;
}
