#include "bundle/verify.h"

#include <string.h>

#include "base/file.h"
#include "base/parallel.h"
#include "bundle/derived.h"
#include "bundle/findings.h"
#include "bundle/member.h"
#include "codec/seek_table.h"

struct check {
	struct bundle *bundle;
	struct ferry_context *context;
	struct release release; /* of the images that could be read */
	bool whole;		/* that is all of them */
	struct seek_table table;
	struct findings findings;
};

/* The blob of the release with this digest, or NULL. */
static const struct blob *
find_blob(const struct release *release, const struct digest *digest)
{
	for (size_t i = 0; i < release->blob_count; i++)
		if (digest_equal(&release->blobs[i].descriptor.digest, digest))
			return &release->blobs[i];
	return NULL;
}

/* Whose a damage is, in the words of a person. */
struct owner {
	const char *image; /* NULL: nobody's */
	size_t image_count;
	char name[REFERENCE_TEXT];
};

static void
name_owner(struct owner *owner, const struct release *release,
	   const struct digest *digest)
{
	const struct blob *blob = find_blob(release, digest);

	if (!blob)
		return;
	owner->image_count = blob->uses;
	owner->image = reference_familiar(
		owner->name, &release->images[blob->image].reference);
}

static int
add_damage(struct check *check, const char *image, const struct digest *digest,
	   const char *what, struct ferry_error *err)
{
	struct owner owner = { .image = image, .image_count = image ? 1 : 0 };

	if (digest && !image)
		name_owner(&owner, &check->release, digest);
	return findings_add(&check->findings, owner.image, owner.image_count,
			    digest ? digest->text : NULL, what, err);
}

/* A damage is a finding; anything else ends the verification. */
static int
note(struct check *check, int rc, const char *image,
     const struct digest *digest, struct ferry_error *err)
{
	struct ferry_error found = *err;

	if (rc != FERRY_E_DAMAGED)
		return rc;
	return add_damage(check, image, digest, found.message, err);
}

static int
note_text(struct check *check, const struct digest *digest, const char *what,
	  struct ferry_error *err)
{
	return add_damage(check, NULL, digest, what, err);
}

/* The image by the same name as where a blob of it is damaged. */
static int
note_image(struct check *check, int rc, size_t image, struct ferry_error *err)
{
	const char *stated = check->bundle->statement.images[image].name;
	struct reference reference;
	struct ferry_error ignored;
	char name[REFERENCE_TEXT];

	if (reference_parse(&reference, stated, &ignored))
		return note(check, rc, stated, NULL, err);
	return note(check, rc, reference_familiar(name, &reference), NULL, err);
}

/* Images may be good one by one and contradict each other. */
static int
make_release(struct check *check, struct resolved *take_images, size_t count,
	     struct ferry_error *err)
{
	int rc = release_init(&check->release, take_images, count, err);

	if (rc != FERRY_E_FAILED)
		return rc;
	check->whole = false;
	return note(check, FERRY_E_DAMAGED, NULL, NULL, err);
}

static int
read_name(struct check *check, size_t first, struct resolved *out,
	  struct ferry_error *err)
{
	int rc = context_check(check->context, err);

	return rc ? rc : bundle_read_name(check->bundle, first, out, err);
}

/* Reads all images that can be read, and makes a release of them. */
static int
read_images(struct check *check, struct ferry_error *err)
{
	const struct statement *statement = &check->bundle->statement;
	size_t count = statement->image_count;
	AUTO_FREE struct resolved *images = calloc(count, sizeof(*images));
	size_t good = 0;
	int rc = images ? 0 : error_nomem(err);

	check->whole = true;
	for (size_t i = 0; i < count && !rc; i += statement_run(statement, i)) {
		rc = read_name(check, i, &images[good], err);
		if (!rc) {
			good++;
			continue;
		}
		check->whole = false;
		rc = note_image(check, rc, i, err);
	}
	if (!rc)
		return make_release(check, images, good, err);
	for (size_t i = 0; i < good; i++)
		resolved_release(&images[i]);
	return rc;
}

/* Says of each blob that is missing or too many. */
static int
compare_blobs(struct check *check, struct ferry_error *err)
{
	const struct blob_table *table = &check->bundle->table;
	const struct release *release = &check->release;
	AUTO_FREE bool *needed = NULL;
	int rc = 0;

	if (derived_lists_blobs(table, release))
		return 0;
	needed = calloc(table->count, sizeof(*needed));
	if (!needed)
		return error_nomem(err);
	for (size_t i = 0; i < release->blob_count && !rc; i++) {
		const struct digest *digest =
			&release->blobs[i].descriptor.digest;
		ssize_t number = blob_table_find(&check->bundle->table, digest);

		if (number >= 0)
			needed[number] = true;
		else
			rc = note_text(check, digest, "is missing", err);
	}
	for (size_t i = 0; i < table->count && !rc; i++)
		if (!needed[i])
			rc = note_text(check, &table->blobs[i].digest,
				       "no image needs it", err);
	if (!rc && !check->findings.found->damage_count)
		rc = note_text(check, NULL, "the blobs are out of order", err);
	return rc;
}

/* Content that only has to be proved. */
struct progress_sink {
	struct sink sink;
	struct ferry_context *context;
	struct transfer transfer;
};

static int
watch(struct sink *sink, const void *data, size_t size, struct ferry_error *err)
{
	struct progress_sink *progress = (struct progress_sink *)sink;

	(void)data;
	transfer_set(&progress->transfer, progress->transfer.done + size);
	return context_check(progress->context, err);
}

static int
prove_blob(struct check *check, size_t blob, struct frame_listener *listener,
	   struct ferry_error *err)
{
	const struct placed_blob *b = &check->bundle->table.blobs[blob];
	struct progress_sink progress = { .sink = { .write = watch },
					  .context = check->context };
	int rc;

	transfer_start(&progress.transfer, check->context, b->digest.text,
		       b->size);
	rc = bundle_read_blob(check->bundle, blob, &progress.sink, listener,
			      err);
	transfer_end(&progress.transfer);
	return rc ? note(check, rc, NULL, &b->digest, err) : 0;
}

static int
prove_raw_blob(void *data, size_t index, unsigned worker,
	       struct ferry_error *err)
{
	struct check *check = data;

	(void)worker;
	return prove_blob(check, index, NULL, err);
}

/* Before it is unpacked. */
static int
prove_frames(struct check *check, size_t blob, struct ferry_error *err)
{
	const struct bundle *bundle = check->bundle;
	const struct placed_blob *b = &bundle->table.blobs[blob];
	int rc = member_prove_frames(bundle->fd, bundle->first + b->offset,
				     blob_table_packed(&bundle->table, blob),
				     &b->frames, check->context, err);

	if (rc == FERRY_E_DIGEST)
		rc = error_set(err, FERRY_E_DAMAGED,
			       "its frames are not as written");
	return rc ? note(check, rc, NULL, &b->digest, err) : 0;
}

static ssize_t
damaged_blob(const struct bundle *bundle, const struct ferry_damage *damage)
{
	struct digest digest = { 0 };

	memcpy(digest.text, damage->digest, sizeof(digest.text));
	return blob_table_find(&bundle->table, &digest);
}

static int
compare_places(const void *a, const void *b, void *bundle)
{
	ssize_t one = damaged_blob(bundle, a);
	ssize_t two = damaged_blob(bundle, b);

	return (one > two) - (one < two);
}

/* From several threads they come as luck has it. */
static void
sort_damages(struct check *check, size_t first)
{
	struct ferry_verification *found = check->findings.found;

	qsort_r(found->damages + first, found->damage_count - first,
		sizeof(*found->damages), compare_places, check->bundle);
}

static int
prove_blobs(struct check *check, unsigned jobs, struct ferry_error *err)
{
	const struct blob_table *table = &check->bundle->table;
	size_t raw = derived_raw_blobs(table);
	size_t before = check->findings.found->damage_count;
	int rc = parallel_run(raw, jobs, prove_raw_blob, check, err);

	sort_damages(check, before);
	for (size_t i = raw; i < table->count && !rc; i++) {
		if (digest_is_set(&table->blobs[i].frames))
			rc = prove_frames(check, i, err);
		if (!rc)
			rc = prove_blob(check, i, &check->table.listener, err);
	}
	return rc;
}

/* What follows the last blob must be the seek table and nothing else. */
static int
compare_tail(struct check *check, struct ferry_error *err)
{
	const struct bundle *bundle = check->bundle;
	uint64_t offset = bundle->first + bundle->table.end;
	AUTO_BUFFER expected = BUFFER(SEEK_TABLE_BYTES);
	uint8_t found[SEEK_TABLE_BYTES];
	int rc = derived_seek_table(bundle, &check->table, &expected, err);

	if (rc)
		return rc;
	if (bundle->file_bytes - offset != expected.size)
		return note_text(check, NULL,
				 "bytes too many or too few at the end", err);
	rc = file_read_at(bundle->fd, found, expected.size, offset, err);
	if (rc)
		return note(check, rc, NULL, NULL, err);
	if (expected.size && memcmp(found, expected.data, expected.size) != 0)
		return note_text(check, NULL, "the seek table is wrong", err);
	return 0;
}

static int
check_front(struct check *check, struct ferry_error *err)
{
	int rc = derived_check_front(check->bundle, &check->release, err);

	return rc ? note(check, rc, NULL, NULL, err) : 0;
}

static int
check_signatures(struct check *check, struct ferry_error *err)
{
	int rc = derived_check_signatures(check->bundle, err);

	return rc ? note(check, rc, NULL, NULL, err) : 0;
}

static int
run_checks(struct check *check, unsigned jobs, struct ferry_error *err)
{
	int rc = check_signatures(check, err);

	if (!rc)
		rc = read_images(check, err);
	if (!rc && check->whole)
		rc = compare_blobs(check, err);
	if (!rc)
		rc = prove_blobs(check, jobs, err);
	/* The rest only makes sense if all before it does. */
	if (!rc && !check->findings.found->damage_count)
		rc = check_front(check, err);
	if (!rc && !check->findings.found->damage_count)
		rc = compare_tail(check, err);
	return rc;
}

int
bundle_verify(struct bundle *bundle, struct ferry_context *context,
	      unsigned jobs, struct ferry_verification **out,
	      struct ferry_error *err)
{
	struct check check = { .bundle = bundle, .context = context };
	int rc = findings_init(&check.findings, err);

	if (rc)
		return rc;
	seek_table_init(&check.table);
	rc = run_checks(&check, jobs, err);
	release_release(&check.release);
	seek_table_release(&check.table);
	/* Also what had been found when it ended early. */
	*out = findings_take(&check.findings);
	return rc;
}
