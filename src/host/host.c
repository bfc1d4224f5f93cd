#include "host/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "host/runtimes.h"

/* Linux says "mips" whichever way round its bytes are. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MIPS "mipsle"
#define MIPS64 "mips64le"
#else
#define MIPS "mips"
#define MIPS64 "mips64"
#endif

/*
 * From the kernel's UTS_MACHINE to GOARCH, which OCI's names are by
 * definition (image-spec, image-index.md).  Variants as containerd finds
 * them (platforms/cpuinfo_linux.go): that of arm64 is not written for v8; a
 * 32-bit process on a 64-bit ARM, "armv8l", is arm/v8, which also takes v7
 * and below.  Go needs an ARMv5, and big-endian ARM has no name.  The level
 * of x86-64 is not in uname: without one it is the lowest.
 */
static const struct {
	const char *machine, *architecture, *variant;
} machines[] = {
	{ "x86_64", "amd64", "" },
	{ "amd64", "amd64", "" },
	{ "i386", "386", "" },
	{ "i486", "386", "" },
	{ "i586", "386", "" },
	{ "i686", "386", "" },
	{ "aarch64", "arm64", "" },
	{ "arm64", "arm64", "" },
	{ "armv8l", "arm", "v8" },
	{ "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },
	{ "armv5tl", "arm", "v5" },
	{ "armv5tel", "arm", "v5" },
	{ "armv5tejl", "arm", "v5" },
	{ "ppc64le", "ppc64le", "" },
	{ "ppc64", "ppc64", "" },
	{ "s390x", "s390x", "" },
	{ "riscv64", "riscv64", "" },
	{ "loongarch64", "loong64", "" },
	{ "mips", MIPS, "" },
	{ "mips64", MIPS64, "" },
};

int
host_platform(struct platform *out, const char *machine,
	      struct ferry_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (strcmp(machines[i].machine, machine) == 0)
			return platform_set(out, "linux",
					    machines[i].architecture,
					    machines[i].variant, err);
	return error_set(err, FERRY_E_PLATFORM,
			 "this machine calls itself %s, for which container "
			 "images have no name; name the platform",
			 machine);
}

/*
 * containerd's platforms.platformVector(): the kernels of amd64 and arm64 run
 * their 32-bit kin.  Some arm64 processors cannot; containerd does not ask
 * them either.
 */
static const struct {
	const char *host;
	struct platform kin;
} compatible[] = {
	{ "amd64", { .os = "linux", .architecture = "386" } },
	{ "arm64", { .os = "linux", .architecture = "arm", .variant = "v8" } },
};

bool
host_runs(const struct platform *host, const struct platform *image)
{
	if (platform_match(host, image))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(compatible); i++)
		if (strcmp(host->os, compatible[i].kin.os) == 0 &&
		    strcmp(host->architecture, compatible[i].host) == 0)
			return platform_match(&compatible[i].kin, image) > 0;
	return false;
}

int
ferry_host_find(struct ferry_host *out, struct ferry_error *err)
{
	struct ferry_host host = { 0 };
	struct platform platform;
	char text[PLATFORM_TEXT];
	struct utsname name;
	int rc;

	if (uname(&name))
		return error_errno(err, "uname");
	rc = host_platform(&platform, name.machine, err);
	if (rc)
		return rc;
	snprintf(host.machine, sizeof(host.machine), "%s", name.machine);
	snprintf(host.kernel, sizeof(host.kernel), "%s", name.sysname);
	snprintf(host.release, sizeof(host.release), "%s", name.release);
	snprintf(host.platform, sizeof(host.platform), "%.63s",
		 platform_text(text, &platform));
	host.runtime_count =
		runtimes_find(host.runtimes, ARRAY_SIZE(host.runtimes));
	*out = host;
	return 0;
}
