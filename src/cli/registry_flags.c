#include "cli/registry_flags.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/environment.h"

/* A slip in it would not show before a registry asks for what it holds. */
static int
check_file(const char *option, const char *path, struct ferry_error *err)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	return error_set(err, FERRY_E_USAGE, "%s %s: %s", option, path,
			 errno == ENOENT ? "no such file" : strerror(errno));
}

static int
check_files(const struct registry_values *values, struct ferry_error *err)
{
	int rc = check_file("--authfile", values->authfile, err);

	if (!rc)
		rc = check_file("--ca", values->ca, err);
	if (!rc)
		rc = check_file("--cert", values->cert, err);
	return rc ? rc : check_file("--key", values->key, err);
}

int
registry_flags_options(struct ferry_registry_options *out,
		       const struct registry_values *values,
		       char **owned_authfile, struct ferry_error *err)
{
	if (values->key && !values->cert)
		return error_set(err, FERRY_E_USAGE,
				 "option '--key' is of no use without "
				 "'--cert'");
	if (check_files(values, err))
		return err->code;
	if (!values->authfile && environment_authfile(owned_authfile, err))
		return err->code;
	*out = (struct ferry_registry_options){
		.plain_http = values->plain_http.items,
		.plain_http_count = values->plain_http.count,
		.authfile =
			values->authfile ? values->authfile : *owned_authfile,
		.ca = values->ca,
		.cert = values->cert,
		.key = values->key,
		.retries = values->retries,
		.connect_timeout = values->connect_timeout,
		.stall_timeout = values->stall_timeout,
	};
	return 0;
}
