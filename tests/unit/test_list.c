/* Lines, text lists, what becomes of a list, and what --to names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "list/formats.h"
#include "target/destination.h"

static void
test_a_list_is_read_sorted_and_settled(void **state)
{
	static const char text[] = "# the release\r\n"
				   "\r\n"
				   "  redis:7-alpine\t# cache\r\n"
				   "quay.io/team/app@sha256:"
				   "00000000000000000000000000000000"
				   "00000000000000000000000000000000\n"
				   "docker://alpine\n"
				   "docker.io/library/redis:7-alpine";
	static const char *const names[] = {
		"docker.io/library/alpine:latest",
		"docker.io/library/redis:7-alpine",
		"quay.io/team/app@sha256:"
		"0000000000000000000000000000000000000000000000000000000000000"
		"000",
	};
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err;

	(void)state;
	if (list_add_text(&list, text, strlen(text), &err) ||
	    list_settle(&list, &err))
		fail_msg("%s", err.message);
	assert_int_equal(list.count, ARRAY_SIZE(names));
	for (size_t i = 0; i < list.count; i++) {
		char name[REFERENCE_TEXT];

		assert_string_equal(
			reference_name(name, wanted_name(&list.items[i])),
			names[i]);
	}
}

static void
test_a_bad_line_is_named(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *says;
	} lists[] = {
		{ "redis\n\nRedis:7\n", 15, "line 3: 'Redis:7'" },
		{ "redis :7\n", 9, "line 1: 'redis :7'" },
		{ "re\0dis\n", 7, "NUL" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err = { 0 };

		assert_int_equal(list_add_text(&list, lists[i].text,
					       lists[i].size, &err),
				 FERRY_E_USAGE);
		if (!strstr(err.message, lists[i].says))
			fail_msg("'%s' lacks '%s'", err.message, lists[i].says);
	}
}

#define OTHER_NAME "; leave one out, or give one another name ('=> NAME')"
#define ONES                                                                   \
	"sha256:11111111111111111111111111111111"                              \
	"11111111111111111111111111111111"
#define TWOS                                                                   \
	"sha256:22222222222222222222222222222222"                              \
	"22222222222222222222222222222222"

/* "linux/amd64,linux/arm64", "all" or ""; until the next call. */
static const char *
platforms_text(const struct platforms *platforms)
{
	static char out[PLATFORMS_MAX * (PLATFORM_TEXT + 1)];
	char text[PLATFORM_TEXT];

	strcpy(out, platforms->all ? "all" : "");
	for (size_t i = 0; i < platforms->count; i++) {
		strcat(out, i ? "," : "");
		strcat(out, platform_text(text, &platforms->items[i]));
	}
	return out;
}

static void
test_lines(void **state)
{
	static const struct {
		const char *line;
		const char *origin;
		const char *platforms;
		const char *name; /* "": as its origin calls it */
	} rows[] = {
		{ "redis:7", "docker.io/library/redis:7", "", "" },
		{ "redis:7 linux/arm64", "docker.io/library/redis:7",
		  "linux/arm64", "" },
		{ " redis\tlinux/arm64,linux/amd64 ",
		  "docker.io/library/redis:latest", "linux/arm64,linux/amd64",
		  "" },
		{ "redis:7 all => h:5/x:1", "docker.io/library/redis:7", "all",
		  "h:5/x:1" },
		{ "redis:7 => app", "docker.io/library/redis:7", "",
		  "docker.io/library/app:latest" },
		{ "redis:7 =>app:2", "docker.io/library/redis:7", "",
		  "docker.io/library/app:2" },
		{ "redis:7@" ONES " => app:2",
		  "docker.io/library/redis:7@" ONES, "",
		  "docker.io/library/app:2" },
		{ "docker://h:5/a/b:1", "h:5/a/b:1", "", "" },
		{ "docker-daemon:redis:7 => r:1", "docker-daemon:redis:7", "",
		  "docker.io/library/r:1" },
		{ "oci:/srv/images", "oci:/srv/images", "", "" },
		{ "oci:/srv/images:app:1 linux/arm64 => a:1",
		  "oci:/srv/images:app:1", "linux/arm64",
		  "docker.io/library/a:1" },
		{ "oci-archive:my images.tar:app",
		  "oci-archive:my images.tar:app", "", "" },
		{ "oci-archive:my images.tar  x86_64",
		  "oci-archive:my images.tar  x86_64", "", "" },
		{ "oci-archive:my images.tar  linux/x86_64",
		  "oci-archive:my images.tar", "linux/amd64", "" },
		{ "docker-archive:a=>b.tar", "docker-archive:a=>b.tar", "",
		  "" },
		{ "bundle:r.tar.zst:redis:7", "bundle:r.tar.zst:redis:7", "",
		  "" },
		{ "redis:7 linux/amd64,linux/x86_64",
		  "docker.io/library/redis:7", "linux/amd64", "" },
		/* What begins like one is none. */
		{ "oci/redis:7", "docker.io/oci/redis:7", "", "" },
		{ "oci.example:5000/redis:7", "oci.example:5000/redis:7", "",
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err;
		char text[ORIGIN_TEXT];
		const struct wanted *item;

		if (list_add(&list, rows[i].line, &err))
			fail_msg("%s", err.message);
		item = &list.items[0];
		assert_string_equal(origin_text(text, &item->origin),
				    rows[i].origin);
		assert_string_equal(platforms_text(&item->platforms),
				    rows[i].platforms);
		if (*rows[i].name)
			assert_string_equal(reference_name(text, &item->name),
					    rows[i].name);
		else
			assert_string_equal(item->name.repository, "");
	}
}

static void
test_bad_lines(void **state)
{
	static const struct {
		const char *line;
		const char *says;
	} rows[] = {
		{ "", "'' is no image reference: it names no repository" },
		{ "Redis", "'Redis' is no image reference" },
		{ "redis:7 amd64", "'redis:7 amd64': 'amd64' is no platform" },
		{ "redis:7 linux/amd64 linux/arm64",
		  "'linux/amd64 linux/arm64' is no platform" },
		{ "redis:7 linux/amd64,", "'' is no platform" },
		{ "redis:7 linux/amd64,all", "platform 'all' and another one" },
		{ "redis:7 =>", "'redis:7 =>': no name behind =>" },
		{ "=> app:1", "'=> app:1': '' is no image reference" },
		{ "redis:7 => App:1",
		  "'redis:7 => App:1': 'App:1' is no image reference" },
		{ "redis:7 => app:1 linux/amd64",
		  "'app:1 linux/amd64' is no image reference" },
		{ "redis:7 => app:1@" ONES,
		  "a name to carry an image as has no digest" },
		{ "redis:7 => app@" ONES,
		  "a name to carry an image as has no digest" },
		{ "redis:7=>app:1", "'redis:7=>app:1' is no image reference" },
		{ "oci:", "'oci:': it has no path" },
		{ "oci::app", "'oci::app': it has no path" },
		{ "oci:/x:", "'oci:/x:': it has no name" },
		{ "docker-daemon:", "'docker-daemon:': it has no name" },
		{ "http://h/x", "'http://h/x': leave out http://" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err = { 0 };

		if (list_add(&list, rows[i].line, &err) != FERRY_E_USAGE)
			fail_msg("'%s' passes", rows[i].line);
		if (!strstr(err.message, rows[i].says))
			fail_msg("'%s' lacks '%s'", err.message, rows[i].says);
		assert_int_equal(list.count, 0);
	}
}

#define LINES_MAX 5

/* What remains of some lines: origins with platforms, and names. */
static void
test_a_list_is_settled(void **state)
{
	static const struct {
		const char *lines[LINES_MAX];
		const char *origins[LINES_MAX];
		const char *platforms[LINES_MAX];
	} rows[] = {
		{ { "redis:7", "redis:7" },
		  { "docker.io/library/redis:7" },
		  { "linux/amd64" } },
		{ { "redis:7 linux/arm64", "redis:7" },
		  { "docker.io/library/redis:7" },
		  { "linux/arm64,linux/amd64" } },
		{ { "redis:7", "alpine", "redis:7 linux/arm64,linux/amd64" },
		  { "docker.io/library/alpine:latest",
		    "docker.io/library/redis:7" },
		  { "linux/amd64", "linux/amd64,linux/arm64" } },
		{ { "redis:7 linux/arm64", "redis:7 all", "redis:7" },
		  { "docker.io/library/redis:7" },
		  { "all" } },
		{ { "redis:7@" ONES, "docker.io/library/redis:7@" ONES },
		  { "docker.io/library/redis:7@" ONES },
		  { "linux/amd64" } },
		{ { "redis:7 => a:1", "redis:7 => b:1", "redis:7" },
		  { "docker.io/library/redis:7", "docker.io/library/redis:7",
		    "docker.io/library/redis:7" },
		  { "linux/amd64", "linux/amd64", "linux/amd64" } },
		/* Without a name yet: behind, each once. */
		{ { "oci:/x", "redis:7", "docker-daemon:redis:7",
		    "oci:/x linux/arm64", "oci:/x:a" },
		  { "docker.io/library/redis:7", "docker-daemon:redis:7",
		    "oci:/x", "oci:/x:a" },
		  { "linux/amd64", "linux/amd64", "linux/amd64,linux/arm64",
		    "linux/amd64" } },
		{ { "oci:/x:a => a:1", "oci:/x:a linux/arm64 => a:1" },
		  { "oci:/x:a" },
		  { "linux/amd64,linux/arm64" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err;
		size_t count = 0;

		assert_int_equal(
			platforms_add(&list.platforms, "linux/amd64", &err), 0);
		for (size_t j = 0; j < LINES_MAX && rows[i].lines[j]; j++)
			if (list_add(&list, rows[i].lines[j], &err))
				fail_msg("%s", err.message);
		if (list_settle(&list, &err))
			fail_msg("%s", err.message);
		while (count < LINES_MAX && rows[i].origins[count])
			count++;
		assert_int_equal(list.count, count);
		for (size_t j = 0; j < count; j++) {
			const struct wanted *item = &list.items[j];
			char text[ORIGIN_TEXT];

			assert_string_equal(origin_text(text, &item->origin),
					    rows[i].origins[j]);
			assert_string_equal(platforms_text(&item->platforms),
					    rows[i].platforms[j]);
		}
	}
}

static void
test_one_name_with_two_meanings_is_refused(void **state)
{
	static const struct {
		const char *texts[2];
		const char *says;
	} lists[] = {
		{ { "redis:7@" ONES, "docker.io/library/redis:7@" TWOS },
		  "redis:7 is asked for with two different digests, " ONES
		  " and " TWOS },
		{ { "redis:7@" ONES, "redis:7" },
		  "redis:7 is asked for both with and without the digest " ONES
		  "; leave one out" },
		{ { "redis:7", "redis:7@" ONES },
		  "redis:7 is asked for both with and without the digest " ONES
		  "; leave one out" },
		{ { "h:5/redis:7 => redis:7", "redis:7" },
		  "redis:7 is asked for from two places, h:5/redis:7 and "
		  "docker.io/library/redis:7" OTHER_NAME },
		{ { "oci:/a => r:1", "docker-daemon:x => r:1" },
		  "r:1 is asked for from two places, oci:/a and "
		  "docker-daemon:x" OTHER_NAME },
		{ { "oci:/a => r:1", "oci:/b => r:1" },
		  "r:1 is asked for from two places, oci:/a and oci:/b" OTHER_NAME },
		{ { "bundle:/a:x => r:1", "bundle:/a:y => r:1" },
		  "r:1 is asked for from two places, bundle:/a:x and "
		  "bundle:/a:y" OTHER_NAME },
		{ { "app@" ONES " => r:1", "app@" TWOS " => r:1" },
		  "r:1 is asked for with two different digests, " ONES
		  " and " TWOS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err;

		for (size_t j = 0; j < ARRAY_SIZE(lists[i].texts); j++)
			assert_int_equal(
				list_add(&list, lists[i].texts[j], &err), 0);
		assert_int_equal(list_settle(&list, &err), FERRY_E_USAGE);
		assert_string_equal(err.message, lists[i].says);
	}
}

static void
test_too_many_platforms_of_one_image(void **state)
{
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err;
	char line[64];

	(void)state;
	for (int i = 0; i <= PLATFORMS_MAX; i++) {
		snprintf(line, sizeof(line), "redis:7 linux/a%d", i);
		assert_int_equal(list_add(&list, line, &err), 0);
	}
	assert_int_equal(list_settle(&list, &err), FERRY_E_USAGE);
	assert_string_equal(err.message,
			    "redis:7: more than 8 platforms of one image");
}

static void
test_a_list_has_an_end(void **state)
{
	struct list list = { .count = LIST_IMAGES_MAX };
	struct ferry_error err;

	(void)state;
	assert_int_equal(list_add(&list, "redis:7", &err), FERRY_E_USAGE);
	assert_string_equal(err.message, "more than 100000 images in all");
	assert_int_equal(list.count, LIST_IMAGES_MAX);
	assert_null(list.items);
}

static void
test_pins_of_all_transports(void **state)
{
	static const char *const texts[] = { "redis:7", "oci:/x:a",
					     "docker-daemon:redis:7" };
	struct digest ones;
	struct digest twos;
	struct ferry_error err;

	(void)state;
	assert_int_equal(digest_parse(&ones, ONES, &err), 0);
	assert_int_equal(digest_parse(&twos, TWOS, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(origin_release) struct origin origin = { 0 };

		assert_int_equal(origin_parse(&origin, texts[i], &err), 0);
		assert_false(digest_is_set(origin_pin(&origin)));
		assert_int_equal(origin_set_pin(&origin, &ones, &err), 0);
		assert_int_equal(origin_set_pin(&origin, &ones, &err), 0);
		assert_string_equal(origin_pin(&origin)->text, ONES);
		assert_int_equal(origin_set_pin(&origin, &twos, &err),
				 FERRY_E_USAGE);
		assert_string_equal(err.message, "both " ONES " and " TWOS);
		assert_string_equal(origin_pin(&origin)->text, ONES);
	}
}

static void
test_a_url_is_no_name(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} urls[] = {
		{ "http://10.0.0.5:5000",
		  "'http://10.0.0.5:5000': leave out http://; --plain-http "
		  "10.0.0.5:5000 if it speaks no TLS" },
		{ "http://h/x:1", "'http://h/x:1': leave out http://; "
				  "--plain-http h if it speaks no TLS" },
		{ "https://h/x:1", "'https://h/x:1': leave out https://" },
	};
	struct destination found;
	struct reference reference;
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		assert_int_equal(destination_parse(&found, urls[i].text, &err),
				 FERRY_E_USAGE);
		assert_string_equal(err.message, urls[i].says);
		assert_int_equal(
			list_parse_reference(&reference, urls[i].text, &err),
			FERRY_E_USAGE);
		assert_string_equal(err.message, urls[i].says);
	}
}

static void
test_destinations(void **state)
{
	static const struct {
		const char *text;
		enum destination_kind kind;
		const char *address;
	} good[] = {
		{ "docker", DESTINATION_DOCKER, NULL },
		{ "docker-daemon:/x/y.sock", DESTINATION_DOCKER, "/x/y.sock" },
		{ "10.0.0.5:5000", DESTINATION_REGISTRY, "10.0.0.5:5000" },
		{ "localhost/team", DESTINATION_REGISTRY, "localhost/team" },
		{ "reg.example.com/a/b", DESTINATION_REGISTRY,
		  "reg.example.com/a/b" },
		{ "docker://plain/a", DESTINATION_REGISTRY, "plain/a" },
		{ "podman", DESTINATION_PODMAN, NULL },
		{ "podman:/a/b", DESTINATION_PODMAN, "/a/b" },
		{ "oci:some/folder", DESTINATION_OCI, "some/folder" },
		{ "containerd", DESTINATION_CONTAINERD, NULL },
		{ "containerd:k8s.io", DESTINATION_CONTAINERD, "k8s.io" },
	};
	static const char *const bad[] = {
		"",	   "dcoker",	     "containerd:", "containerdx",
		"docker:", "docker-daemon:", "docker://",   "plain/a.b:c"
	};
	struct destination found;
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(destination_parse(&found, good[i].text, &err),
				 0);
		assert_int_equal(found.kind, good[i].kind);
		if (good[i].address)
			assert_string_equal(found.address, good[i].address);
		else
			assert_null(found.address);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (destination_parse(&found, bad[i], &err) != FERRY_E_USAGE)
			fail_msg("'%s' passes", bad[i]);
	assert_non_null(strstr(err.message, "'plain/a.b:c' is no target"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_is_read_sorted_and_settled),
		cmocka_unit_test(test_a_bad_line_is_named),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_a_list_is_settled),
		cmocka_unit_test(test_too_many_platforms_of_one_image),
		cmocka_unit_test(test_a_list_has_an_end),
		cmocka_unit_test(test_pins_of_all_transports),
		cmocka_unit_test(test_one_name_with_two_meanings_is_refused),
		cmocka_unit_test(test_a_url_is_no_name),
		cmocka_unit_test(test_destinations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
