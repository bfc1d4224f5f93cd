/*
 * Who we are to a registry: Docker's config.json and containers-auth.json(5).
 *
 * No message made here ever quotes a secret.
 */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include <stdbool.h>

#include "json/json.h"

/* Both files hold a few hundred bytes per registry. */
#define CREDENTIALS_FILE_MAX ((size_t)1 << 20)

/* What is not known is NULL; all NULL is anonymous. */
struct credentials {
	char *username;
	char *password;
	char *identity_token; /* buys access tokens at the token server */
	char *registry_token; /* is one */
};

bool credentials_are_set(const struct credentials *credentials);
/* Wipes the secrets before it frees them. */
void credentials_release(struct credentials *credentials);
/* The same for a single one, and for a buffer with secrets in it. */
void credentials_forget(char *secret);
void credentials_wipe(struct buffer *buffer);

/*
 * Appends "Basic ...", with an identity token in the place of a password
 * that is not there.
 */
int credentials_basic(struct buffer *out, const struct credentials *credentials,
		      struct ferry_error *err) MUST_CHECK;

/*
 * "docker.io" for all names of Docker Hub, in any case; else `host` as it is.
 */
const char *credentials_host(const char *host);

/*
 * Reads the file at `path`; an empty file is an empty object.  *out belongs
 * to the caller.
 */
int credentials_load(json_t **out, const char *path, struct ferry_error *err)
	MUST_CHECK;

/*
 * What "auths" says of `host` and `repository`: the entry with the longest
 * path wins, one without anything in it counts for nothing.
 */
int credentials_find(struct credentials *out, const json_t *config,
		     const char *host, const char *repository,
		     struct ferry_error *err) MUST_CHECK;

/*
 * The name of the helper that is in charge of `host`: of "credHelpers", else
 * of "credsStore"; NULL: none.  Borrowed from `config`.
 */
int credentials_helper(const char **out, const json_t *config, const char *host,
		       struct ferry_error *err) MUST_CHECK;

/* Whether a key of "auths" or "credHelpers" is about all of `host`. */
bool credentials_mention(const json_t *config, const char *host);

#endif
