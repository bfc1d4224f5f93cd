#include "registry/realm.h"

#include <string.h>
#include <strings.h>

#include "net/url.h"

static bool
has_user(const char *realm)
{
	const char *authority = strstr(realm, "://");
	size_t length = strcspn(authority + 3, "/?#");

	return memchr(authority + 3, '@', length);
}

static bool
is_neighbourhood(const char *a, const char *b)
{
	return strcmp(a, b) == 0 ||
	       (url_host_is_loopback(a) && url_host_is_loopback(b));
}

int
realm_check(const char *realm, const char *base, struct ferry_error *err)
{
	struct url_origin there;
	struct url_origin home;
	int rc;

	if (strncasecmp(realm, "https://", 8) &&
	    strncasecmp(realm, "http://", 7))
		return error_set(err, FERRY_E_DENIED,
				 "its token server \"%s\" is no http(s) URL",
				 realm);
	if (has_user(realm))
		return error_set(err, FERRY_E_DENIED,
				 "its token server's URL names a user");
	rc = url_origin(&there, realm, err);
	if (!rc)
		rc = url_origin(&home, base, err);
	if (rc)
		return error_wrap(err, "its token server");
	if (strcmp(home.scheme, "https") == 0 && strcmp(there.scheme, "https"))
		return error_set(err, FERRY_E_DENIED,
				 "its token server %s is plain HTTP",
				 there.host);
	if (url_host_is_private(there.host) &&
	    !is_neighbourhood(there.host, home.host))
		return error_set(
			err, FERRY_E_DENIED,
			"its token server %s is an address inside this network",
			there.host);
	return 0;
}

static bool
is_address(const char *host)
{
	return !host[strspn(host, "0123456789.")] || strchr(host, ':') ||
	       host[0] == '[';
}

/* registry.gitlab.com below gitlab.com. */
static bool
is_below(const char *host, const char *domain)
{
	size_t length = strlen(host);
	size_t tail = strlen(domain) + 1;

	if (is_address(host) || is_address(domain) || !strchr(domain, '.'))
		return false;
	return length > tail && host[length - tail] == '.' &&
	       strcmp(host + length - tail + 1, domain) == 0;
}

/* Two under one domain may be of two tenants; of this pair we know better. */
static bool
is_known_pair(const char *home, const char *there)
{
	return strcmp(home, "registry-1.docker.io") == 0 &&
	       strcmp(there, "auth.docker.io") == 0;
}

bool
realm_is_trusted(const char *realm, const char *base)
{
	struct ferry_error ignored;
	struct url_origin there;
	struct url_origin home;

	if (url_origin(&there, realm, &ignored) ||
	    url_origin(&home, base, &ignored))
		return false;
	return is_neighbourhood(there.host, home.host) ||
	       is_below(home.host, there.host) ||
	       is_below(there.host, home.host) ||
	       is_known_pair(home.host, there.host);
}
