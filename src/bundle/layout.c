#include "bundle/layout.h"

#include "bundle/member.h"

struct frame_run
layout_run(const struct release *release, size_t blob)
{
	return member_run(release->blobs[blob].descriptor.size,
			  blob + 1 == release->blob_count);
}

static uint64_t
room_for(const struct release *release, size_t blob)
{
	struct frame_run run = layout_run(release, blob);

	return release->blobs[blob].plain ? frame_zstd_bound(run)
					  : frame_raw_size(run);
}

int
layout_init(struct layout *out, const struct release *release,
	    struct ferry_error *err)
{
	size_t count = release->blob_count;
	uint64_t *offsets = calloc(count + 1, sizeof(*offsets));
	size_t first_plain = count;

	if (!offsets)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		if (release->blobs[i].plain && first_plain == count)
			first_plain = i;
		if (__builtin_add_overflow(offsets[i], room_for(release, i),
					   &offsets[i + 1])) {
			free(offsets);
			return error_set(err, FERRY_E_FAILED,
					 "more bytes than a file can have");
		}
	}
	*out = (struct layout){ .offsets = offsets,
				.blob_count = count,
				.first_plain = first_plain };
	return 0;
}

uint64_t
layout_end(const struct layout *layout)
{
	return layout->offsets[layout->blob_count];
}

uint64_t
layout_frames(const struct release *release)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < release->blob_count; i++)
		frames += frame_count(layout_run(release, i));
	return frames;
}

void
layout_release(struct layout *layout)
{
	free(layout->offsets);
	layout->offsets = NULL;
}
