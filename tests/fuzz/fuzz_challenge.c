/*
 * WWW-Authenticate from anyone: nothing out of bounds, nothing unterminated.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *text, size_t most)
{
	size_t length = strnlen(text, most);

	if (length == most)
		abort();
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct challenge all[CHALLENGES_MAX];
	struct ferry_error err;
	size_t count = 0;
	char *value = malloc(size + 1);

	if (!value)
		return 0;
	memcpy(value, data, size);
	value[size] = '\0';
	if (challenge_parse(all, &count, value, &err) && count)
		abort();
	for (size_t i = 0; i < count; i++) {
		check(all[i].scheme, sizeof(all[i].scheme));
		check(all[i].realm, sizeof(all[i].realm));
		check(all[i].service, sizeof(all[i].service));
		check(all[i].scope, sizeof(all[i].scope));
		check(all[i].error, sizeof(all[i].error));
	}
	free(value);
	return 0;
}
