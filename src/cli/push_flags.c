#include "cli/push_flags.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/environment.h"

/* "16M": digits and, perhaps, what they count. */
static bool
read_size(const char *text, uint64_t *out)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = { { "", 0 },     { "K", 10 }, { "KiB", 10 }, { "M", 20 },
		      { "MiB", 20 }, { "G", 30 }, { "GiB", 30 } };
	size_t digits = strspn(text, "0123456789");
	char number[24];
	uint64_t count;

	if (!digits || digits >= sizeof(number))
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + digits, units[i].unit))
			continue;
		return text_to_u64(number, &count) &&
		       !__builtin_mul_overflow(
			       count, UINT64_C(1) << units[i].shift, out);
	}
	return false;
}

static int
read_chunk_size(const char *text, uint64_t *out, struct ferry_error *err)
{
	uint64_t size = 0;

	if (text && (!read_size(text, &size) || size < FERRY_CHUNK_LEAST ||
		     size > FERRY_CHUNK_MOST))
		return error_set(err, FERRY_E_USAGE,
				 "--chunk-size %s: not a size from 64K to 1G, "
				 "as 16M",
				 text);
	*out = size;
	return 0;
}

static int
read_existing(const char *text, enum ferry_existing_tag *out,
	      struct ferry_error *err)
{
	static const char *const names[] = {
		[FERRY_TAG_OVERWRITE] = "overwrite",
		[FERRY_TAG_SKIP] = "skip",
		[FERRY_TAG_FAIL] = "fail",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (text && strcmp(text, names[i]))
			continue;
		*out = (enum ferry_existing_tag)i;
		return 0;
	}
	return error_set(err, FERRY_E_USAGE,
			 "--on-existing-tag %s: neither overwrite nor skip nor "
			 "fail",
			 text);
}

int
push_flags_options(struct ferry_load_options *out,
		   const struct push_values *values, char **state,
		   struct ferry_error *err)
{
	out->deep = values->deep;
	if (read_chunk_size(values->chunk_size, &out->registry.chunk_size,
			    err) ||
	    read_existing(values->existing_tag, &out->existing_tag, err) ||
	    environment_state(state, err))
		return err->code;
	out->registry.state = *state;
	return 0;
}
