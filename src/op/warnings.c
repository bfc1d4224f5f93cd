#include "op/warnings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

/* As long as an error's message. */
#define WARNING_MAX sizeof(((struct ferry_error *)NULL)->message)

int
warnings_add(struct warnings *warnings, struct ferry_error *err,
	     const char *format, ...)
{
	char raw[WARNING_MAX];
	char text[WARNING_MAX];
	char **items = reallocarray(warnings->items, warnings->count + 1,
				    sizeof(*items));
	va_list arguments;

	if (!items)
		return error_nomem(err);
	warnings->items = items;
	va_start(arguments, format);
	vsnprintf(raw, sizeof(raw), format, arguments);
	va_end(arguments);
	text_escape(text, sizeof(text), raw);
	return text_copy(&items[warnings->count], text, err)
		       ? err->code
		       : (warnings->count++, 0);
}

void
warnings_release(struct warnings *warnings)
{
	for (size_t i = 0; i < warnings->count; i++)
		free(warnings->items[i]);
	free(warnings->items);
	*warnings = (struct warnings){ 0 };
}
