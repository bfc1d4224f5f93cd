/*
 * Reading a bundle: its front at once, its blobs one by one.
 *
 * What is wrong with the file is FERRY_E_DAMAGED everywhere here.  Nothing
 * leaves a reader that has not been compared with the digest that the
 * blob table gives it.  Reading blobs may be done from several threads.
 */
#ifndef BUNDLE_READER_H
#define BUNDLE_READER_H

#include "bundle/front.h"
#include "oci/release.h"

struct bundle_stream;

struct bundle {
	char *path;		      /* or what a pipe is called */
	int fd;			      /* -1: a pipe */
	struct bundle_stream *stream; /* NULL: a file (bundle/stream.h) */
	uint64_t file_bytes;
	bool large;	     /* file_is_large() */
	struct buffer front; /* its content */
	struct front_part parts[FRONT_MEMBERS];
	uint64_t first; /* offset of the first blob in the file */
	struct statement statement;
	struct blob_table table;
	/* Bytes of large documents still to be read, by whichever thread. */
	_Atomic uint64_t large_left;
};

/*
 * Names cost nothing: a hundred thousand of them may share one manifest and
 * its config.  A document may always have DOCUMENT_USUAL bytes; what has more
 * draws on LARGE_DOCUMENTS, for all images together.
 */
#define DOCUMENT_USUAL ((uint64_t)64 << 10)
#define LARGE_DOCUMENTS ((uint64_t)128 << 20)

/*
 * Reads the front and checks it against itself and the file's size; what the
 * file is instead, when it is no bundle, is said.
 */
int bundle_open(struct bundle **out, const char *path, struct ferry_error *err)
	MUST_CHECK;
/*
 * The same of a file that is open; `take_fd` is taken over, on failure too.
 * `name` is what messages call it.
 */
int bundle_open_file(struct bundle **out, int take_fd, const char *name,
		     struct ferry_error *err) MUST_CHECK;
void bundle_close(struct bundle *bundle);

/* Whether what begins with these bytes may be a bundle. */
bool bundle_begins(const void *head, size_t size);

/* Fails: says what it is instead, as far as its beginning tells. */
int bundle_refuse(const void *head, size_t size, struct ferry_error *err);

/*
 * The first image of that name; or, where `reference` names no host but Docker
 * Hub's by default, the only one with its path and tag: on site nobody should
 * have to type the host that an image once came from.  FERRY_E_NOT_FOUND lists
 * what there is.
 */
int bundle_find_image(const struct bundle *bundle,
		      const struct reference *reference, size_t *out,
		      struct ferry_error *err) MUST_CHECK;

/*
 * Pushes the blob's content into `to`; 0 only if its size, digest and every
 * byte around it hold.  `listener` hears of the frames of a compressed blob.
 * The caller says which blob it was that failed.
 */
int bundle_read_blob(const struct bundle *bundle, size_t blob, struct sink *to,
		     struct frame_listener *listener, struct ferry_error *err)
	MUST_CHECK;

/* The same from proof->seen on, into a proof that the caller has begun. */
int bundle_prove_blob(const struct bundle *bundle, size_t blob,
		      struct proof *proof, struct frame_listener *listener,
		      struct ferry_error *err) MUST_CHECK;

/* The same of a blob whose frames come next in `from`. */
int bundle_prove_next(const struct bundle *bundle, size_t blob,
		      struct input *from, struct proof *proof,
		      struct frame_listener *listener, struct ferry_error *err)
	MUST_CHECK;

/* Reads and checks the front, which comes next in `from`. */
int bundle_read_front(struct bundle *bundle, struct input *from,
		      struct ferry_error *err) MUST_CHECK;

/*
 * All that one name stands for, from image number `first` on, which is its
 * first: manifests and configs read, proved and parsed, and found to be what
 * their index and the statement say of them.  The caller says which image it
 * was that failed.
 */
int bundle_read_name(struct bundle *bundle, size_t first, struct resolved *out,
		     struct ferry_error *err) MUST_CHECK;

#endif
