#include "cli/report.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/output.h"
#include "cli/signals.h"

static const struct ending {
	enum ferry_code code;
	const char *name;
	int status;
} endings[] = {
	{ FERRY_OK, "ok", 0 },
	{ FERRY_E_FAILED, "failed", 1 },
	{ FERRY_E_NOMEM, "no-memory", 1 },
	{ FERRY_E_USAGE, "usage", 2 },
	{ FERRY_E_DAMAGED, "damaged", 3 },
	{ FERRY_E_PLATFORM, "platform", 4 },
	{ FERRY_E_PARTIAL, "partial", 5 },
	{ FERRY_E_INTERRUPTED, "interrupted", 1 },
	{ FERRY_E_NOT_FOUND, "not-found", 1 },
	{ FERRY_E_DENIED, "denied", 1 },
	{ FERRY_E_DIGEST, "digest", 1 },
};

static const struct ending *
ending(enum ferry_code code)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (endings[i].code == code)
			return &endings[i];
	return &endings[1];
}

const char *
report_code(enum ferry_code code)
{
	return ending(code)->name;
}

void
report_error(const struct ferry_error *err, const char *command)
{
	output_line(stderr, "ferry: %s", err->message);
	if (err->code == FERRY_E_USAGE)
		output_line(stderr, "try 'ferry%s%s --help'",
			    command ? " " : "", command ? command : "");
}

void
report_output(int number)
{
	output_line(stderr, "ferry: standard output: %s", strerror(number));
}

int
report_status(enum ferry_code code)
{
	if (code == FERRY_E_INTERRUPTED && signals_caught())
		return 128 + signals_caught();
	return ending(code)->status;
}
