#include "target/podman.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "engine/podman.h"
#include "target/oci_stream.h"
#include "target/podman_image.h"

enum need {
	NEED_NOTHING, /* it is there under its name */
	NEED_NAME,    /* it is there, but not called so */
	NEED_SEND,
	/* It is there under its name, but not by its digest. */
	NEED_NOT_EVEN_DIGEST,
};

struct podman_target {
	struct target target;
	struct ferry_context *context;
	const struct ferry_podman_options *options;
	char *address; /* NULL: as the options say */
	struct podman *podman;
	struct podman_info info;
	char *words;
	struct target_estimate estimate;

	/* Since prepare(). */
	const struct release *release;
	enum need *needs; /* image by image */
	bool *have;	  /* blob by blob: a layer that podman has */
};

/* The archive of some names on its way. */
struct archive {
	struct podman_content content;
	const struct archive_stream *stream;
	struct source *source;
};

static int
connect(struct target *base, struct target_facts *out, struct ferry_error *err)
{
	struct podman_target *target = (struct podman_target *)base;
	int rc;

	podman_info_release(&target->info);
	podman_close(STEAL(&target->podman));
	free(STEAL(&target->words));
	rc = podman_find(&target->podman, &target->info, target->context,
			 target->options, target->address, err);
	if (!rc)
		rc = text_format(&target->words, err, "podman %s%s%s",
				 target->info.version,
				 target->info.rootless ? ", rootless," : "",
				 target->podman->words + strlen("podman"));
	if (rc)
		return rc;
	*out = (struct target_facts){
		.words = target->words,
		.runs = &target->info.platform,
		.machine = "the machine that podman runs on",
		.one_platform = true,
		.keeps_index = true,
		.digests = "podman keeps the manifests', except where a "
			   "note says otherwise; its image ID is the digest "
			   "of the config",
	};
	return 0;
}

/* What of its blobs need not be sent again: podman never opens them. */
static void
mark_layers(struct podman_target *target, const struct image *image)
{
	for (size_t i = 0; i < image->blob_count; i++)
		if (!target->release->blobs[image->blobs[i]].content)
			target->have[image->blobs[i]] = true;
}

static int
find_by_id(struct podman_target *target, const struct image *image,
	   enum need *need, struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	struct ferry_error ignored;
	int rc = podman_image(target->podman,
			      digest_hex(&image->manifest.config.digest), &json,
			      err);

	if (!rc && json && *image->reference.tag &&
	    podman_image_check(json, image, true, &ignored) == 0)
		*need = NEED_NAME;
	return rc;
}

static int
find_need(struct podman_target *target, size_t number, struct outcome *outcome,
	  struct ferry_error *err)
{
	const struct image *image = &target->release->images[number];
	enum need *need = &target->needs[number];
	AUTO_JSON *json = NULL;
	char name[REFERENCE_TEXT];
	char was[PODMAN_IMAGE_DIGEST];
	struct ferry_error ignored;
	int rc = podman_image(target->podman,
			      reference_name(name, &image->reference), &json,
			      err);

	*need = NEED_SEND;
	if (rc)
		return error_wrap(err, "%s", name);
	if (json && podman_image_check(json, image, true, &ignored) == 0) {
		*need = NEED_NOTHING;
		outcome->state = OUTCOME_PRESENT;
	} else {
		rc = find_by_id(target, image, need, err);
	}
	/* The same image by another digest is no other image. */
	if (json && podman_image_check(json, image, false, &ignored)) {
		podman_image_digest(was, json);
		snprintf(outcome->note, sizeof(outcome->note),
			 "it was %s, which stays without the name",
			 *was ? was : "another image");
	}
	if (!rc && *need != NEED_SEND)
		mark_layers(target, image);
	return rc ? error_wrap(err, "%s", name) : 0;
}

/* Of the names for which send[] holds. */
static int
make_archive(const struct podman_target *target, const bool *send, bool whole,
	     bool several, struct archive_stream *out, struct ferry_error *err)
{
	struct oci_stream_options options = {
		.send = send,
		.have = whole ? NULL : target->have,
		.docker_archive = several,
	};

	return oci_stream_init(out, target->release, &options, err);
}

/* What podman makes of the request before it unpacks it. */
static void
tell_temporary(const struct podman_target *target, uint64_t largest)
{
	const char *folder = target->info.temporary;
	uint64_t room = file_free_below(folder);
	char needed[TEXT_SIZE_MAX];
	char there[TEXT_SIZE_MAX];

	if (!largest)
		return;
	text_size(needed, sizeof(needed), 2 * largest);
	text_size(there, sizeof(there), room);
	context_notice(target->context,
		       "podman keeps two copies of an image in %s while it "
		       "loads it: up to %s%s%s%s",
		       folder ? folder : "its temporary folder", needed,
		       room ? ", and " : "", room ? there : "",
		       room ? " are free there" : "");
}

/* Of the archives that will be sent, one a name, the size of the largest. */
static int
find_largest(const struct podman_target *target, uint64_t *out,
	     struct ferry_error *err)
{
	size_t count = target->release->image_count;
	AUTO_FREE bool *send = calloc(count + 1, sizeof(*send));
	int rc = send ? 0 : error_nomem(err);

	*out = 0;
	for (size_t i = 0; !rc && i < count; i++) {
		AUTO(archive_stream_release)
		struct archive_stream stream = { 0 };

		if (target->needs[i] != NEED_SEND)
			continue;
		send[i] = true;
		rc = make_archive(target, send, false, false, &stream, err);
		send[i] = false;
		if (!rc && archive_stream_size(&stream) > *out)
			*out = archive_stream_size(&stream);
	}
	return rc;
}

/*
 * *out has to be released.  `together`: with Docker's part, and with the layers
 * that podman has, since it refuses a part of Docker's that lacks some.
 */
static int
archive_of_all(const struct podman_target *target, bool together,
	       struct archive_stream *out, struct ferry_error *err)
{
	size_t count = target->release->image_count;
	AUTO_FREE bool *send = calloc(count + 1, sizeof(*send));

	if (!send)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++)
		send[i] = target->needs[i] == NEED_SEND;
	return make_archive(target, send, together, together, out, err);
}

static int
plan_all(struct podman_target *target, struct outcome *outcomes,
	 struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream all = { 0 };
	uint64_t largest;
	int rc = archive_of_all(target, false, &all, err);

	if (!rc)
		rc = find_largest(target, &largest, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < target->release->image_count; i++) {
		outcomes[i].planned = true;
		outcomes[i].to_send = target->needs[i] == NEED_SEND
					      ? archive_stream_part(&all, i)
					      : 0;
	}
	target->estimate = (struct target_estimate){
		.planned = true,
		.send_bytes = archive_stream_blobs(&all),
		.needed_bytes = archive_stream_unpacked(&all),
		.free_bytes = file_free_below(target->info.root),
	};
	tell_temporary(target, largest);
	return 0;
}

static int
prepare(struct target *base, const struct release *release,
	struct outcome *outcomes, struct ferry_error *err)
{
	struct podman_target *target = (struct podman_target *)base;
	int rc = 0;

	target->release = release;
	target->needs =
		calloc(release->image_count + 1, sizeof(*target->needs));
	target->have = calloc(release->blob_count + 1, sizeof(*target->have));
	if (!target->needs || !target->have)
		return error_nomem(err);
	for (size_t i = 0; !rc && i < release->image_count; i++) {
		rc = context_check(target->context, err);
		if (!rc)
			rc = find_need(target, i, &outcomes[i], err);
	}
	return rc ? rc : plan_all(target, outcomes, err);
}

static void
estimate(const struct target *base, struct target_estimate *out)
{
	*out = ((const struct podman_target *)base)->estimate;
}

static int
write_archive(struct podman_content *content, struct sink *to,
	      struct ferry_error *err)
{
	struct archive *archive = (struct archive *)content;

	return archive_stream_write(archive->stream, archive->source, to, err);
}

static int
send_archive(struct podman_target *target, struct source *source,
	     struct archive_stream *take_stream, struct ferry_error *err)
{
	AUTO(archive_stream_release)
	struct archive_stream stream = *take_stream;
	struct archive archive = { .content = { .write = write_archive },
				   .stream = &stream,
				   .source = source };

	*take_stream = (struct archive_stream){ 0 };
	if (!stream.document_count)
		return 0;
	archive.content.size = archive_stream_size(&stream);
	return podman_load(target->podman, &archive.content, err);
}

static int
send_one(struct podman_target *target, struct source *source, size_t number,
	 bool whole, struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	AUTO_FREE bool *send =
		calloc(target->release->image_count + 1, sizeof(*send));
	int rc;

	if (!send)
		return error_nomem(err);
	send[number] = true;
	rc = make_archive(target, send, whole, false, &stream, err);
	return rc ? rc : send_archive(target, source, &stream, err);
}

static bool
has_layer_there(const struct podman_target *target, const struct image *image)
{
	for (size_t i = 0; i < image->blob_count; i++)
		if (target->have[image->blobs[i]])
			return true;
	return false;
}

/* A layer that was there may have gone with an image since. */
static int
send_image(struct podman_target *target, struct source *source, size_t number,
	   struct ferry_error *err)
{
	const struct image *image = &target->release->images[number];
	char title[IMAGE_TITLE];
	int rc = send_one(target, source, number, false, err);

	if (rc != FERRY_E_FAILED || target->podman->gone || source->once ||
	    !has_layer_there(target, image))
		return rc;
	context_notice(target->context,
		       "%s: once more with all of its layers: %s",
		       image_title(title, image), err->message);
	return send_one(target, source, number, true, err);
}

/* Fails unless podman shows `image` under its name as it should be. */
static int
check_shown(struct podman_target *target, const struct image *image,
	    bool by_digest, struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	char name[REFERENCE_TEXT];
	int rc = podman_image(target->podman,
			      reference_name(name, &image->reference), &json,
			      err);

	if (rc)
		return rc;
	if (!json)
		return error_set(err, FERRY_E_FAILED,
				 "podman does not show it after loading");
	return podman_image_check(json, image, by_digest, err);
}

static int
bring(struct podman_target *target, struct source *source, size_t number,
      struct ferry_error *err)
{
	const struct image *image = &target->release->images[number];

	switch (target->needs[number]) {
	case NEED_NAME:
		return podman_tag(target->podman,
				  digest_hex(&image->manifest.config.digest),
				  &image->reference, err);
	case NEED_SEND:
		return send_image(target, source, number, err);
	case NEED_NOTHING:
	case NEED_NOT_EVEN_DIGEST:
		break;
	}
	return 0;
}

/* What ends all and is not about one image. */
static bool
ends_all(int rc)
{
	return rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM;
}

static int
settle(struct podman_target *target, size_t number, struct outcome *outcome,
       int rc, const struct ferry_error *why, struct ferry_error *err)
{
	if (ends_all(rc)) {
		*err = *why;
		return rc;
	}
	if (rc) {
		outcome->state = OUTCOME_FAILED;
		outcome->err = *why;
		*outcome->note = '\0';
	} else {
		outcome->state =
			target->needs[number] == NEED_SEND ||
					target->needs[number] == NEED_NAME
				? OUTCOME_DONE
				: OUTCOME_PRESENT;
		mark_layers(target, &target->release->images[number]);
	}
	outcome_tell(target->context, target->release, number, outcome);
	return 0;
}

static int
commit_each(struct podman_target *target, struct source *source,
	    struct outcome *outcomes, struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < target->release->image_count; i++) {
		struct ferry_error why;

		rc = context_check(target->context, err);
		if (rc || outcomes[i].state == OUTCOME_FAILED)
			continue;
		if (target->podman->gone)
			rc = error_set(&why, FERRY_E_FAILED,
				       "podman stopped before it");
		else
			rc = bring(target, source, i, &why);
		if (!rc)
			rc = check_shown(target, &target->release->images[i],
					 true, &why);
		rc = settle(target, i, &outcomes[i], rc, &why, err);
	}
	return rc;
}

/* The images as they are after one archive; `failure`: that failed. */
static int
settle_together(struct podman_target *target, struct outcome *outcomes,
		const struct ferry_error *failure, struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < target->release->image_count; i++) {
		const struct image *image = &target->release->images[i];
		bool by_digest = target->needs[i] == NEED_NOTHING ||
				 target->needs[i] == NEED_NAME;
		struct ferry_error why;

		rc = target->needs[i] == NEED_NAME
			     ? bring(target, NULL, i, &why)
			     : 0;
		if (!rc)
			rc = check_shown(target, image, by_digest, &why);
		if (rc && failure)
			why = *failure;
		if (!rc && !by_digest)
			snprintf(outcomes[i].note, sizeof(outcomes[i].note),
				 "only its image ID is kept: %s",
				 image->manifest.config.digest.text);
		rc = settle(target, i, &outcomes[i], rc ? (int)why.code : 0,
			    &why, err);
	}
	return rc;
}

/*
 * What can be read once only goes into one archive.  Of several images in one
 * podman reads Docker's part, and makes manifests of its own.
 */
static int
commit_together(struct podman_target *target, struct source *source,
		struct outcome *outcomes, struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	struct ferry_error failure;
	int failed;

	if (archive_of_all(target, true, &stream, err))
		return err->code;
	failed = send_archive(target, source, &stream, &failure);
	if (!ends_all(failed))
		return settle_together(target, outcomes,
				       failed ? &failure : NULL, err);
	*err = failure;
	return failed;
}

/* What came as a part of such an archive before has no digest of ours. */
static void
find_by_name(struct podman_target *target)
{
	struct ferry_error ignored;

	for (size_t i = 0; i < target->release->image_count; i++)
		if (target->needs[i] == NEED_SEND &&
		    check_shown(target, &target->release->images[i], false,
				&ignored) == 0)
			target->needs[i] = NEED_NOT_EVEN_DIGEST;
}

static size_t
count_to_send(const struct podman_target *target)
{
	size_t count = 0;

	for (size_t i = 0; i < target->release->image_count; i++)
		count += target->needs[i] == NEED_SEND;
	return count;
}

static int
commit(struct target *base, struct source *source, struct outcome *outcomes,
       struct ferry_error *err)
{
	struct podman_target *target = (struct podman_target *)base;

	if (!source->once || count_to_send(target) < 2)
		return commit_each(target, source, outcomes, err);
	find_by_name(target);
	return commit_together(target, source, outcomes, err);
}

static void
podman_target_free(struct target *base)
{
	struct podman_target *target = (struct podman_target *)base;

	podman_close(target->podman);
	podman_info_release(&target->info);
	free(target->address);
	free(target->words);
	free(target->needs);
	free(target->have);
	free(target);
}

static const struct target_ops podman_ops = {
	.connect = connect,
	.prepare = prepare,
	.estimate = estimate,
	.commit = commit,
	.free = podman_target_free,
};

int
target_podman_new(struct target **out, struct ferry_context *context,
		  const char *address,
		  const struct ferry_podman_options *options,
		  struct ferry_error *err)
{
	struct podman_target *target = calloc(1, sizeof(*target));

	if (!target)
		return error_nomem(err);
	target->target.ops = &podman_ops;
	target->context = context;
	target->options = options;
	if (address && text_copy(&target->address, address, err)) {
		podman_target_free(&target->target);
		return err->code;
	}
	*out = &target->target;
	return 0;
}
