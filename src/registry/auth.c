#include "registry/auth.h"

#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "net/url.h"
#include "registry/challenge.h"
#include "registry/grant.h"
#include "registry/keyring.h"
#include "registry/realm.h"
#include "registry/token.h"

/* A token this close to its end is not used any more; milliseconds. */
#define GRANT_MARGIN 10000

enum auth_mode {
	AUTH_NONE, /* nobody has asked yet */
	AUTH_BASIC,
	AUTH_BEARER,
};

struct auth {
	struct ferry_context *context;
	const struct ferry_registry_options *options;
	const char *host;
	const char *base;
	struct retry_host tokens; /* how it goes with the token server */
	struct keyring keyring;
	struct grant_set grants;

	pthread_mutex_t lock; /* over all that follows; held but shortly */
	enum auth_mode mode;
	char *realm;
	char *service;
};

int
auth_new(struct auth **out, struct ferry_context *context,
	 const struct ferry_registry_options *options, const char *host,
	 struct ferry_error *err)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	if (!auth)
		return error_nomem(err);
	if (keyring_init(&auth->keyring, context, options->authfiles,
			 options->authfile_count, host, err)) {
		free(auth);
		return err->code;
	}
	auth->context = context;
	auth->options = options;
	retry_host_init(&auth->tokens, options->give_up_after);
	auth->host = host;
	pthread_mutex_init(&auth->lock, NULL);
	grant_set_init(&auth->grants);
	*out = auth;
	return 0;
}

void
auth_free(struct auth *auth)
{
	if (!auth)
		return;
	grant_set_release(&auth->grants);
	keyring_release(&auth->keyring);
	pthread_mutex_destroy(&auth->lock);
	free(auth->realm);
	free(auth->service);
	free(auth);
}

void
auth_set_base(struct auth *auth, const char *base)
{
	auth->base = base;
}

/* With grant->lock held. */
static int
look_up(struct auth *auth, struct grant *grant, const struct auth_scope *scope,
	struct ferry_error *err)
{
	const char *repository = scope->repository ? scope->repository : "";
	int rc;

	if (grant->looked_up)
		return 0;
	rc = keyring_find(&auth->keyring, repository, &grant->credentials, err);
	grant->looked_up = !rc;
	return rc;
}

/* What a registry asked for last. */
struct demand {
	enum auth_mode mode;
	char *realm;
	char *service;
};

static void
demand_release(struct demand *demand)
{
	free(demand->realm);
	free(demand->service);
}

static int
get_demand(struct demand *out, struct auth *auth, struct ferry_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&auth->lock);
	out->mode = auth->mode;
	if (auth->realm)
		rc = text_copy(&out->realm, auth->realm, err);
	if (!rc && auth->service)
		rc = text_copy(&out->service, auth->service, err);
	pthread_mutex_unlock(&auth->lock);
	return rc;
}

static int
make_basic(struct grant *grant, struct ferry_error *err)
{
	AUTO(credentials_wipe) struct buffer value = BUFFER(TOKEN_MAX * 4);
	const char *text = NULL;
	char *copy = NULL;
	int rc;

	if (!grant->credentials.password && !grant->credentials.identity_token)
		return 0;
	rc = credentials_basic(&value, &grant->credentials, err);
	if (!rc)
		rc = buffer_text(&value, &text, err);
	if (!rc)
		rc = text_copy(&copy, text, err);
	if (!rc)
		grant_replace(grant, copy, UINT64_MAX);
	return rc;
}

static int
set_token(struct grant *grant, const char *token, uint64_t until,
	  struct ferry_error *err)
{
	char *value = NULL;
	int rc = text_format(&value, err, "Bearer %s", token);

	if (!rc)
		grant_replace(grant, value, until);
	return rc;
}

/* Credentials go to a stranger's token server only if the file knows it. */
static int
check_trust(struct auth *auth, const char *realm, struct ferry_error *err)
{
	struct url_origin there;
	int rc;

	if (realm_is_trusted(realm, auth->base))
		return 0;
	rc = url_origin(&there, realm, err);
	if (rc || keyring_mentions(&auth->keyring, there.host))
		return rc;
	return error_set(err, FERRY_E_DENIED,
			 "the token server of %s, %s, is of another domain: it "
			 "gets no credentials unless the authfile has an entry "
			 "for it",
			 auth->host, there.host);
}

static enum refusal_role
stranger(const struct auth_scope *scope)
{
	return scope->repository && !scope->push ? REFUSAL_ANONYMOUS
						 : REFUSAL_STRANGER;
}

static int
buy_token(struct auth *auth, struct http *http, struct grant *grant,
	  const struct auth_scope *scope, const struct demand *demand,
	  struct ferry_error *err)
{
	const struct credentials nobody = { 0 };
	bool known = credentials_are_set(&grant->credentials);
	struct token_request request = {
		.context = auth->context,
		.http = http,
		.retries = auth->options->retries,
		.server = &auth->tokens,
		.host = auth->host,
		.realm = demand->realm,
		.service = demand->service ? demand->service : "",
		.scope = grant->asked ? grant->asked : grant->scope,
		.credentials = known ? &grant->credentials : &nobody,
		.stranger = stranger(scope),
	};
	uint64_t life = 0;
	char *token = NULL;
	int rc = 0;

	if (known)
		rc = check_trust(auth, demand->realm, err);
	if (!rc)
		rc = token_fetch(&request, &token, &life, err);
	if (!rc)
		rc = set_token(grant, token,
			       clock_milliseconds() + life - GRANT_MARGIN, err);
	credentials_forget(token);
	return rc;
}

/* With grant->lock held; leaves value NULL when we have nothing to show. */
static int
fetch(struct auth *auth, struct http *http, struct grant *grant,
      const struct auth_scope *scope, struct ferry_error *err)
{
	AUTO(demand_release) struct demand demand = { 0 };
	int rc = get_demand(&demand, auth, err);

	if (!rc && demand.mode != AUTH_NONE)
		rc = look_up(auth, grant, scope, err);
	if (rc || demand.mode == AUTH_NONE)
		return rc;
	if (demand.mode == AUTH_BASIC)
		return make_basic(grant, err);
	if (grant->credentials.registry_token)
		return set_token(grant, grant->credentials.registry_token,
				 UINT64_MAX, err);
	return buy_token(auth, http, grant, scope, &demand, err);
}

/* Gives a copy of the value, if there is one. */
static int
hand_out(const struct grant *grant, char **out, struct ferry_error *err)
{
	return grant->value ? text_copy(out, grant->value, err) : 0;
}

int
auth_get(struct auth *auth, struct http *http, const struct auth_scope *scope,
	 char **out, struct ferry_error *err)
{
	struct grant *grant = NULL;
	int rc = grant_find(&grant, &auth->grants, scope, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&grant->lock);
	if (!grant->value || clock_milliseconds() >= grant->until) {
		grant_replace(grant, NULL, 0);
		rc = fetch(auth, http, grant, scope, err);
	}
	if (!rc)
		rc = hand_out(grant, out, err);
	pthread_mutex_unlock(&grant->lock);
	return rc;
}

static int
parse_challenges(struct challenge *out, size_t *count,
		 const struct http_response *response, struct ferry_error *err)
{
	const char *value;
	int rc = 0;

	for (size_t i = 0; i < CHALLENGES_MAX; i++) {
		value = http_response_header(response, "WWW-Authenticate", i);
		if (!value)
			break;
		rc = challenge_parse(out, count, value, err);
	}
	/* One that can be understood makes up for others that cannot. */
	return *count ? 0 : rc;
}

static int
set_demand(struct auth *auth, enum auth_mode mode,
	   const struct challenge *challenge, struct ferry_error *err)
{
	AUTO(demand_release) struct demand demand = { 0 };
	int rc = text_copy(&demand.realm, challenge->realm, err);

	if (!rc)
		rc = text_copy(&demand.service, challenge->service, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&auth->lock);
	free(auth->realm);
	free(auth->service);
	auth->mode = mode;
	auth->realm = STEAL(&demand.realm);
	auth->service = STEAL(&demand.service);
	pthread_mutex_unlock(&auth->lock);
	return 0;
}

/* Learns, and tells the scope that was asked for, if *scope is not NULL. */
static int
learn(struct auth *auth, const struct http_response *response, char **scope,
      struct ferry_error *err)
{
	AUTO_FREE struct challenge *all = calloc(CHALLENGES_MAX, sizeof(*all));
	const struct challenge *found;
	size_t count = 0;
	int rc;

	if (!all)
		return error_nomem(err);
	rc = parse_challenges(all, &count, response, err);
	if (rc)
		return rc;
	found = challenge_find(all, count, "bearer");
	if (!found) {
		found = challenge_find(all, count, "basic");
		return found ? set_demand(auth, AUTH_BASIC, found, err) : 0;
	}
	rc = realm_check(found->realm, auth->base, err);
	if (!rc)
		rc = set_demand(auth, AUTH_BEARER, found, err);
	if (!rc && scope && *found->scope)
		rc = text_copy(scope, found->scope, err);
	return rc;
}

int
auth_learn(struct auth *auth, const struct http_response *response,
	   struct ferry_error *err)
{
	int rc = learn(auth, response, NULL, err);

	return rc ? error_wrap(err, "%s", auth->host) : 0;
}

/* With grant->lock held: the value was refused, so there must be another. */
static int
replace(struct auth *auth, struct http *http, struct grant *grant,
	const struct auth_scope *scope, const char *refused,
	struct ferry_error *err)
{
	int rc;

	if (grant->value && (!refused || strcmp(grant->value, refused)))
		return 0; /* another worker was faster */
	grant_replace(grant, NULL, 0);
	rc = fetch(auth, http, grant, scope, err);
	if (!rc && refused && grant->value &&
	    strcmp(grant->value, refused) == 0)
		grant_replace(grant, NULL, 0);
	return rc;
}

/*
 * "repository:a:pull" of "repository:a:pull,push": a GET is asked for less
 * than the PUT behind it needs, and a token for just that would not last.
 */
static bool
is_part(const char *asked, const char *scope)
{
	return text_starts(scope, asked) && scope[strlen(asked)] == ',';
}

int
auth_renew(struct auth *auth, struct http *http, const struct auth_scope *scope,
	   const char *refused, const struct http_response *response,
	   char **out, struct ferry_error *err)
{
	AUTO_FREE char *asked = NULL;
	struct grant *grant = NULL;
	int rc = learn(auth, response, &asked, err);

	if (rc)
		return error_wrap(err, "%s", auth->host);
	rc = grant_find(&grant, &auth->grants, scope, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&grant->lock);
	if (asked && !is_part(asked, grant->scope)) {
		free(grant->asked);
		grant->asked = STEAL(&asked);
	}
	rc = replace(auth, http, grant, scope, refused, err);
	if (!rc)
		rc = hand_out(grant, out, err);
	pthread_mutex_unlock(&grant->lock);
	return rc;
}

enum refusal_role
auth_role(struct auth *auth, const struct auth_scope *scope)
{
	enum refusal_role role = stranger(scope);
	struct ferry_error ignored;
	struct grant *grant = NULL;
	bool open;

	pthread_mutex_lock(&auth->lock);
	open = auth->mode == AUTH_NONE;
	pthread_mutex_unlock(&auth->lock);
	if (open)
		return scope->push ? role : REFUSAL_OPEN;
	if (grant_find(&grant, &auth->grants, scope, &ignored))
		return role;
	pthread_mutex_lock(&grant->lock);
	if (credentials_are_set(&grant->credentials))
		role = REFUSAL_KNOWN;
	pthread_mutex_unlock(&grant->lock);
	return role;
}
