#include "cli/static.h"

#include <stddef.h>

#ifdef FERRY_STATIC

#include <nss.h>
#include <openssl/crypto.h>
#include <static_versions.h>
#include <unistd.h>

#include "base/cleanup.h"

/*
 * Name services are modules of the C library that they were built with;
 * another one's kill the process.  "files" and "dns" are in libc.a itself.
 */
static void
keep_to_own_name_services(void)
{
	static const char *const databases[] = { "passwd",   "group",
						 "services", "protocols",
						 "networks", "initgroups" };

	__nss_configure_lookup("hosts", "files dns");
	for (size_t i = 0; i < ARRAY_SIZE(databases); i++)
		__nss_configure_lookup(databases[i], "files");
}

void
static_begin(void)
{
	keep_to_own_name_services();
	/* The system's openssl.cnf may name modules of another OpenSSL. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* Debian, Fedora and RHEL, their older releases, SUSE, Alpine. */
const char *
static_authorities(void)
{
	static const char *const files[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/var/lib/ca-certificates/ca-bundle.pem",
		"/etc/ssl/cert.pem",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return NULL;
}

const char *
static_versions(void)
{
	return "one static file, with\n" FERRY_STATIC_VERSIONS;
}

#else

void
static_begin(void)
{
}

const char *
static_authorities(void)
{
	return NULL;
}

const char *
static_versions(void)
{
	return "";
}

#endif
