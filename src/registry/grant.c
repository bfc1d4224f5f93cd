#include "registry/grant.h"

#include <search.h>
#include <string.h>

#include "base/text.h"

void
grant_set_init(struct grant_set *set)
{
	set->tree = NULL;
	pthread_mutex_init(&set->lock, NULL);
}

static void
free_grant(void *node)
{
	struct grant *grant = node;

	pthread_mutex_destroy(&grant->lock);
	credentials_release(&grant->credentials);
	credentials_forget(grant->value);
	free(grant->scope);
	free(grant->asked);
	free(grant);
}

void
grant_set_release(struct grant_set *set)
{
	tdestroy(set->tree, free_grant);
	pthread_mutex_destroy(&set->lock);
}

static int
by_scope(const void *a, const void *b)
{
	return strcmp(((const struct grant *)a)->scope,
		      ((const struct grant *)b)->scope);
}

static int
scope_text(char **out, const struct auth_scope *scope, struct ferry_error *err)
{
	if (!scope->repository)
		return text_copy(out, "", err);
	return text_format(
		out, err, "repository:%s:%s%s%s%s", scope->repository,
		scope->push ? "pull,push" : "pull",
		scope->from ? " repository:" : "",
		scope->from ? scope->from : "", scope->from ? ":pull" : "");
}

/* With set->lock held. */
static struct grant *
add_grant(struct grant_set *set, char **scope)
{
	struct grant *grant = calloc(1, sizeof(*grant));

	if (!grant)
		return NULL;
	grant->scope = STEAL(scope);
	pthread_mutex_init(&grant->lock, NULL);
	if (tsearch(grant, &set->tree, by_scope))
		return grant;
	free_grant(grant);
	return NULL;
}

int
grant_find(struct grant **out, struct grant_set *set,
	   const struct auth_scope *scope, struct ferry_error *err)
{
	AUTO_FREE char *text = NULL;
	struct grant **found;
	struct grant *grant;
	int rc = scope_text(&text, scope, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&set->lock);
	found = tfind(&(struct grant){ .scope = text }, &set->tree, by_scope);
	grant = found ? *found : add_grant(set, &text);
	pthread_mutex_unlock(&set->lock);
	if (!grant)
		return error_nomem(err);
	*out = grant;
	return 0;
}

void
grant_replace(struct grant *grant, char *take_value, uint64_t until)
{
	credentials_forget(grant->value);
	grant->value = take_value;
	grant->until = until;
}
