/*
 * Files: whole reads and writes at an offset, small files with a limit, and
 * what a file system can take.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Exactly `size` bytes, or an error; the end of the file is one. */
int file_read_at(int fd, void *data, size_t size, uint64_t offset,
		 struct ferry_error *err) MUST_CHECK;
int file_write_at(int fd, const void *data, size_t size, uint64_t offset,
		  struct ferry_error *err) MUST_CHECK;

/* Whether a file of that size is more than memory should be filled with. */
bool file_is_large(uint64_t size);

/* Lets go of the memory that keeps these bytes, of what is on the disk. */
void file_forget(int fd, uint64_t offset, uint64_t size);

/* Appends the file's content ("-": standard input) up to the limit. */
int file_load(const char *path, struct buffer *out, struct ferry_error *err)
	MUST_CHECK;

/*
 * A regular file in the open folder `at`, for reading; a link is not followed.
 * FERRY_E_NOT_FOUND when there is no such file.
 */
int file_open_at(int *out, int at, const char *name, uint64_t *size,
		 struct ferry_error *err) MUST_CHECK;

/* Appends the whole of such a file up to the limit. */
int file_load_at(int at, const char *name, struct buffer *out,
		 struct ferry_error *err) MUST_CHECK;

/* The folder part of `path`: "." for a bare name. */
int file_folder(char **out, const char *path, struct ferry_error *err)
	MUST_CHECK;

/* What the file system of `path`'s folder can take. */
struct file_room {
	uint64_t free;	  /* bytes for this user */
	uint64_t largest; /* bytes of the largest single file */
	const char *why;  /* what sets `largest`, or NULL if nothing does */
};

int file_room(const char *path, struct file_room *out, struct ferry_error *err)
	MUST_CHECK;

/* Bytes for this user below `folder`; 0: it is NULL, or not to be seen. */
uint64_t file_free_below(const char *folder);

/* statfs(2) f_type -> largest file in bytes, UINT64_MAX: not limited. */
uint64_t file_system_limit(uint64_t type);

#endif
