/*
 * An archive from outside: its table of members, and every image in it as one
 * of docker save and as an OCI layout.
 *
 * The first byte says what follows: a tar archive, or a manifest.json alone.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/docker_archive.h"
#include "source/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ferry_context *context;

/* Sums that are right, or hardly a change gets past them. */
static void
mend_headers(uint8_t *tar, size_t size)
{
	for (size_t at = 0; at + 512 <= size; at += 512) {
		uint8_t *header = tar + at;
		unsigned sum = 8 * ' ';

		if (memcmp(header + 257, "ustar", 5) != 0)
			continue;
		for (int i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? 0 : header[i];
		snprintf((char *)header + 148, 8, "%06o", sum & 0777777);
		header[155] = ' ';
	}
}

static void
resolve_all(struct source *source, enum transport transport)
{
	struct platforms platforms = { .all = true };
	struct wanted wanted = { .origin = { .transport = transport } };
	struct list list = { 0 };
	struct ferry_error err;

	if (source->ops->expand(source, &wanted, &list, &err)) {
		list_release(&list);
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		struct resolved resolved = { 0 };

		if (source->ops->resolve(source, 0, &list.items[i], &platforms,
					 &resolved, &err))
			continue;
		/* What it is said to be, it is. */
		for (size_t k = 0; k < resolved.image_count; k++) {
			const struct image *image = &resolved.images[k];
			struct digest digest;

			if (digest_of(&digest, image->manifest_bytes.data,
				      image->manifest_bytes.size, &err) ||
			    !digest_equal(&digest, &image->descriptor.digest))
				abort();
		}
		resolved_release(&resolved);
	}
	list_release(&list);
}

static void
read_archive(const char *path)
{
	struct source *source;
	struct ferry_error err;

	if (!source_docker_archive_open(&source, path, context, &err)) {
		resolve_all(source, TRANSPORT_DOCKER_ARCHIVE);
		source_free(source);
	}
	if (!source_oci_archive_open(&source, path, context, &err)) {
		resolve_all(source, TRANSPORT_OCI_ARCHIVE);
		source_free(source);
	}
}

static void
read_manifest(const uint8_t *data, size_t size)
{
	struct saved_manifest manifest;
	struct ferry_error err;

	if (!saved_manifest_parse(&manifest, data, size, &err))
		saved_manifest_release(&manifest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	uint8_t *tar;
	int fd;

	if (!context)
		context = ferry_context_new();
	if (!size)
		return 0;
	if (data[0] == 'm') {
		read_manifest(data + 1, size - 1);
		return 0;
	}
	fd = memfd_create("archive", 0);
	tar = malloc(size);
	if (fd < 0 || !tar)
		abort();
	memcpy(tar, data + 1, size - 1);
	mend_headers(tar, size - 1);
	if (write(fd, tar, size - 1) != (ssize_t)(size - 1))
		abort();
	free(tar);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_archive(path);
	close(fd);
	return 0;
}
