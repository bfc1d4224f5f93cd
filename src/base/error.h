/*
 * Filling in a struct ferry_error.
 *
 * The place that fails says what it saw, with error_set(); each caller that
 * knows more adds it once, in front, with error_wrap().  One line, no full
 * stop.  Bytes that a terminal would act on are escaped, since much of what
 * is quoted comes from outside.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "ferry/error.h"
#include "base/cleanup.h"

/* Sets code and message; returns `code`. */
int error_set(struct ferry_error *err, enum ferry_code code, const char *format,
	      ...) PRINTF_LIKE(3, 4);

/* Like error_set(FERRY_E_FAILED) with ": " and the text of errno behind it. */
int error_errno(struct ferry_error *err, const char *format, ...)
	PRINTF_LIKE(2, 3);

/*
 * Puts "FORMAT: " in front of the message; returns the code it had.  An
 * interruption stays as it is: it has no place.
 */
int error_wrap(struct ferry_error *err, const char *format, ...)
	PRINTF_LIKE(2, 3);

/* Appends to the message, for advice on what to do; returns the code. */
int error_add(struct ferry_error *err, const char *format, ...)
	PRINTF_LIKE(2, 3);

int error_nomem(struct ferry_error *err);

#endif
