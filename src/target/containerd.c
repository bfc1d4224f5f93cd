#include "target/containerd.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "target/ctr.h"
#include "target/oci_stream.h"

struct containerd {
	struct target target;
	struct ferry_context *context;
	struct containerd_place place;
	uint64_t patience;
	struct ctr ctr;
	char *words;

	/* Since prepare(). */
	const struct release *release;
	bool *send; /* image by image: not all of it was there */
	bool *have; /* blob by blob: it was there */
	struct target_estimate estimate;
};

static int
connect(struct target *base, struct target_facts *out, struct ferry_error *err)
{
	struct containerd *target = (struct containerd *)base;
	int rc = ctr_open(&target->ctr, target->context, &target->place,
			  target->patience, err);

	if (rc)
		return rc;
	free(STEAL(&target->words));
	rc = text_format(&target->words, err,
			 "containerd%s%s at %s, namespace %s",
			 *target->ctr.version ? " " : "", target->ctr.version,
			 target->place.address, target->place.space);
	if (rc)
		return rc;
	*out = (struct target_facts){ .words = target->words };
	return 0;
}

/* What its name stands for there: the index above it, if that is carried. */
static const struct digest *
named_digest(const struct image *image)
{
	return image->nested ? &image->nested->descriptor.digest
			     : &image->descriptor.digest;
}

static const struct ctr_image *
find(const struct ctr_listing *listing, const struct image *image)
{
	char name[REFERENCE_TEXT];

	return ctr_listing_find(listing,
				reference_name(name, &image->reference));
}

/* The first of its blobs that is not there, or NULL. */
static const struct digest *
missing_blob(const struct containerd *target, const struct ctr_listing *listing,
	     const struct image *image)
{
	const struct blob *blobs = target->release->blobs;

	for (size_t i = 0; i < image->blob_count; i++) {
		const struct digest *digest =
			&blobs[image->blobs[i]].descriptor.digest;

		if (!ctr_listing_has(listing, digest))
			return digest;
	}
	return NULL;
}

/* Fails with what is wrong with the image as it is there. */
static int
check_image(const struct containerd *target, const struct ctr_listing *listing,
	    const struct image *image, struct ferry_error *err)
{
	const struct ctr_image *found = find(listing, image);
	const struct digest *lacking;

	if (!found)
		return error_set(err, FERRY_E_FAILED,
				 "containerd does not show it");
	if (!digest_equal(&found->digest, named_digest(image)))
		return error_set(err, FERRY_E_FAILED,
				 "its name stands for %s in containerd, not "
				 "for %s",
				 found->digest.text, named_digest(image)->text);
	lacking = missing_blob(target, listing, image);
	if (lacking)
		return error_set(err, FERRY_E_FAILED,
				 "containerd lacks blob %s of it",
				 lacking->text);
	if (!found->unpacked)
		return error_set(err, FERRY_E_FAILED,
				 "containerd has it, but has not unpacked it");
	return 0;
}

/* What is below one index is sent with it, or not at all. */
static void
join_names(struct containerd *target)
{
	for (size_t i = 0; i < target->release->index_count; i++) {
		const struct nested_index *index = &target->release->indexes[i];
		bool *send = target->send + index->first_image;
		bool any = false;

		for (size_t n = 0; n < index->image_count; n++)
			any = any || send[n];
		for (size_t n = 0; n < index->image_count; n++)
			send[n] = any;
	}
}

static void
look_at_image(struct containerd *target, const struct ctr_listing *listing,
	      size_t number, struct outcome *outcome)
{
	const struct image *image = &target->release->images[number];
	const struct ctr_image *found = find(listing, image);
	struct ferry_error ignored;

	target->send[number] =
		check_image(target, listing, image, &ignored) != 0;
	if (found && !digest_equal(&found->digest, named_digest(image)))
		snprintf(outcome->note, sizeof(outcome->note), "it was %s",
			 found->digest.text);
}

static void
look_at_blobs(struct containerd *target, const struct ctr_listing *listing)
{
	for (size_t i = 0; i < target->release->blob_count; i++)
		target->have[i] =
			listing->blobs_known &&
			ctr_listing_has(
				listing,
				&target->release->blobs[i].descriptor.digest);
}

static int
make_stream(const struct containerd *target, struct archive_stream *out,
	    struct ferry_error *err)
{
	const struct oci_stream_options options = {
		.send = target->send,
		.have = target->have,
	};

	return oci_stream_init(out, target->release, &options, err);
}

static int
set_estimate(struct containerd *target, struct outcome *outcomes,
	     struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	int rc = make_stream(target, &stream, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < target->release->image_count; i++) {
		outcomes[i].planned = true;
		outcomes[i].to_send =
			target->send[i] ? archive_stream_part(&stream, i) : 0;
	}
	target->estimate.planned = true;
	target->estimate.send_bytes = archive_stream_blobs(&stream);
	if (stream.document_count)
		target->estimate.needed_bytes =
			archive_stream_size(&stream) +
			archive_stream_unpacked(&stream);
	return 0;
}

static int
prepare(struct target *base, const struct release *release,
	struct outcome *outcomes, struct ferry_error *err)
{
	struct containerd *target = (struct containerd *)base;
	AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
	int rc;

	target->release = release;
	target->send = calloc(release->image_count + 1, sizeof(bool));
	target->have = calloc(release->blob_count + 1, sizeof(bool));
	if (!target->send || !target->have)
		return error_nomem(err);
	rc = ctr_list(&target->ctr, &listing, err);
	if (rc)
		return error_wrap(err, "%s", target->words);
	for (size_t i = 0; i < release->image_count; i++)
		look_at_image(target, &listing, i, &outcomes[i]);
	join_names(target);
	look_at_blobs(target, &listing);
	for (size_t i = 0; i < release->image_count; i++)
		if (!target->send[i])
			outcomes[i].state = OUTCOME_PRESENT;
	return set_estimate(target, outcomes, err);
}

static void
estimate(const struct target *target, struct target_estimate *out)
{
	*out = ((const struct containerd *)target)->estimate;
}

static int
send_images(struct containerd *target, struct source *source, bool *reached,
	    struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	int rc = make_stream(target, &stream, err);

	*reached = false;
	if (rc || !stream.document_count)
		return rc;
	return ctr_import(&target->ctr, &stream, source, reached, err);
}

/*
 * Blobs that nobody referred to may have been collected since they were
 * listed: then all of them are sent, if they can be read again.
 */
static int
send_again(struct containerd *target, struct source *source, bool *reached,
	   struct ferry_error *err)
{
	bool relied = false;

	for (size_t i = 0; i < target->release->blob_count; i++)
		relied = relied || target->have[i];
	if (!*reached || !relied || source->once ||
	    !strstr(err->message, "not found"))
		return err->code;
	memset(target->have, 0, target->release->blob_count * sizeof(bool));
	return send_images(target, source, reached, err);
}

/* Without it, what no container uses may be gone when it is wanted. */
static void
pin(struct containerd *target, const struct ctr_image *found,
    struct outcome *outcome)
{
	struct ferry_error why;

	if (found->pinned ||
	    strcmp(target->place.space, CONTAINERD_KUBERNETES) != 0)
		return;
	if (ctr_pin(&target->ctr, found->name, &why))
		outcome_note(outcome, "not pinned: %s", why.message);
}

/* `failure` (or NULL) is what may have kept the image away. */
static void
read_back(struct containerd *target, const struct ctr_listing *listing,
	  size_t number, struct outcome *outcome,
	  const struct ferry_error *failure)
{
	const struct image *image = &target->release->images[number];

	if (check_image(target, listing, image, &outcome->err) == 0) {
		outcome->state =
			target->send[number] ? OUTCOME_DONE : OUTCOME_PRESENT;
		pin(target, find(listing, image), outcome);
		return;
	}
	outcome->state = OUTCOME_FAILED;
	if (failure)
		error_add(&outcome->err, "; %s", failure->message);
}

static int
settle(struct containerd *target, struct outcome *outcomes,
       const struct ferry_error *failure, struct ferry_error *err)
{
	AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
	int rc = ctr_list(&target->ctr, &listing, err);

	for (size_t i = 0; i < target->release->image_count && !rc; i++) {
		read_back(target, &listing, i, &outcomes[i], failure);
		/* Once is enough: it is the same for all. */
		if (outcomes[i].state == OUTCOME_FAILED)
			failure = NULL;
		outcome_tell(target->context, target->release, i, &outcomes[i]);
		rc = context_check(target->context, err);
	}
	return rc;
}

static int
commit(struct target *base, struct source *source, struct outcome *outcomes,
       struct ferry_error *err)
{
	struct containerd *target = (struct containerd *)base;
	struct ferry_error failure;
	bool reached;
	int rc = send_images(target, source, &reached, &failure);
	int failed;

	if (rc)
		rc = send_again(target, source, &reached, &failure);
	if (rc && (!reached || rc == FERRY_E_INTERRUPTED)) {
		*err = failure;
		return rc;
	}
	failed = settle(target, outcomes, rc ? &failure : NULL, err);
	if (!failed)
		return 0;
	/* Where it cannot even be asked, what came before says more. */
	if (rc && failed != FERRY_E_INTERRUPTED)
		*err = failure;
	return err->code;
}

static void
containerd_free(struct target *base)
{
	struct containerd *target = (struct containerd *)base;

	free(target->words);
	free(target->send);
	free(target->have);
	free(target);
}

static const struct target_ops containerd_ops = {
	.connect = connect,
	.prepare = prepare,
	.estimate = estimate,
	.commit = commit,
	.free = containerd_free,
};

int
target_containerd_new(struct target **out, struct ferry_context *context,
		      const struct containerd_place *place, uint64_t patience,
		      struct ferry_error *err)
{
	struct containerd *target = calloc(1, sizeof(*target));

	if (!target)
		return error_nomem(err);
	target->target.ops = &containerd_ops;
	target->context = context;
	target->place = *place;
	target->patience = patience;
	*out = &target->target;
	return 0;
}
