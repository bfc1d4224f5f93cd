/*
 * A part of a release as the tar of an OCI layout: what containerd, podman and
 * Docker's containerd store load, digests and indexes kept.
 */
#ifndef TARGET_OCI_STREAM_H
#define TARGET_OCI_STREAM_H

#include "target/archive_stream.h"

struct oci_stream_options {
	/* Image by image, which to send; NULL: all. */
	const bool *send;
	/*
	 * Blob by blob, which the receiver has and need not get; NULL: none.
	 * The documents say the same with or without them.
	 */
	const bool *have;
	/*
	 * Image by image, which stand in index.json without their names; NULL:
	 * none.
	 */
	const bool *nameless;
	/* manifest.json too, for who wants that of several images: podman. */
	bool docker_archive;
};

/*
 * Plans the stream: the blobs, then oci-layout, index.json, and manifest.json
 * if it was asked for.  Each name is in it with the index above its images, if
 * there is one, and then with all of them: if one of these is not to be sent,
 * none is.  Without any image, *out has no document: there is nothing to send.
 */
int oci_stream_init(struct archive_stream *out, const struct release *release,
		    const struct oci_stream_options *options,
		    struct ferry_error *err) MUST_CHECK;

#endif
