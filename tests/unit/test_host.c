/*
 * host/: uname's machines in OCI's names, and who runs what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "host/host.h"
#include "host/runtimes.h"

static void
machines_have_oci_names(void **state)
{
	static const struct {
		const char *machine, *platform;
	} table[] = {
		{ "x86_64", "linux/amd64" },
		{ "amd64", "linux/amd64" },
		{ "i386", "linux/386" },
		{ "i486", "linux/386" },
		{ "i586", "linux/386" },
		{ "i686", "linux/386" },
		{ "aarch64", "linux/arm64" },
		{ "arm64", "linux/arm64" },
		{ "armv8l", "linux/arm/v8" },
		{ "armv7l", "linux/arm/v7" },
		{ "armv6l", "linux/arm/v6" },
		{ "armv5tl", "linux/arm/v5" },
		{ "armv5tel", "linux/arm/v5" },
		{ "armv5tejl", "linux/arm/v5" },
		{ "ppc64le", "linux/ppc64le" },
		{ "ppc64", "linux/ppc64" },
		{ "s390x", "linux/s390x" },
		{ "riscv64", "linux/riscv64" },
		{ "loongarch64", "linux/loong64" },
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		{ "mips", "linux/mipsle" },
		{ "mips64", "linux/mips64le" },
#else
		{ "mips", "linux/mips" },
		{ "mips64", "linux/mips64" },
#endif
	};
	struct ferry_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char text[PLATFORM_TEXT];
		struct platform platform;

		assert_int_equal(
			host_platform(&platform, table[i].machine, &err), 0);
		assert_string_equal(platform_text(text, &platform),
				    table[i].platform);
		/* Whatever a machine is called, it runs its own. */
		assert_true(host_runs(&platform, &platform));
	}
}

static void
unknown_machines_are_named(void **state)
{
	static const char *const machines[] = {
		"",	    "sparc64", "armv4tl", "armv7b", "aarch64_be",
		"x86_64\n", "X86_64",  "riscv32", "s390",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct ferry_error err = { 0 };
		struct platform platform;

		assert_int_equal(host_platform(&platform, machines[i], &err),
				 FERRY_E_PLATFORM);
		assert_non_null(strstr(err.message, "calls itself "));
		if (i == 1)
			assert_string_equal(
				err.message,
				"this machine calls itself sparc64, for which "
				"container images have no name; name the "
				"platform");
	}
}

static void
hosts_run_their_kin(void **state)
{
	static const struct {
		const char *host, *image;
		bool runs;
	} table[] = {
		{ "linux/amd64", "linux/amd64", true },
		{ "linux/amd64", "linux/386", true },
		{ "linux/386", "linux/amd64", false },
		{ "linux/amd64", "linux/arm64", false },
		{ "linux/arm64", "linux/amd64", false },
		{ "linux/arm64", "linux/arm64", true },
		{ "linux/arm64", "linux/arm64/v8", true },
		{ "linux/arm64", "linux/arm/v8", true },
		{ "linux/arm64", "linux/arm/v7", true },
		{ "linux/arm64", "linux/arm", true },
		{ "linux/arm64", "linux/arm/v5", true },
		{ "linux/arm/v7", "linux/arm64", false },
		{ "linux/arm/v8", "linux/arm/v7", true },
		{ "linux/arm/v7", "linux/arm/v6", true },
		{ "linux/arm/v6", "linux/arm/v7", false },
		{ "linux/arm/v6", "linux/arm", false },
		{ "linux/arm64", "linux/386", false },
		{ "linux/amd64", "windows/amd64", false },
		{ "linux/amd64", "windows/386", false },
		{ "linux/ppc64le", "linux/ppc64", false },
		{ "linux/s390x", "linux/s390x", true },
	};
	struct ferry_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct platform host;
		struct platform image;

		assert_int_equal(platform_parse(&host, table[i].host, &err), 0);
		assert_int_equal(platform_parse(&image, table[i].image, &err),
				 0);
		if (host_runs(&host, &image) != table[i].runs)
			fail_msg("%s on %s", table[i].image, table[i].host);
	}
}

static void
this_host_is_found(void **state)
{
	struct ferry_error err = { 0 };
	struct platform platform;
	struct ferry_host host;
	struct utsname name;
	struct stat status;

	(void)state;
	assert_int_equal(uname(&name), 0);
	if (host_platform(&platform, name.machine, &err))
		skip();
	assert_int_equal(ferry_host_find(&host, &err), 0);
	assert_string_equal(host.machine, name.machine);
	assert_string_equal(host.kernel, name.sysname);
	assert_string_equal(host.release, name.release);
	assert_int_equal(strncmp(host.platform, "linux/", 6), 0);
	for (size_t i = 0; i < host.runtime_count; i++) {
		assert_int_equal(stat(host.runtimes[i].socket, &status), 0);
		assert_true(S_ISSOCK(status.st_mode));
		assert_non_null(host.runtimes[i].name);
	}
}

static void
runtimes_keep_to_the_room_given(void **state)
{
	struct ferry_runtime none = { "untouched", NULL };

	(void)state;
	assert_int_equal(runtimes_find(&none, 0), 0);
	assert_string_equal(none.name, "untouched");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines_have_oci_names),
		cmocka_unit_test(unknown_machines_are_named),
		cmocka_unit_test(hosts_run_their_kin),
		cmocka_unit_test(this_host_is_found),
		cmocka_unit_test(runtimes_keep_to_the_room_given),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
