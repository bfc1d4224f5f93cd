#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define MESSAGE_SIZE sizeof(((struct ferry_error *)0)->message)

static PRINTF_LIKE(2, 0) void append(char *message, const char *format,
				     va_list args)
{
	char piece[MESSAGE_SIZE];
	size_t used = strlen(message);

	if (vsnprintf(piece, sizeof(piece), format, args) < 0)
		piece[0] = '\0';
	text_escape(message + used, MESSAGE_SIZE - used, piece);
}

static PRINTF_LIKE(2, 3) void append_text(char *message, const char *format,
					  ...)
{
	va_list args;

	va_start(args, format);
	append(message, format, args);
	va_end(args);
}

int
error_set(struct ferry_error *err, enum ferry_code code, const char *format,
	  ...)
{
	/* Composed aside: an argument may be the old message itself. */
	char message[MESSAGE_SIZE] = "";
	va_list args;

	va_start(args, format);
	append(message, format, args);
	va_end(args);
	memcpy(err->message, message, sizeof(message));
	err->code = code;
	return code;
}

int
error_errno(struct ferry_error *err, const char *format, ...)
{
	int saved = errno;
	char message[MESSAGE_SIZE] = "";
	char reason[128];
	va_list args;

	va_start(args, format);
	append(message, format, args);
	va_end(args);
	append_text(message, ": %s", strerror_r(saved, reason, sizeof(reason)));
	memcpy(err->message, message, sizeof(message));
	err->code = saved == ENOMEM ? FERRY_E_NOMEM : FERRY_E_FAILED;
	return err->code;
}

int
error_wrap(struct ferry_error *err, const char *format, ...)
{
	char message[MESSAGE_SIZE] = "";
	va_list args;

	if (err->code == FERRY_E_INTERRUPTED)
		return err->code;
	va_start(args, format);
	append(message, format, args);
	va_end(args);
	append_text(message, ": %s", err->message);
	memcpy(err->message, message, sizeof(message));
	return err->code;
}

int
error_add(struct ferry_error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(err->message, format, args);
	va_end(args);
	return err->code;
}

int
error_nomem(struct ferry_error *err)
{
	return error_set(err, FERRY_E_NOMEM, "out of memory");
}
