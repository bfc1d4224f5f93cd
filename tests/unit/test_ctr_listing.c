/*
 * target/ctr_listing: tables that ctr 1.6, 1.7 and 2.1 print, and what others
 * may make of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "target/ctr_listing.h"

#define A                                                                      \
	"sha256:"                                                              \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B                                                                      \
	"sha256:"                                                              \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C                                                                      \
	"sha256:"                                                              \
	"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

#define TITLES                                                                    \
	"REF                TYPE  "                                               \
	"DIGEST                                                                 " \
	" SIZE    PLATFORMS               LABELS \n"
#define ROW(name, digest, labels)                                              \
	name " index " digest " 3.0 MiB linux/amd64,linux/arm64 " labels "\n"

static void
images_are_read(void **state)
{
	static const char text[] = TITLES ROW("docker.io/test/b:1", B, "-     ")
		ROW("docker.io/test/a:1", A,
		    "x=y z,io.cri-containerd.pinned=pinned,a=b")
			ROW("docker.io/test/c:1", C,
			    "x-io.cri-containerd.pinned=pinned");
	AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
	const struct ctr_image *found;
	struct ferry_error err;

	(void)state;
	assert_int_equal(ctr_listing_images(&listing, text, &err), 0);
	assert_int_equal(listing.image_count, 3);
	found = ctr_listing_find(&listing, "docker.io/test/a:1");
	assert_string_equal(found->digest.text, A);
	assert_true(found->pinned);
	assert_true(found->unpacked);
	found = ctr_listing_find(&listing, "docker.io/test/b:1");
	assert_string_equal(found->digest.text, B);
	assert_false(found->pinned);
	assert_false(ctr_listing_find(&listing, "docker.io/test/c:1")->pinned);
	assert_null(ctr_listing_find(&listing, "docker.io/test/a:2"));
	assert_null(ctr_listing_find(&listing, "REF"));
}

/* What is not understood is not there. */
static void
odd_tables_have_no_images(void **state)
{
	static const char *const table[] = {
		"",
		"\n",
		"REF TYPE DIGEST SIZE PLATFORMS LABELS \n",
		"no table at all\n" A "\n",
		/* No titles. */
		ROW("docker.io/test/a:1", A, "-")
			ROW("docker.io/test/a:1", A, "-"),
		/* A name that means to be a row. */
		"REF"
		"                                                  "
		"                                            "
		"TYPE  DIGEST\n"
		"docker.io/test/a:1 index " A " index " B "\n",
		/* A name that stands below two titles. */
		TITLES ROW("docker.io/test/aaaaaaaaa:1", A, "-"),
		/* No digest, and half a one. */
		TITLES ROW("docker.io/test/a:1", "-", "-"),
		TITLES "docker.io/test/a:1 index sha256:aaaa\n",
		TITLES "docker.io/test/a:1\n",
		/* Too many titles. */
		"REF A B C D E F G DIGEST \n"
		"x   a b c d e f g " A " \n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
		struct ferry_error err;

		assert_int_equal(ctr_listing_images(&listing, table[i], &err),
				 0);
		if (listing.image_count)
			fail_msg("%s: %s", table[i], listing.images[0].name);
	}
}

static void
what_is_not_unpacked_is_marked(void **state)
{
	static const char text[] = TITLES ROW("docker.io/test/a:1", A, "-")
		ROW("docker.io/test/b:1", B, "-");
	static const char check[] =
		"REF                TYPE  DIGEST  STATUS           SIZE        "
		"    UNPACKED \n"
		"docker.io/test/a:1 index sha256: complete (2/2)   3.0 MiB/3.0 "
		"MiB true     \n"
		"docker.io/test/b:1 index sha256: incomplete (1/2) 1.0 MiB/3.0 "
		"MiB false    \n"
		"docker.io/test/z:1 index sha256: incomplete (1/2) 1.0 MiB/3.0 "
		"MiB false    \n";
	AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(ctr_listing_images(&listing, text, &err), 0);
	ctr_listing_check(&listing, "");
	ctr_listing_check(&listing, "garbage\nfalse\n");
	assert_true(ctr_listing_find(&listing, "docker.io/test/b:1")->unpacked);
	ctr_listing_check(&listing, check);
	assert_true(ctr_listing_find(&listing, "docker.io/test/a:1")->unpacked);
	assert_false(
		ctr_listing_find(&listing, "docker.io/test/b:1")->unpacked);
}

static struct digest
digest(const char *text)
{
	struct ferry_error err;
	struct digest out;

	assert_int_equal(digest_parse(&out, text, &err), 0);
	return out;
}

static void
blobs_are_found(void **state)
{
	const struct digest a = digest(A);
	const struct digest b = digest(B);
	AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
	struct ferry_error err;

	(void)state;
	assert_true(ctr_listing_has(&listing, &a));
	assert_int_equal(ctr_listing_blobs(&listing,
					   C "\nrubbish\n" A "\n\n" B " x\n",
					   &err),
			 0);
	assert_int_equal(listing.blob_count, 2);
	assert_true(ctr_listing_has(&listing, &a));
	assert_false(ctr_listing_has(&listing, &b));
}

static void
nothing_is_nothing(void **state)
{
	const struct digest a = digest(A);
	AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(ctr_listing_blobs(&listing, "", &err), 0);
	assert_false(ctr_listing_has(&listing, &a));
}

static void
nerdctls_lines_are_read(void **state)
{
	static const char text[] = "docker.io/test/b:1 " B "\n"
				   "two words " A "\n"
				   "docker.io/test/x:1 \n"
				   "docker.io/test/a:1 " A "\n"
				   "docker.io/test/a:1 " A "\n";
	AUTO(ctr_listing_release) struct ctr_listing listing = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(ctr_listing_names(&listing, text, &err), 0);
	assert_int_equal(listing.image_count, 3);
	assert_string_equal(
		ctr_listing_find(&listing, "docker.io/test/b:1")->digest.text,
		B);
	assert_string_equal(
		ctr_listing_find(&listing, "docker.io/test/a:1")->digest.text,
		A);
}

static void
versions_are_read(void **state)
{
	static const struct {
		const char *text, *client, *server;
	} table[] = {
		{ "Client:\n  Version:  1.6.20~ds1\n  Revision: x\n\nServer:\n"
		  "  Version:  1.7.1\n  UUID: y\n",
		  "1.6.20~ds1", "1.7.1" },
		{ "Client:\n Version:\tv2.1.9+unknown\nServer:\n containerd:\n"
		  "  Version:\tv2.0.0\n runc:\n  Version:\t1.1\n",
		  "v2.1.9+unknown", "v2.0.0" },
		{ "", "", "" },
		{ "Client:\n  Version:  "
		  "1234567890123456789012345678901234567890\n",
		  "", "" },
		{ "Server:", "", "" },
	};
	char out[CTR_VERSION_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_string_equal(
			ctr_listing_version(out, table[i].text, "Client:"),
			table[i].client);
		assert_string_equal(
			ctr_listing_version(out, table[i].text, "Server:"),
			table[i].server);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_are_read),
		cmocka_unit_test(odd_tables_have_no_images),
		cmocka_unit_test(what_is_not_unpacked_is_marked),
		cmocka_unit_test(blobs_are_found),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(nerdctls_lines_are_read),
		cmocka_unit_test(versions_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
