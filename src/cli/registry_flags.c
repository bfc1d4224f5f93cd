#include "cli/registry_flags.h"

#include <string.h>

#include "base/text.h"
#include "cli/environment.h"

int
registry_flags_options(struct ferry_registry_options *out,
		       const struct registry_values *values,
		       char **owned_authfile, struct ferry_error *err)
{
	if (values->key && !values->cert)
		return error_set(err, FERRY_E_USAGE,
				 "option '--key' is of no use without "
				 "'--cert'");
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
	};
	return 0;
}
