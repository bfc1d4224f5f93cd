#include "cli/registry_flags.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

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

/* Which files hold credentials: the one that is named, or what is found. */
static int
find_authfiles(struct ferry_registry_options *out,
	       const struct registry_values *values,
	       struct environment_files *found, struct ferry_error *err)
{
	if (values->authfile) {
		out->authfiles = &values->authfile;
		out->authfile_count = 1;
		return 0;
	}
	if (environment_authfiles(found, err))
		return err->code;
	out->authfiles = (const char *const *)found->paths;
	out->authfile_count = found->count;
	return 0;
}

int
registry_flags_options(struct ferry_registry_options *out,
		       const struct registry_values *values,
		       struct environment_files *found, struct ferry_error *err)
{
	if (values->key && !values->cert)
		return error_set(err, FERRY_E_USAGE,
				 "option '--key' is of no use without "
				 "'--cert'");
	if (check_files(values, err))
		return err->code;
	*out = (struct ferry_registry_options){
		.plain_http = values->plain_http.items,
		.plain_http_count = values->plain_http.count,
		.mirrors = values->mirrors.items,
		.mirror_count = values->mirrors.count,
		.ca = values->ca,
		.cert = values->cert,
		.key = values->key,
		.system_ca = environment_ca(false),
		.system_ca_folder = environment_ca(true),
		.retries = values->retries,
		.connect_timeout = values->connect_timeout,
		.stall_timeout = values->stall_timeout,
		.give_up_after = values->give_up_after,
	};
	return find_authfiles(out, values, found, err);
}
