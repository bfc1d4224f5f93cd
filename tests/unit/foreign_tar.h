/*
 * Tar archives as others make them, and as nobody should: built in memory for
 * the tests of archive/ and of the sources that read such.
 */
#ifndef FOREIGN_TAR_H
#define FOREIGN_TAR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"

#define TAR_ROOM ((size_t)16 << 20)

static inline void
tar_put(struct buffer *tar, const void *data, size_t size)
{
	struct ferry_error err;

	if (buffer_append(tar, data, size, &err))
		abort();
}

static inline void
tar_zeros(struct buffer *tar, size_t size)
{
	static const char zeros[512];

	for (; size; size -= size < 512 ? size : 512)
		tar_put(tar, zeros, size < 512 ? size : 512);
}

/* A header that says `size`, whatever follows it. */
static inline void
tar_head(struct buffer *tar, const char *name, char type, const char *link,
	 unsigned long long size)
{
	char block[512] = { 0 };
	unsigned sum = 0;

	memcpy(block, name, strnlen(name, 100));
	memcpy(block + 100, "0000644", 7);
	memcpy(block + 108, "0000000", 7);
	memcpy(block + 116, "0000000", 7);
	for (int i = 0; i < 11; i++)
		block[124 + i] = (char)('0' + (size >> (3 * (10 - i)) & 7));
	memcpy(block + 136, "00000000000", 11);
	memset(block + 148, ' ', 8);
	block[156] = type;
	memcpy(block + 157, link, strnlen(link, 100));
	memcpy(block + 257,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	tar_put(tar, block, sizeof(block));
}

static inline void
tar_file_bytes(struct buffer *tar, const char *name, const void *data,
	       size_t size)
{
	tar_head(tar, name, '0', "", size);
	tar_put(tar, data, size);
	tar_zeros(tar, (512 - size % 512) % 512);
}

static inline void
tar_file(struct buffer *tar, const char *name, const char *text)
{
	tar_file_bytes(tar, name, text, strlen(text));
}

static inline void
tar_end(struct buffer *tar)
{
	tar_zeros(tar, 1024);
}

/* As a file; the path is good until the next call. */
static inline const char *
tar_path(const void *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("archive", 0);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* One that is fine: folders, files, a link between layers, a document. */
#define TAR_LAYER_A "aaa/layer.tar"
#define TAR_LAYER_B "bbb/layer.tar"

static inline void
tar_good(struct buffer *tar)
{
	char layer[3000];

	memset(layer, 'A', sizeof(layer));
	tar_head(tar, "./", '5', "", 0);
	tar_head(tar, "aaa/", '5', "", 0);
	tar_file_bytes(tar, TAR_LAYER_A, layer, sizeof(layer));
	tar_head(tar, TAR_LAYER_B, '2', "../aaa/layer.tar", 0);
	tar_file(tar, "./manifest.json", "[{\"Config\":\"x\"}]");
	memset(layer, 'B', sizeof(layer));
	tar_file_bytes(tar, "empty", "", 0);
	tar_file_bytes(tar, "ccc", layer, sizeof(layer));
	tar_end(tar);
}

#endif
