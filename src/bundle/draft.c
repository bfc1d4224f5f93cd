#include "bundle/draft.h"

#include "bundle/front.h"
#include "bundle/leftover.h"
#include "codec/seek_table.h"

int
draft_init(struct draft *out, const struct release *release,
	   struct ferry_error *err)
{
	AUTO(draft_release)
	struct draft draft = { .front = BUFFER(FRONT_MAX) };
	int rc = layout_init(&draft.layout, release, err);

	if (!rc)
		rc = front_write(&draft.front, release, &draft.layout, NULL,
				 NULL, err);
	if (rc)
		return rc;
	draft.run = (struct frame_run){ .length = draft.front.size };
	draft.first = frame_raw_size(draft.run);
	*out = draft;
	draft = (struct draft){ 0 };
	return 0;
}

void
draft_release(struct draft *draft)
{
	layout_release(&draft->layout);
	buffer_release(&draft->front);
}

static void
measure(struct bundle_size *out, const struct draft *draft,
	const struct release *release)
{
	uint64_t frames = frame_count(draft->run) + layout_frames(release);
	uint64_t fixed = draft->first + seek_table_size(frames);

	out->least = fixed + draft->layout.offsets[draft->layout.first_plain];
	out->most = fixed + layout_end(&draft->layout);
}

int
bundle_measure(struct bundle_size *out, const struct release *release,
	       struct ferry_error *err)
{
	AUTO(draft_release) struct draft draft = { 0 };
	int rc = draft_init(&draft, release, err);

	if (!rc)
		measure(out, &draft, release);
	return rc;
}

/* What `leftovers` have of all that must be pulled. */
static uint64_t
count_here(const struct leftovers *leftovers, const struct release *release)
{
	uint64_t here = 0;

	for (size_t i = 0; i < release->blob_count; i++) {
		const struct blob *blob = &release->blobs[i];
		uint64_t content = 0;
		size_t number;

		if (!blob->content)
			leftovers_find(leftovers, &blob->descriptor, &number,
				       &content);
		here += content;
	}
	return here;
}

/* Where the two files are, and which of them stays. */
static void
weigh(struct bundle_survey *out, const struct output_names *names,
      const struct leftovers *leftovers)
{
	uint64_t partial = output_disk_bytes(names->text[OUTPUT_PARTIAL]);
	uint64_t old = output_disk_bytes(names->text[OUTPUT_OLD_PARTIAL]);

	if (leftovers->aside) {
		out->reused = old;
		out->kept = partial;
	} else if (leftovers->old.path) {
		out->reused = partial;
		out->kept = old;
	} else {
		out->reused = partial + old;
		out->kept = 0;
	}
}

static bool
is_any(const struct output_names *names)
{
	return access(names->text[OUTPUT_PARTIAL], F_OK) == 0 ||
	       access(names->text[OUTPUT_OLD_PARTIAL], F_OK) == 0;
}

static int
look_beside(struct bundle_survey *out, const struct output_names *names,
	    const struct draft *draft, const struct release *release,
	    struct ferry_error *err)
{
	AUTO_BUFFER head = BUFFER(JOURNAL_MAX);
	AUTO(leftovers_release) struct leftovers leftovers = { 0 };
	int rc = journal_head(&head, &draft->front, draft->first, release,
			      &draft->layout, err);

	if (!rc)
		rc = leftovers_open(&leftovers, names, &head, err);
	if (rc)
		return rc;
	out->here = count_here(&leftovers, release);
	weigh(out, names, &leftovers);
	return 0;
}

int
bundle_survey(struct bundle_survey *out, const char *path, bool fresh,
	      const struct release *release, struct ferry_error *err)
{
	static const struct leftovers none;
	AUTO(output_names_release) struct output_names names = { 0 };
	AUTO(draft_release) struct draft draft = { 0 };
	struct bundle_survey survey = { 0 };
	int rc = draft_init(&draft, release, err);

	if (!rc && path)
		rc = output_names_init(&names, path, err);
	if (rc)
		return rc;
	measure(&survey.size, &draft, release);
	if (path && (fresh || !is_any(&names)))
		weigh(&survey, &names, &none);
	else if (path)
		rc = look_beside(&survey, &names, &draft, release, err);
	if (!rc)
		*out = survey;
	return rc;
}
