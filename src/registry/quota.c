#include "registry/quota.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* The digits at `text`, which end at a separator. */
static bool
read_number(const char *text, uint64_t *out)
{
	char digits[24];
	size_t length = strspn(text, "0123456789");

	if (length >= sizeof(digits) ||
	    (text[length] && !strchr(" \t;,", text[length])))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	return text_to_u64(digits, out);
}

/* "100;w=21600": a number, and for how many seconds it is. */
static bool
read_limit(const char *value, uint64_t *number, uint64_t *window)
{
	const char *end = value + strcspn(value, ",");

	if (!read_number(value, number))
		return false;
	for (const char *at = strchr(value, ';'); at && at < end;
	     at = strchr(at, ';')) {
		at++;
		at += strspn(at, " \t");
		if (strncasecmp(at, "w=", 2) == 0)
			return read_number(at + 2, window);
	}
	return true;
}

bool
quota_read(struct ferry_quota *out, const struct http_response *response)
{
	const char *limit =
		http_response_header(response, "RateLimit-Limit", 0);
	const char *remaining =
		http_response_header(response, "RateLimit-Remaining", 0);
	const char *source =
		http_response_header(response, "Docker-RateLimit-Source", 0);
	struct ferry_quota found = *out;

	found.window_seconds = 0;
	found.source[0] = '\0';
	if (!limit || !remaining ||
	    !read_limit(remaining, &found.remaining, &found.window_seconds) ||
	    !read_limit(limit, &found.limit, &found.window_seconds))
		return false;
	if (source)
		text_escape(found.source, sizeof(found.source), source);
	*out = found;
	return true;
}

int
quotas_add(struct quotas *quotas, const struct ferry_quota *quota,
	   struct ferry_error *err)
{
	struct ferry_quota *longer =
		reallocarray(quotas->items, quotas->count + 1, sizeof(*longer));

	if (!longer)
		return error_nomem(err);
	longer[quotas->count++] = *quota;
	quotas->items = longer;
	return 0;
}

void
quotas_release(struct quotas *quotas)
{
	free(quotas->items);
	*quotas = (struct quotas){ 0 };
}
