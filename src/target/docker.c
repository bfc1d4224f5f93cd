#include "target/docker.h"

#include <stdio.h>

#include "base/file.h"
#include "base/text.h"
#include "target/docker_archive.h"
#include "target/docker_image.h"
#include "target/docker_load.h"
#include "target/docker_plan.h"
#include "target/oci_stream.h"

#define ELSEWHERE                                                              \
	"--to docker-daemon:SOCKET, or --to HOST[:PORT] for a registry"

/* What the containerd store calls an image without a name. */
#define NAMELESS "moby-dangling@"

struct docker {
	struct target target;
	struct ferry_context *context;
	struct engine_endpoint endpoint;
	struct engine engine;
	struct engine_daemon daemon;
	struct docker_plan plan;
	char *words;
	struct target_estimate estimate;
};

/*
 * With its name, an image would take the place of the one that is called so,
 * which the containerd store then drops: it gets its name afterwards.
 */
static bool
sent_nameless(const struct docker *docker, size_t image)
{
	const struct docker_plan *plan = &docker->plan;

	return plan->store == DOCKER_CONTAINERD &&
	       plan->needs[image] == DOCKER_SEND && plan->before[image].text[0];
}

/* The archive of all that has to be sent and has not failed before. */
static int
make_archive(const struct docker *docker, const struct outcome *outcomes,
	     struct archive_stream *out, struct ferry_error *err)
{
	const struct release *release = docker->plan.release;
	AUTO_FREE bool *send = calloc(release->image_count + 1, sizeof(*send));
	AUTO_FREE bool *nameless =
		calloc(release->image_count + 1, sizeof(*nameless));
	struct oci_stream_options options = { .send = send,
					      .nameless = nameless };

	if (!send || !nameless)
		return error_nomem(err);
	for (size_t i = 0; i < release->image_count; i++) {
		send[i] = docker->plan.needs[i] == DOCKER_SEND &&
			  outcomes[i].state != OUTCOME_FAILED;
		nameless[i] = sent_nameless(docker, i);
	}
	return docker->plan.store == DOCKER_CLASSIC
		       ? docker_archive_init(out, release, send,
					     docker->plan.have, err)
		       : oci_stream_init(out, release, &options, err);
}

/* Podman answers as Docker does, and keeps images in a way of its own. */
static int
refuse_podman(const struct docker *docker, struct ferry_error *err)
{
	const char *socket = docker->endpoint.socket;

	if (!docker->daemon.podman)
		return 0;
	return error_set(
		err, FERRY_E_FAILED,
		"podman answers at %s, and not Docker; --to podman%s%s "
		"loads into it",
		docker->endpoint.name, socket ? ":" : "",
		socket ? socket : ", with CONTAINER_HOST,");
}

static int
connect(struct target *target, struct target_facts *out,
	struct ferry_error *err)
{
	struct docker *docker = (struct docker *)target;
	bool classic;
	int rc;

	engine_daemon_release(&docker->daemon);
	free(STEAL(&docker->words));
	rc = text_format(&docker->words, err, "Docker at %s",
			 docker->endpoint.name);
	if (!rc)
		rc = engine_ask(&docker->engine, &docker->daemon, err);
	if (!rc)
		rc = refuse_podman(docker, err);
	if (rc)
		return rc;
	classic = docker_plan_store(&docker->daemon) == DOCKER_CLASSIC;
	*out = (struct target_facts){
		.words = docker->words,
		.runs = &docker->daemon.platform,
		.machine = "the machine that Docker runs on",
		.one_platform = classic,
		.digests = classic ? "this store does not keep those of a "
				     "registry; what can be relied on is the "
				     "image ID, which the table shows"
				   : NULL,
	};
	return 0;
}

static int
prepare(struct target *target, const struct release *release,
	struct outcome *outcomes, struct ferry_error *err)
{
	struct docker *docker = (struct docker *)target;
	AUTO(archive_stream_release) struct archive_stream archive = { 0 };
	int rc;

	docker_plan_release(&docker->plan);
	rc = docker_plan_init(&docker->plan, &docker->engine, &docker->daemon,
			      release, outcomes, err);
	if (!rc)
		rc = make_archive(docker, outcomes, &archive, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < release->image_count; i++) {
		outcomes[i].planned = true;
		outcomes[i].to_send = docker->plan.needs[i] == DOCKER_SEND
					      ? archive_stream_part(&archive, i)
					      : 0;
	}
	docker->estimate.planned = true;
	docker->estimate.send_bytes = archive_stream_blobs(&archive);
	docker->estimate.needed_bytes =
		archive.document_count
			? archive_stream_size(&archive) +
				  archive_stream_unpacked(&archive)
			: 0;
	docker->estimate.free_bytes = file_free_below(docker->daemon.root);
	return 0;
}

static void
estimate(const struct target *target, struct target_estimate *out)
{
	*out = ((const struct docker *)target)->estimate;
}

static const struct digest *
image_digest(const struct target *target, size_t image)
{
	const struct docker *docker = (const struct docker *)target;
	const struct image *found = &docker->plan.release->images[image];

	/* A row of the table is one platform, below an index too. */
	return docker->plan.store == DOCKER_CLASSIC
		       ? docker_image_id(DOCKER_CLASSIC, found)
		       : &found->descriptor.digest;
}

static int
send_images(struct docker *docker, struct source *source,
	    const struct outcome *outcomes, struct docker_answer *answer,
	    struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream archive = { 0 };
	int rc = make_archive(docker, outcomes, &archive, err);

	if (!rc && !archive.document_count)
		return source_finish(source, err);
	if (rc)
		return rc;
	return docker_load(&docker->engine, &archive, source, answer, err);
}

static void
tell(const struct docker *docker, const struct outcome *outcomes, size_t image)
{
	outcome_tell(docker->context, docker->plan.release, image,
		     &outcomes[image]);
}

/* Those that prepare() found to be impossible. */
static void
tell_failed(const struct docker *docker, const struct outcome *outcomes)
{
	for (size_t i = 0; i < docker->plan.release->image_count; i++)
		if (outcomes[i].state == OUTCOME_FAILED)
			tell(docker, outcomes, i);
}

/* Most of what fails is about one image; then the others go on. */
static int
image_failed(struct outcome *outcome, const struct ferry_error *why,
	     struct ferry_error *err)
{
	if (why->code == FERRY_E_INTERRUPTED || why->code == FERRY_E_NOMEM) {
		*err = *why;
		return why->code;
	}
	outcome->state = OUTCOME_FAILED;
	outcome->err = *why;
	return 0;
}

/* What was said of an image, which Docker may call by any of its names. */
static const json_t *
said_of(const struct docker *docker, const struct image *image,
	const json_t *said)
{
	const char *id = docker_image_id(docker->plan.store, image)->text;
	char name[REFERENCE_TEXT];
	const json_t *found = json_object_get(
		said, reference_familiar(name, &image->reference));

	if (!found)
		found = json_object_get(
			said, reference_name(name, &image->reference));
	if (!found)
		found = json_object_get(said, id);
	snprintf(name, sizeof(name), NAMELESS "%s", id);
	return found ? found : json_object_get(said, name);
}

static bool
wants_name(const struct docker *docker, size_t number,
	   const struct docker_answer *answer)
{
	const struct image *image = &docker->plan.release->images[number];

	return docker->plan.needs[number] == DOCKER_NAME ||
	       (sent_nameless(docker, number) &&
		said_of(docker, image, answer->names) &&
		!said_of(docker, image, answer->broken));
}

static int
name_image(struct docker *docker, const struct image *image,
	   struct outcome *outcome, struct ferry_error *err)
{
	struct ferry_error why;

	if (engine_tag(&docker->engine,
		       docker_image_id(docker->plan.store, image)->text,
		       &image->reference, &why) == 0)
		return 0;
	return image_failed(outcome, &why, err);
}

static int
name_images(struct docker *docker, const struct docker_answer *answer,
	    struct outcome *outcomes, struct ferry_error *err)
{
	const struct release *release = docker->plan.release;
	int rc = 0;

	for (size_t i = 0; !rc && i < release->image_count; i++) {
		rc = context_check(docker->context, err);
		if (rc || !wants_name(docker, i, answer) ||
		    outcomes[i].state == OUTCOME_FAILED)
			continue;
		rc = name_image(docker, &release->images[i], &outcomes[i], err);
		if (!rc && outcomes[i].state == OUTCOME_FAILED)
			tell(docker, outcomes, i);
	}
	return rc;
}

/* Without its name nobody can take it for one that is in place. */
static int
refuse_broken(struct docker *docker, size_t number, const char *why,
	      struct ferry_error *err)
{
	const struct image *image = &docker->plan.release->images[number];
	char name[REFERENCE_TEXT];
	struct ferry_error removal;

	error_set(err, FERRY_E_FAILED,
		  "Docker says: it could not be unpacked: %s", why);
	if (engine_untag(
		    &docker->engine,
		    sent_nameless(docker, number)
			    ? docker_image_id(docker->plan.store, image)->text
			    : docker_image_name(name, docker->plan.store,
						image),
		    &removal))
		error_add(err, " (and it keeps its name: %s)", removal.message);
	return err->code;
}

/* Fails unless Docker shows `image` as it should be. */
static int
check_shown(struct docker *docker, const struct image *image,
	    struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	char name[REFERENCE_TEXT];
	int rc = engine_image(
		&docker->engine,
		docker_image_name(name, docker->plan.store, image), &json, err);

	if (rc)
		return rc;
	if (!json)
		return error_set(err, FERRY_E_FAILED,
				 "Docker does not show it after loading");
	return docker_image_check(json, docker->plan.store, image, err);
}

static int
read_back(struct docker *docker, size_t number,
	  const struct docker_answer *answer, struct outcome *outcome,
	  struct ferry_error *err)
{
	const struct image *image = &docker->plan.release->images[number];
	const struct digest *before = &docker->plan.before[number];
	const json_t *broken = said_of(docker, image, answer->broken);
	struct ferry_error why;

	if (broken ? refuse_broken(docker, number, json_string_value(broken),
				   &why)
		   : check_shown(docker, image, &why))
		return image_failed(outcome, &why, err);
	if (before->text[0])
		snprintf(outcome->note, sizeof(outcome->note),
			 "it was %s before", before->text);
	outcome->state = docker->plan.needs[number] == DOCKER_NOTHING
				 ? OUTCOME_PRESENT
				 : OUTCOME_DONE;
	return 0;
}

/* Docker's words are about the first image that is missing, if about one. */
static void
explain(struct outcome *outcome, const struct ferry_error *failure, bool loaded,
	bool first)
{
	if (loaded)
		error_wrap(&outcome->err,
			   "Docker loaded it, and it could not be read back");
	else if (first)
		outcome->err = *failure;
	else
		error_set(&outcome->err, failure->code,
			  "Docker stopped before it");
}

/*
 * Sets the outcomes by what is there now; `failure` (or NULL) explains what
 * is not.
 */
static int
read_all_back(struct docker *docker, const struct docker_answer *answer,
	      struct outcome *outcomes, const struct ferry_error *failure,
	      struct ferry_error *err)
{
	const struct release *release = docker->plan.release;
	bool first = true;

	for (size_t i = 0; i < release->image_count; i++) {
		struct outcome *outcome = &outcomes[i];
		int rc;

		if (outcome->state == OUTCOME_FAILED)
			continue;
		rc = read_back(docker, i, answer, outcome, err);
		if (rc)
			return rc;
		if (outcome->state == OUTCOME_FAILED && failure) {
			bool loaded = said_of(docker, &release->images[i],
					      answer->names);

			explain(outcome, failure, loaded, first);
			first = first && loaded;
		}
		tell(docker, outcomes, i);
	}
	return 0;
}

/*
 * Docker loads image by image and stops at the first that it does not like:
 * what it says then holds for those only that are not there.
 */
static int
settle(struct docker *docker, const struct docker_answer *answer,
       struct outcome *outcomes, const struct ferry_error *failure,
       struct ferry_error *err)
{
	int rc = name_images(docker, answer, outcomes, err);

	return rc ? rc : read_all_back(docker, answer, outcomes, failure, err);
}

static int
commit(struct target *target, struct source *source, struct outcome *outcomes,
       struct ferry_error *err)
{
	struct docker *docker = (struct docker *)target;
	struct ferry_error failure;
	struct docker_answer answer = { 0 };
	int rc;

	tell_failed(docker, outcomes);
	rc = send_images(docker, source, outcomes, &answer, &failure);
	if (rc && (!answer.reached || rc == FERRY_E_INTERRUPTED))
		*err = failure;
	else
		rc = settle(docker, &answer, outcomes, rc ? &failure : NULL,
			    err);
	docker_answer_release(&answer);
	return rc;
}

static void
docker_free(struct target *target)
{
	struct docker *docker = (struct docker *)target;

	docker_plan_release(&docker->plan);
	engine_daemon_release(&docker->daemon);
	engine_release(&docker->engine);
	engine_endpoint_release(&docker->endpoint);
	free(docker->words);
	free(docker);
}

static const struct target_ops docker_ops = {
	.connect = connect,
	.prepare = prepare,
	.estimate = estimate,
	.digest = image_digest,
	.commit = commit,
	.free = docker_free,
};

int
target_docker_new(struct target **out, struct ferry_context *context,
		  struct engine_endpoint *take_endpoint,
		  struct ferry_error *err)
{
	struct docker *docker = calloc(1, sizeof(*docker));
	int rc;

	if (!docker) {
		engine_endpoint_release(take_endpoint);
		return error_nomem(err);
	}
	docker->target.ops = &docker_ops;
	docker->context = context;
	docker->endpoint = *take_endpoint;
	*take_endpoint = (struct engine_endpoint){ 0 };
	rc = engine_init(&docker->engine, context, &docker->endpoint, ELSEWHERE,
			 err);
	if (rc) {
		docker_free(&docker->target);
		return rc;
	}
	*out = &docker->target;
	return 0;
}
