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

/* Behind the first dot, if there is another one behind that. */
static const char *
parent_domain(const char *host)
{
	const char *dot = strchr(host, '.');

	return dot && strchr(dot + 1, '.') ? dot + 1 : NULL;
}

static bool
is_address(const char *host)
{
	return !host[strspn(host, "0123456789.")] || strchr(host, ':') ||
	       host[0] == '[';
}

/* registry.example.com and gitlab.example.com, or example.com itself. */
static bool
are_related(const char *a, const char *b)
{
	const char *domain = parent_domain(a);
	const char *other = parent_domain(b);

	if (is_address(a) || is_address(b) || !domain)
		return false;
	return strcmp(domain, b) == 0 || (other && strcmp(domain, other) == 0);
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
	/* registry-1.docker.io and auth.docker.io are related; so are those
	 * of GitLab.  No pair is known that would need more. */
	return is_neighbourhood(there.host, home.host) ||
	       are_related(home.host, there.host) ||
	       are_related(there.host, home.host);
}
