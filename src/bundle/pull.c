#include "bundle/pull.h"

#include "bundle/member.h"

static struct frame_run
run_of(const struct bundle *bundle, size_t blob)
{
	return member_run(bundle->table.blobs[blob].size,
			  blob + 1 == bundle->table.count);
}

/* A member's content begins behind its head. */
static uint64_t
in_run(const struct bundle *bundle, size_t blob, uint64_t at)
{
	return tar_member_head_size(bundle->table.blobs[blob].size) + at;
}

bool
bundle_is_packed(const struct bundle *bundle, size_t blob)
{
	return digest_is_set(&bundle->table.blobs[blob].frames);
}

int
bundle_read_at(const struct bundle *bundle, size_t blob, uint64_t at,
	       void *data, size_t size, struct ferry_error *err)
{
	struct frame_run run = run_of(bundle, blob);

	/* Else it would be its neighbour's bytes that are read. */
	if (blob_table_packed(&bundle->table, blob) != frame_raw_size(run))
		return error_set(err, FERRY_E_DAMAGED,
				 "its place in the file has another size than "
				 "its frames");
	return frame_raw_read_at(
		bundle->fd, bundle->first + bundle->table.blobs[blob].offset,
		run, in_run(bundle, blob, at), data, size, err);
}

int
bundle_pull_from(const struct bundle *bundle, size_t blob,
		 struct frame_pull *pull, struct frame_start start, uint64_t at,
		 struct ferry_error *err)
{
	uint64_t to = in_run(bundle, blob, at);
	uint8_t passed[16384];
	int rc = 0;

	frame_pull_begin(pull, bundle->fd,
			 bundle->first + bundle->table.blobs[blob].offset,
			 blob_table_packed(&bundle->table, blob), start);
	while (!rc && frame_pull_at(pull) < to) {
		uint64_t left = to - frame_pull_at(pull);

		rc = frame_pull_read(
			pull, passed,
			left < sizeof(passed) ? left : sizeof(passed), err);
	}
	return rc;
}

struct frame_start
bundle_frame_before(const struct bundle *bundle, size_t blob,
		    const struct frame_start *starts, size_t count, uint64_t at)
{
	uint64_t to = in_run(bundle, blob, at);
	struct frame_start found = { 0 };

	for (size_t i = 0; i < count && starts[i].at <= to; i++)
		found = starts[i];
	return found;
}
