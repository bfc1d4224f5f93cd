/*
 * Text for people: safe to print, sizes in units, and copies that can fail.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Copy `text` with control bytes (C0, DEL) and bytes that are not well-formed
 * UTF-8, or are C1 controls in it, as \xNN.  Always terminates; cuts.  A text
 * escaped before comes out the same.
 */
void text_escape(char *out, size_t size, const char *text);

/* Bytes as people say them: "512 B", "1.5 MiB", "12 GiB".  Returns `out`. */
char *text_size(char *out, size_t size, uint64_t bytes);

/* Room for any text_size(). */
#define TEXT_SIZE_MAX 16

/* strdup() with an error. */
int text_copy(char **out, const char *text, struct ferry_error *err) MUST_CHECK;

/* asprintf() with an error; *out is replaced only on success, not freed. */
int text_format(char **out, struct ferry_error *err, const char *format, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;

/* Decimal digits only, the whole of `text`, no overflow. */
bool text_to_u64(const char *text, uint64_t *out);

bool text_starts(const char *text, const char *prefix);

#endif
