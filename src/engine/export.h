/*
 * An image as the daemon exports it: what `docker save` would write.
 */
#ifndef ENGINE_EXPORT_H
#define ENGINE_EXPORT_H

#include "engine/engine.h"

struct engine_export;

/*
 * Asks for the image `name`, as engine_image() does, over a connection of its
 * own, and waits until the daemon begins to send it: it may write the whole
 * archive to its own disk before.  FERRY_E_NOT_FOUND with the daemon's words
 * when it has no such image.  `context` and `endpoint` are borrowed until
 * close.
 */
int engine_export_open(struct engine_export **out,
		       struct ferry_context *context,
		       const struct engine_endpoint *endpoint, const char *name,
		       struct ferry_error *err) MUST_CHECK;

/*
 * The next piece, good up to the next call; *size is 0 at the end.  What is
 * not pulled stays with the daemon.
 */
int engine_export_next(struct engine_export *export, const void **piece,
		       size_t *size, struct ferry_error *err) MUST_CHECK;

/* Before the end too: the daemon sees the connection break, and gives up. */
void engine_export_close(struct engine_export *export);

#endif
