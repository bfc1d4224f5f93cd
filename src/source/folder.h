/*
 * The files of an OCI image layout by their names, in a folder or in an
 * archive.  Names are ours: "index.json", "blobs/sha256/<hex>".
 */
#ifndef SOURCE_FOLDER_H
#define SOURCE_FOLDER_H

#include <stdbool.h>

#include "archive/tarball.h"

struct folder {
	/*
	 * The size of a regular file.  FERRY_E_NOT_FOUND when there is no such
	 * file; a symbolic link is refused.
	 */
	int (*size)(struct folder *folder, const char *name, uint64_t *out,
		    struct ferry_error *err);
	/* Pushes the file's bytes from `from` on; from several threads. */
	int (*read)(struct folder *folder, const char *name, uint64_t from,
		    struct sink *to, struct ferry_error *err);
	void (*close)(struct folder *folder);
};

static inline void
folder_close(struct folder *folder)
{
	if (folder)
		folder->close(folder);
}

/* One on the disk; no link in it is followed.  `context` is borrowed. */
int folder_open(struct folder **out, const char *path,
		struct ferry_context *context, struct ferry_error *err)
	MUST_CHECK;

/* What an archive holds; `owned`: the archive is closed with it. */
int folder_of_tarball(struct folder **out, struct tarball *tarball, bool owned,
		      struct ferry_error *err) MUST_CHECK;

/* Appends a whole file to `out`, up to that one's limit. */
int folder_load(struct folder *folder, const char *name, struct buffer *out,
		struct ferry_error *err) MUST_CHECK;

#endif
