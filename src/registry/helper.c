#include "registry/helper.h"

#include <string.h>

#include "base/process.h"
#include "base/text.h"
#include "oci/reference.h"

/* Under this user name the secret is an identity token. */
#define TOKEN_USER "<token>"

static bool
is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	return *name && !name[strspn(name, allowed)];
}

/*
 * Helpers print errors where the secret would stand, so nothing they print is
 * quoted but this one, which they all share.
 */
static bool
says_not_found(struct buffer *answer, struct ferry_error *err)
{
	const char *text = "";

	return buffer_text(answer, &text, err) == 0 &&
	       strstr(text, "credentials not found");
}

static int
take_answer(struct credentials *out, const json_t *answer,
	    struct ferry_error *err)
{
	AUTO(credentials_release) struct credentials found = { 0 };
	const char *username = NULL;
	const char *secret = NULL;
	bool token;
	int rc = json_get_text(answer, "Username", &username, err);

	if (!rc)
		rc = json_get_text(answer, "Secret", &secret, err);
	if (rc)
		return rc;
	token = strcmp(username, TOKEN_USER) == 0;
	if (!token)
		rc = text_copy(&found.username, username, err);
	if (!rc && *secret)
		rc = text_copy(token ? &found.identity_token : &found.password,
			       secret, err);
	if (rc)
		return rc;
	*out = found;
	found = (struct credentials){ 0 };
	return 0;
}

int
helper_parse(struct credentials *out, struct buffer *answer, int status,
	     struct ferry_error *err)
{
	AUTO_JSON *json = NULL;

	if (status && says_not_found(answer, err))
		return 0;
	if (status)
		return error_set(err, FERRY_E_FAILED, "failed with status %d",
				 status);
	if (json_parse(&json, answer->data, answer->size, err))
		/* jansson's message quotes what it stumbled on. */
		return error_set(err, FERRY_E_FAILED, "its answer is no JSON");
	return take_answer(out, json, err);
}

static int
ask(struct credentials *out, struct ferry_context *context, const char *program,
    const char *host, struct ferry_error *err)
{
	const char *const argv[] = { program, "get", NULL };
	AUTO(credentials_wipe) struct buffer answer = BUFFER(HELPER_OUTPUT_MAX);
	bool hub = strcmp(credentials_host(host), REFERENCE_HUB) == 0;
	int status = 0;
	int rc = process_run(context, argv,
			     hub ? "https://index.docker.io/v1/" : host,
			     HELPER_MILLISECONDS, &answer, &status, err);

	if (!rc) {
		rc = helper_parse(out, &answer, status, err);
		if (rc)
			error_wrap(err, "%s", program);
	}
	return rc;
}

int
helper_get(struct credentials *out, struct ferry_context *context,
	   const char *name, const char *host, struct ferry_error *err)
{
	AUTO_FREE char *program = NULL;
	int rc;

	if (!is_name(name))
		rc = error_set(err, FERRY_E_FAILED,
			       "credential helper: \"%s\" is no name of one",
			       name);
	else
		rc = text_format(&program, err, "docker-credential-%s", name);
	if (!rc)
		rc = ask(out, context, program, host, err);
	if (rc == FERRY_E_NOT_FOUND)
		err->code = FERRY_E_FAILED;
	return rc ? error_wrap(err, "credentials of %s", host) : 0;
}
