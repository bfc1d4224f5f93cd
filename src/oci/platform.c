#include "oci/platform.h"

#include <stdio.h>
#include <string.h>

/* Levels of an architecture, as in "v8.2"; two digits each are plenty. */
#define LEVEL(major, minor) ((major)*100 + (minor))

/* Copies a word in lower case; false unless it is one. */
static bool
set_word(char out[PLATFORM_WORD], const char *text, size_t length)
{
	if (length == 0 || length >= PLATFORM_WORD)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '_' && c != '-')
			return false;
		out[i] = c;
	}
	out[length] = '\0';
	return true;
}

/* Leaves nothing of the old word behind, so that equal ones compare equal. */
static void
replace(char out[PLATFORM_WORD], const char *word)
{
	memset(out, 0, PLATFORM_WORD);
	memcpy(out, word, strlen(word));
}

/* What people and machines call it, in Go's names: containerd/platforms. */
static void
canonicalize(struct platform *platform)
{
	static const struct {
		const char *alias, *architecture, *variant;
	} aliases[] = {
		{ "x86_64", "amd64", NULL },  { "x86-64", "amd64", NULL },
		{ "aarch64", "arm64", NULL }, { "i386", "386", NULL },
		{ "armhf", "arm", "v7" },     { "armel", "arm", "v6" },
	};

	if (strcmp(platform->os, "macos") == 0)
		replace(platform->os, "darwin");
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (strcmp(platform->architecture, aliases[i].alias) != 0)
			continue;
		replace(platform->architecture, aliases[i].architecture);
		if (aliases[i].variant)
			replace(platform->variant, aliases[i].variant);
		return;
	}
}

static bool
parse(struct platform *out, const char *text)
{
	char *const words[] = { out->os, out->architecture, out->variant };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strcspn(text, "/");

		if (!set_word(words[i], text, length))
			return false;
		if (!text[length])
			return i > 0;
		text += length + 1;
	}
	return false;
}

int
platform_parse_exact(struct platform *out, const char *text,
		     struct ferry_error *err)
{
	struct platform platform = { 0 };

	if (!parse(&platform, text))
		return error_set(err, FERRY_E_USAGE,
				 "'%.100s' is no platform: that is "
				 "OS/ARCHITECTURE[/VARIANT], as in linux/amd64",
				 text);
	*out = platform;
	return 0;
}

int
platform_parse(struct platform *out, const char *text, struct ferry_error *err)
{
	int rc = platform_parse_exact(out, text, err);

	if (!rc)
		canonicalize(out);
	return rc;
}

int
platform_set(struct platform *out, const char *os, const char *architecture,
	     const char *variant, struct ferry_error *err)
{
	struct platform platform = { 0 };

	if (!set_word(platform.os, os, strlen(os)))
		return error_set(err, FERRY_E_FAILED,
				 "'%.100s' is no operating system", os);
	if (!set_word(platform.architecture, architecture,
		      strlen(architecture)))
		return error_set(err, FERRY_E_FAILED,
				 "'%.100s' is no architecture", architecture);
	if (variant && *variant &&
	    !set_word(platform.variant, variant, strlen(variant)))
		return error_set(err, FERRY_E_FAILED,
				 "'%.100s' is no variant of an architecture",
				 variant);
	*out = platform;
	return 0;
}

const char *
platform_text(char out[PLATFORM_TEXT], const struct platform *platform)
{
	snprintf(out, PLATFORM_TEXT, "%s/%s%s%s", platform->os,
		 platform->architecture, platform->variant[0] ? "/" : "",
		 platform->variant);
	return out;
}

/* Takes one or two digits off *text. */
static bool
take_number(const char **text, unsigned *out)
{
	size_t length = strspn(*text, "0123456789");

	if (length < 1 || length > 2)
		return false;
	*out = 0;
	for (; length; length--)
		*out = *out * 10 + (unsigned)(*(*text)++ - '0');
	return true;
}

/* "v8.2", "v8" or "8" as a LEVEL(), or 0. */
static unsigned
variant_level(const char *variant)
{
	unsigned major;
	unsigned minor = 0;

	if (*variant == 'v')
		variant++;
	if (!take_number(&variant, &major))
		return 0;
	if (*variant == '.') {
		variant++;
		if (!take_number(&variant, &minor))
			return 0;
	}
	return *variant ? 0 : LEVEL(major, minor);
}

/* Where higher levels contain lower ones; 0: the variant is but a name. */
static unsigned
platform_level(const struct platform *platform)
{
	static const struct {
		const char *architecture;
		unsigned without_variant;
	} levelled[] = {
		{ "amd64", LEVEL(1, 0) },
		{ "arm", LEVEL(7, 0) },
		{ "arm64", LEVEL(8, 0) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(levelled); i++)
		if (strcmp(platform->architecture, levelled[i].architecture) ==
		    0)
			return platform->variant[0]
				       ? variant_level(platform->variant)
				       : levelled[i].without_variant;
	return 0;
}

unsigned
platform_match(const struct platform *wanted, const struct platform *offered)
{
	struct platform want = *wanted;
	struct platform have = *offered;
	unsigned want_level;
	unsigned have_level;

	canonicalize(&want);
	canonicalize(&have);
	if (strcmp(want.os, have.os) != 0 ||
	    strcmp(want.architecture, have.architecture) != 0)
		return 0;
	want_level = platform_level(&want);
	have_level = platform_level(&have);
	if (want_level && have_level)
		return have_level <= want_level ? have_level : 0;
	return strcmp(want.variant, have.variant) == 0;
}

bool
platforms_empty(const struct platforms *platforms)
{
	return !platforms->count && !platforms->all;
}

static int
refuse_all(struct ferry_error *err)
{
	return error_set(err, FERRY_E_USAGE,
			 "platform 'all' and another one: give one or other");
}

int
platforms_add(struct platforms *platforms, const char *text,
	      struct ferry_error *err)
{
	struct platform platform;
	int rc;

	if (strcmp(text, "all") == 0) {
		platforms->all = true;
		return platforms->count ? refuse_all(err) : 0;
	}
	if (platforms->all)
		return refuse_all(err);
	rc = platform_parse(&platform, text, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < platforms->count; i++)
		if (memcmp(&platforms->items[i], &platform, sizeof(platform)) ==
		    0)
			return 0;
	if (platforms->count == PLATFORMS_MAX)
		return error_set(err, FERRY_E_USAGE,
				 "more than %d platforms of one image",
				 PLATFORMS_MAX);
	platforms->items[platforms->count++] = platform;
	return 0;
}
