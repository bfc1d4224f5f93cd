#include "op/cargo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pipe.h"
#include "base/text.h"
#include "bundle/stream.h"
#include "op/spool.h"
#include "source/docker_archive.h"
#include "source/oci.h"

void
cargo_release(struct cargo *cargo)
{
	source_free(cargo->source);
	bundle_close(cargo->bundle);
	free(cargo->name);
	*cargo = (struct cargo){ 0 };
}

enum ferry_load_kind
cargo_kind(const struct cargo *cargo)
{
	if (cargo->bundle)
		return FERRY_LOAD_BUNDLE;
	return cargo->transport == TRANSPORT_OCI_ARCHIVE
		       ? FERRY_LOAD_OCI_ARCHIVE
		       : FERRY_LOAD_DOCKER_ARCHIVE;
}

const char *
cargo_proof(const struct cargo *cargo)
{
	static const char *const words[] = {
		[FERRY_LOAD_BUNDLE] = "every byte, against what ferry packed",
		[FERRY_LOAD_OCI_ARCHIVE] =
			"each blob against its digest in the archive's own "
			"index; nothing vouches for that index",
		[FERRY_LOAD_DOCKER_ARCHIVE] =
			"uncompressed layers against the diff_ids of the "
			"archive's own configs; nothing vouches for these; "
			"where it has no manifests of a registry, their "
			"digests are new",
	};

	return words[cargo_kind(cargo)];
}

static int
take_bundle(struct cargo *out, struct bundle *take_bundle,
	    struct ferry_error *err)
{
	int rc;

	out->bundle = take_bundle;
	out->transport = TRANSPORT_BUNDLE;
	rc = text_copy(&out->name, take_bundle->path, err);
	return rc ? rc : source_bundle_new(&out->source, take_bundle, err);
}

int
cargo_open_bundle(struct cargo *out, const char *path, struct ferry_error *err)
{
	AUTO(cargo_release) struct cargo cargo = { 0 };
	struct bundle *bundle = NULL;
	int rc = bundle_open(&bundle, path, err);

	if (!rc)
		rc = take_bundle(&cargo, bundle, err);
	if (rc)
		return rc;
	*out = cargo;
	cargo = (struct cargo){ 0 };
	return 0;
}

/* What may be an archive: the others are named for what they are. */
static bool
may_be_archive(const uint8_t *head, size_t size)
{
	static const struct {
		const char *magic;
		size_t offset, size;
	} forms[] = {
		{ "\x1f\x8b", 0, 2 },
		{ "\x28\xb5\x2f\xfd", 0, 4 },
		{ "ustar", 257, 5 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (size >= forms[i].offset + forms[i].size &&
		    memcmp(head + forms[i].offset, forms[i].magic,
			   forms[i].size) == 0)
			return true;
	return false;
}

static bool
is_zstd(const uint8_t *head)
{
	return memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0;
}

/*
 * One more look at what ferry's reader did not take for a bundle: a flipped
 * bit must not make it an archive of somebody else, of which less is proved.
 */
static int
check_no_bundle(const struct tarball *tarball, const uint8_t *head,
		struct ferry_error *err)
{
	if (is_zstd(head) && tarball_find(tarball, "bundle.json"))
		return error_set(err, FERRY_E_DAMAGED,
				 "no bundle of ferry's: it is another zstd "
				 "file, with the members of a bundle: damaged, "
				 "or compressed again (what zstd -d makes of "
				 "it can be loaded)");
	return 0;
}

/* Docker's own archives are layouts too, by now, and a layout says more. */
static int
open_members(struct cargo *out, struct tarball *take_tarball,
	     struct ferry_error *err)
{
	if (tarball_find(take_tarball, "oci-layout") &&
	    tarball_find(take_tarball, "index.json")) {
		out->transport = TRANSPORT_OCI_ARCHIVE;
		return source_oci_archive_new(&out->source, take_tarball,
					      out->name, err);
	}
	out->transport = TRANSPORT_DOCKER_ARCHIVE;
	return source_docker_archive_new(&out->source, take_tarball, out->name,
					 err);
}

static int
open_archive(struct cargo *out, int take_fd, const uint8_t *head, size_t size,
	     struct ferry_context *context, struct ferry_error *err)
{
	struct tarball *tarball = NULL;
	struct ferry_error what;
	int rc = tarball_open_file(&tarball, take_fd, context, err);

	if (!rc) {
		rc = check_no_bundle(tarball, head, err);
		if (rc)
			tarball_close(tarball);
		else
			rc = open_members(out, tarball, err);
	}
	if (rc != FERRY_E_FAILED)
		return rc;
	bundle_refuse(head, size, &what);
	return error_set(err, FERRY_E_DAMAGED,
			 "%s; nor is it an archive of images: %s", what.message,
			 err->message);
}

static int
open_content(struct cargo *out, int take_fd, struct ferry_context *context,
	     struct ferry_error *err)
{
	uint8_t head[PIPE_HEAD] = { 0 };
	ssize_t got = pread(take_fd, head, sizeof(head), 0);
	struct bundle *bundle = NULL;
	int rc;

	if (got >= 0 && !bundle_begins(head, (size_t)got) &&
	    may_be_archive(head, (size_t)got)) {
		rc = open_archive(out, take_fd, head, (size_t)got, context,
				  err);
		return rc ? error_wrap(err, "%s", out->name) : 0;
	}
	/* It says what else it may be. */
	rc = bundle_open_file(&bundle, take_fd, out->name, err);
	free(STEAL(&out->name));
	return rc ? rc : take_bundle(out, bundle, err);
}

static int
open_file(struct cargo *out, const char *path, struct ferry_context *context,
	  struct ferry_error *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, FERRY_E_NOT_FOUND, "%s: no such file",
				 path);
	if (fd < 0)
		return error_errno(err, "%s: open", path);
	rc = text_copy(&out->name, path, err);
	if (!rc && fstat(fd, &status))
		rc = error_errno(err, "%s", path);
	if (!rc && !S_ISREG(status.st_mode))
		rc = error_set(err, FERRY_E_FAILED, "%s: not a regular file",
			       path);
	if (!rc)
		return open_content(out, fd, context, err);
	close(fd);
	return rc;
}

static int
refuse_archive(const struct pipe *pipe, struct ferry_error *err)
{
	struct ferry_error what;

	bundle_refuse(pipe->head, pipe->head_size, &what);
	if (!may_be_archive(pipe->head, pipe->head_size))
		return error_set(err, FERRY_E_DAMAGED, "%s: %s", pipe->name,
				 what.message);
	return error_set(err, FERRY_E_DAMAGED,
			 "%s: %s, and only a bundle can be loaded as it comes "
			 "through a pipe; --spool DIR keeps all of it in DIR "
			 "first",
			 pipe->name, what.message);
}

static int
open_pipe(struct cargo *out, const char *path, const char *spool,
	  struct ferry_context *context, struct ferry_error *err)
{
	struct pipe *pipe = NULL;
	struct bundle *bundle = NULL;
	int fd = -1;
	int rc = pipe_open(&pipe, path, context, err);

	if (rc)
		return rc;
	if (!spool && bundle_begins(pipe->head, pipe->head_size)) {
		rc = bundle_open_stream(&bundle, pipe, err);
		return rc ? rc : take_bundle(out, bundle, err);
	}
	rc = spool ? spool_pipe(&fd, pipe, spool, err)
		   : refuse_archive(pipe, err);
	if (!rc)
		rc = text_copy(&out->name, pipe->name, err);
	pipe_close(pipe);
	if (!rc)
		return open_content(out, fd, context, err);
	if (fd >= 0)
		close(fd);
	return rc;
}

int
cargo_open(struct cargo *out, const char *path, const char *spool,
	   struct ferry_context *context, struct ferry_error *err)
{
	AUTO(cargo_release) struct cargo cargo = { 0 };
	int rc;

	if (pipe_is(path))
		rc = open_pipe(&cargo, path, spool, context, err);
	else if (spool)
		rc = error_set(err, FERRY_E_USAGE,
			       "--spool is for what comes through a pipe, and "
			       "%s does not",
			       path);
	else
		rc = open_file(&cargo, path, context, err);
	if (rc)
		return rc;
	*out = cargo;
	cargo = (struct cargo){ 0 };
	return 0;
}
