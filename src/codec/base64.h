/*
 * Base64 as HTTP's Basic scheme and Docker's config.json use it: RFC 4648
 * section 4, padded, in one line.
 */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include "base/buffer.h"

/* Longer input is refused: what goes through here are credentials. */
#define BASE64_MAX ((size_t)65536)

/* Appends to `out`. */
int base64_encode(struct buffer *out, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;
/* Strict; the error never quotes the text, which may be secret. */
int base64_decode(struct buffer *out, const char *text, struct ferry_error *err)
	MUST_CHECK;

#endif
