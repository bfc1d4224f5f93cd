#include "target/oci.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "oci/document.h"
#include "target/oci_folder.h"
#include "target/oci_index.h"

struct oci_target {
	struct target target;
	struct ferry_context *context;
	char *path;
	char *words;
	struct oci_folder folder;
	struct target_estimate estimate;

	/* Since prepare(). */
	const struct release *release;
	atomic_bool *written; /* per image: not all of it was there before */
};

static int
connect(struct target *base, struct target_facts *out, struct ferry_error *err)
{
	struct oci_target *target = (struct oci_target *)base;
	int rc;

	oci_folder_release(&target->folder);
	rc = oci_folder_look(&target->folder, target->context, target->path,
			     err);
	if (rc)
		return rc;
	*out = (struct target_facts){ .words = target->words,
				      .any_machine = true };
	return 0;
}

/* Below DIR/index.json, whatever failed there. */
static int
wrap_index(const struct oci_target *target, struct ferry_error *err)
{
	return error_wrap(err, "%s/" OCI_FOLDER_INDEX, target->path);
}

static int
load_index(const struct oci_target *target, struct oci_index *out,
	   struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);

	if (oci_folder_load_index(&target->folder, &bytes, err))
		return err->code;
	return oci_index_parse(out, bytes.data, bytes.size, err)
		       ? wrap_index(target, err)
		       : 0;
}

/* Whether all of it seems to be there, by names and sizes. */
static bool
seems_there(const struct oci_target *target, const struct oci_index *index,
	    size_t number)
{
	const struct image *image = &target->release->images[number];

	if (!image->secondary && !oci_index_has(index, image))
		return false;
	for (size_t i = 0; i < image->blob_count; i++)
		if (!oci_folder_has(&target->folder,
				    &target->release->blobs[image->blobs[i]]
					     .descriptor))
			return false;
	return true;
}

/* Documents come from the release, not from the source. */
static uint64_t
bytes_to_send(const struct oci_target *target, const struct blob *blob)
{
	return blob->content || oci_folder_has(&target->folder,
					       &blob->descriptor)
		       ? 0
		       : blob->descriptor.size;
}

static void
plan_image(const struct oci_target *target, size_t image,
	   struct outcome *outcome)
{
	const struct image *what = &target->release->images[image];

	outcome->planned = true;
	for (size_t i = 0; i < what->blob_count; i++)
		outcome->to_send += bytes_to_send(
			target, &target->release->blobs[what->blobs[i]]);
}

static void
tell_present(const struct oci_target *target, const struct oci_index *index,
	     struct outcome *outcomes)
{
	for (size_t i = 0; i < target->release->image_count; i++) {
		plan_image(target, i, &outcomes[i]);
		if (!seems_there(target, index, i))
			continue;
		outcomes[i].state = OUTCOME_PRESENT;
		snprintf(outcomes[i].note, sizeof(outcomes[i].note),
			 "by names and sizes; a load reads all of it");
	}
}

static int
check_room(struct oci_target *target, struct ferry_error *err)
{
	const struct release *release = target->release;
	struct target_estimate *estimate = &target->estimate;
	char needed[TEXT_SIZE_MAX];
	char room[TEXT_SIZE_MAX];

	*estimate = (struct target_estimate){ .planned = true };
	for (size_t i = 0; i < release->blob_count; i++) {
		estimate->send_bytes +=
			bytes_to_send(target, &release->blobs[i]);
		if (!oci_folder_has(&target->folder,
				    &release->blobs[i].descriptor))
			estimate->needed_bytes +=
				release->blobs[i].descriptor.size;
	}
	estimate->free_bytes = oci_folder_room(&target->folder);
	if (!estimate->free_bytes ||
	    estimate->needed_bytes <= estimate->free_bytes)
		return 0;
	return error_set(
		err, FERRY_E_FAILED,
		"%s: %s are to be written there, and %s are free", target->path,
		text_size(needed, sizeof(needed), estimate->needed_bytes),
		text_size(room, sizeof(room), estimate->free_bytes));
}

static int
prepare(struct target *base, const struct release *release,
	struct outcome *outcomes, struct ferry_error *err)
{
	struct oci_target *target = (struct oci_target *)base;
	AUTO(oci_index_release) struct oci_index index = { 0 };
	int rc = load_index(target, &index, err);

	if (rc)
		return rc;
	target->release = release;
	target->written =
		calloc(release->image_count + 1, sizeof(*target->written));
	if (!target->written)
		return error_nomem(err);
	tell_present(target, &index, outcomes);
	return check_room(target, err);
}

static void
estimate(const struct target *base, struct target_estimate *out)
{
	*out = ((const struct oci_target *)base)->estimate;
}

static int
begin(struct target *base, struct ferry_error *err)
{
	return oci_folder_begin(&((struct oci_target *)base)->folder, err);
}

static int
write_blob(struct oci_target *target, unsigned worker, const struct blob *blob,
	   struct source *source, struct ferry_error *err)
{
	AUTO(oci_file_release) struct oci_file file = { .fd = -1 };
	int rc = oci_folder_create(&target->folder, &blob->descriptor, &file,
				   err);

	if (rc)
		return rc;
	if (blob->content)
		rc = sink_write(&file.sink, blob->content->data,
				blob->content->size, err);
	else
		rc = source_fetch(source, worker, target->release, blob,
				  &file.sink, err);
	if (!rc)
		rc = oci_file_commit(&file, err);
	return rc ? error_wrap(err, "blob %s", blob->descriptor.digest.text)
		  : 0;
}

/* A name says nothing of the bytes behind it: those that are there are read. */
static int
put(struct target *base, unsigned worker, size_t number, struct source *source,
    struct ferry_error *err)
{
	struct oci_target *target = (struct oci_target *)base;
	const struct blob *blob = &target->release->blobs[number];
	bool there = false;
	int rc = oci_folder_prove(&target->folder, &blob->descriptor, &there,
				  err);

	if (rc || there)
		return rc;
	for (size_t u = 0; u < blob->uses; u++)
		atomic_store(&target->written[blob->users[u]], true);
	return write_blob(target, worker, blob, source, err);
}

static int
put_names(struct oci_target *target, struct oci_index *index,
	  struct outcome *outcomes, struct ferry_error *err)
{
	for (size_t i = 0; i < target->release->image_count; i++) {
		const struct image *image = &target->release->images[i];
		struct outcome *outcome = &outcomes[i];
		char was[OCI_INDEX_DIGEST];

		*outcome->note = '\0';
		if (image->secondary || outcome->state == OUTCOME_FAILED)
			continue;
		if (!oci_index_has(index, image))
			atomic_store(&target->written[i], true);
		if (oci_index_put(index, image, was, err))
			return wrap_index(target, err);
		if (*was)
			snprintf(outcome->note, sizeof(outcome->note),
				 "it was %s, whose blobs stay", was);
	}
	return 0;
}

/*
 * Read once more, since others may have written it: those that lock it, before
 * begin(), and those that do not, at any time.
 */
static int
replace_index(struct oci_target *target, struct outcome *outcomes,
	      struct ferry_error *err)
{
	AUTO(oci_index_release) struct oci_index index = { 0 };
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	int rc = load_index(target, &index, err);

	if (!rc)
		rc = put_names(target, &index, outcomes, err);
	if (rc || !index.changed)
		return rc;
	if (oci_index_write(&index, &bytes, err))
		return wrap_index(target, err);
	return oci_folder_store_index(&target->folder, &bytes, err);
}

/* The manifest, and what its name stands for, from the disk. */
static int
read_back(const struct oci_target *target, const struct oci_index *index,
	  const struct image *image, struct ferry_error *err)
{
	bool named = image->secondary || oci_index_has(index, image);
	bool right = false;
	int rc = oci_folder_prove(&target->folder, &image->descriptor, &right,
				  err);

	if (!rc && right && image->nested)
		rc = oci_folder_prove(&target->folder,
				      &image->nested->descriptor, &right, err);
	if (!rc && (!named || !right))
		rc = error_set(err, FERRY_E_FAILED,
			       "it was written to %s, but reading it back %s",
			       target->path,
			       right ? "its name is not in " OCI_FOLDER_INDEX
				     : "gives something else");
	return rc;
}

/* Those below one index got there with it, or were there with it. */
static bool
was_written(const struct oci_target *target, size_t image)
{
	const struct nested_index *index =
		target->release->images[image].nested;
	bool any = atomic_load(&target->written[image]);

	for (size_t i = 0; index && i < index->image_count; i++)
		any |= atomic_load(&target->written[index->first_image + i]);
	return any;
}

static int
read_all_back(struct oci_target *target, struct outcome *outcomes,
	      struct ferry_error *err)
{
	AUTO(oci_index_release) struct oci_index index = { 0 };
	int rc = load_index(target, &index, err);

	for (size_t i = 0; !rc && i < target->release->image_count; i++) {
		struct outcome *outcome = &outcomes[i];
		struct ferry_error why;

		if (outcome->state == OUTCOME_FAILED)
			continue;
		rc = context_check(target->context, err);
		if (rc)
			break;
		if (read_back(target, &index, &target->release->images[i],
			      &why)) {
			outcome->state = OUTCOME_FAILED;
			outcome->err = why;
		} else {
			outcome->state = was_written(target, i)
						 ? OUTCOME_DONE
						 : OUTCOME_PRESENT;
		}
		outcome_tell(target->context, target->release, i, outcome);
	}
	return rc;
}

static int
commit(struct target *base, struct source *source, struct outcome *outcomes,
       struct ferry_error *err)
{
	struct oci_target *target = (struct oci_target *)base;
	int rc;

	(void)source; /* put() has had all of it */
	outcomes_join(target->context, target->release, outcomes);
	rc = replace_index(target, outcomes, err);
	return rc ? rc : read_all_back(target, outcomes, err);
}

static void
oci_free(struct target *base)
{
	struct oci_target *target = (struct oci_target *)base;

	oci_folder_release(&target->folder);
	free(target->written);
	free(target->path);
	free(target->words);
	free(target);
}

static const struct target_ops oci_ops = {
	.connect = connect,
	.prepare = prepare,
	.estimate = estimate,
	.begin = begin,
	.put = put,
	.commit = commit,
	.free = oci_free,
};

/* Without slashes behind it: its parent is told from the name. */
static int
copy_path(struct oci_target *target, const char *path, struct ferry_error *err)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return text_format(&target->path, err, "%.*s", (int)length, path);
}

/* ferry would take what is behind a colon for a name, as skopeo does. */
static int
name_folder(struct oci_target *target, const char *path,
	    struct ferry_error *err)
{
	int rc;

	if (strchr(path, ':'))
		return error_set(err, FERRY_E_USAGE,
				 "'oci:%s': a folder's name without a colon; "
				 "images keep their names there",
				 path);
	rc = copy_path(target, path, err);
	return rc ? rc
		  : text_format(&target->words, err, "OCI layout %s",
				target->path);
}

int
target_oci_new(struct target **out, struct ferry_context *context,
	       const char *path, struct ferry_error *err)
{
	struct oci_target *target = calloc(1, sizeof(*target));

	if (!target)
		return error_nomem(err);
	target->target.ops = &oci_ops;
	target->context = context;
	target->folder = (struct oci_folder){ .fd = -1, .blobs = -1 };
	if (name_folder(target, path, err)) {
		oci_free(&target->target);
		return err->code;
	}
	*out = &target->target;
	return 0;
}
