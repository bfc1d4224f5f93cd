/*
 * One POST /images/load: the archive goes in, what Docker made of it comes
 * back.
 */
#ifndef TARGET_DOCKER_LOAD_H
#define TARGET_DOCKER_LOAD_H

#include "engine/engine.h"
#include "target/archive_stream.h"

/*
 * Sends `archive` with its blobs from `source`.  After a failure, *reached
 * tells whether Docker may have taken something all the same: it loads one
 * image after the other, and what came before the error stays.  If not, the
 * request was broken off before its end, where what makes images visible
 * stands, and nothing has become visible.
 */
int docker_load(struct engine *engine, const struct archive_stream *archive,
		struct source *source, bool *reached, struct ferry_error *err)
	MUST_CHECK;

#endif
