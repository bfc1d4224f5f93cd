/*
 * One POST /images/load: the archive goes in, what Docker made of it comes
 * back.
 */
#ifndef TARGET_DOCKER_LOAD_H
#define TARGET_DOCKER_LOAD_H

#include "engine/engine.h"
#include "target/archive_stream.h"

struct docker_answer {
	bool reached;
	/* As in target/docker_stream.h; owned. */
	json_t *broken;
	json_t *names;
};

void docker_answer_release(struct docker_answer *answer);

/*
 * Sends `archive` with its blobs from `source`.  After a failure, out->reached
 * tells whether Docker may have taken something all the same: it loads one
 * image after the other, and what came before the error stays.  If not, the
 * request was broken off before its end, where what makes images visible
 * stands, and nothing has become visible.
 */
int docker_load(struct engine *engine, const struct archive_stream *archive,
		struct source *source, struct docker_answer *out,
		struct ferry_error *err) MUST_CHECK;

#endif
