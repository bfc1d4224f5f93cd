/*
 * What is known of an upload in chunks, in a file for a later run: FOLDER/
 * uploads/HEX.json, where HEX is the sha256 of registry, repository and
 * digest.  Internal to registry/.
 *
 * A session's URL may be signed, and then it is a secret: the folder is
 * ours alone (0700) or not used, the file has mode 0600.  Credentials are in
 * neither.  A file that cannot be read is none: an upload can always begin
 * anew.
 */
#ifndef REGISTRY_UPLOAD_RECORD_H
#define REGISTRY_UPLOAD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/digest.h"

/* Registries forget uploads within a week, if not sooner. */
#define UPLOAD_RECORD_SECONDS (7 * 24 * 3600)

/* Which upload; borrowed. */
struct upload_name {
	const char *registry;
	const char *repository;
	const struct digest *digest;
	uint64_t size;
};

/* What there is of it. */
struct upload_progress {
	char *session;	   /* its URL; owned */
	uint64_t accepted; /* bytes that the registry has confirmed */
	uint64_t chunk;	   /* at most so many more may be there */
};

void upload_progress_release(struct upload_progress *progress);

/* Held against other processes; `folder` is -1 where nothing is remembered. */
struct upload_record {
	int folder;
	int lock;
	char hex[DIGEST_HEX + 1];
};

#define UPLOAD_RECORD                                                          \
	{                                                                      \
		.folder = -1, .lock = -1                                       \
	}

/*
 * Makes the folder where it is missing, removes what is too old there to be
 * read, and takes the lock.  Without either,
 * `record` stays closed: *why says what is wrong, or has code 0 where another
 * process is at the same upload.
 */
void upload_record_open(struct upload_record *record, const char *state,
			const struct upload_name *name,
			struct ferry_error *why);

/* False: there is none that can be used, and *out is as it was. */
bool upload_record_read(struct upload_record *record,
			const struct upload_name *name,
			struct upload_progress *out);

/* Replaces it as a whole. */
int upload_record_write(struct upload_record *record,
			const struct upload_name *name,
			const struct upload_progress *progress,
			struct ferry_error *err) MUST_CHECK;

void upload_record_remove(struct upload_record *record);

/* Leaves the file, if there is one; a closed record is fine. */
void upload_record_close(struct upload_record *record);

#endif
