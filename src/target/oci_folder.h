/*
 * An OCI image layout on the disk, to be written to: image-spec,
 * image-layout.md.
 *
 * A file gets its name only when it is whole and on the disk, so that the
 * layout is valid at every moment.  Until then it is called ".ferry-NAME".  No
 * link inside the folder is followed: who may write there could otherwise have
 * us write elsewhere.
 */
#ifndef TARGET_OCI_FOLDER_H
#define TARGET_OCI_FOLDER_H

#include "base/context.h"
#include "base/writeback.h"
#include "oci/descriptor.h"

#define OCI_FOLDER_INDEX "index.json"

struct oci_folder {
	struct ferry_context *context; /* borrowed */
	char *path;
	int fd;	   /* -1: it is not there yet */
	int blobs; /* "blobs/sha256"; -1: not there yet */
};

/*
 * Looks at what `path` is and changes nothing.  Refused are what is no folder,
 * a folder with other things in it, a layout of another version, one with links
 * in the place of its folders, and what cannot be written.
 */
int oci_folder_look(struct oci_folder *out, struct ferry_context *context,
		    const char *path, struct ferry_error *err) MUST_CHECK;

/*
 * Makes the layout if there is none, takes it for this process alone until it
 * is released, and removes what a run that was killed has left.
 */
int oci_folder_begin(struct oci_folder *folder, struct ferry_error *err)
	MUST_CHECK;
void oci_folder_release(struct oci_folder *folder);

/* Bytes that this user may add; 0: not known. */
uint64_t oci_folder_room(const struct oci_folder *folder);

/* Appends index.json up to the buffer's limit; nothing where there is none. */
int oci_folder_load_index(const struct oci_folder *folder, struct buffer *out,
			  struct ferry_error *err) MUST_CHECK;

/* Replaces it; all blobs that were put before are on the disk by then. */
int oci_folder_store_index(const struct oci_folder *folder,
			   const struct buffer *bytes, struct ferry_error *err)
	MUST_CHECK;

/* Whether there is a blob of that name and size: by no more than that. */
bool oci_folder_has(const struct oci_folder *folder,
		    const struct descriptor *blob);

/*
 * Whether the blob is there and right, by reading all of it.  What is wrong
 * with one that is there and is not right becomes a notice.
 */
int oci_folder_prove(const struct oci_folder *folder,
		     const struct descriptor *blob, bool *out,
		     struct ferry_error *err) MUST_CHECK;

/* A blob in the making. */
struct oci_file {
	struct sink sink; /* its bytes go in here */
	const struct oci_folder *folder;
	char name[DIGEST_HEX + 1];
	int at; /* the folder it is in; borrowed */
	int fd; /* -1: not open */
	uint64_t size;
	uint64_t pending; /* of these, bytes not yet handed to the disk */
	struct writeback writeback;
};

/* Release it, after a failure too. */
int oci_folder_create(const struct oci_folder *folder,
		      const struct descriptor *blob, struct oci_file *out,
		      struct ferry_error *err) MUST_CHECK;

/* Gives it its name, in the place of what has it. */
int oci_file_commit(struct oci_file *file, struct ferry_error *err) MUST_CHECK;

/* Without a commit, nothing of it stays. */
void oci_file_release(struct oci_file *file);

#endif
