#include "registry/grant.h"

#include <string.h>

#include "base/text.h"

void
grant_list_init(struct grant_list *list)
{
	list->first = NULL;
	pthread_mutex_init(&list->lock, NULL);
}

static void
free_grant(struct grant *grant)
{
	pthread_mutex_destroy(&grant->lock);
	credentials_release(&grant->credentials);
	credentials_forget(grant->value);
	free(grant->scope);
	free(grant->asked);
	free(grant);
}

void
grant_list_release(struct grant_list *list)
{
	while (list->first) {
		struct grant *grant = list->first;

		list->first = grant->next;
		free_grant(grant);
	}
	pthread_mutex_destroy(&list->lock);
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

static struct grant *
add_grant(struct grant_list *list, char **scope)
{
	struct grant *grant = calloc(1, sizeof(*grant));

	if (!grant)
		return NULL;
	grant->scope = STEAL(scope);
	pthread_mutex_init(&grant->lock, NULL);
	grant->next = list->first;
	list->first = grant;
	return grant;
}

int
grant_find(struct grant **out, struct grant_list *list,
	   const struct auth_scope *scope, struct ferry_error *err)
{
	AUTO_FREE char *text = NULL;
	struct grant *grant;
	int rc = scope_text(&text, scope, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&list->lock);
	for (grant = list->first; grant; grant = grant->next)
		if (strcmp(grant->scope, text) == 0)
			break;
	if (!grant)
		grant = add_grant(list, &text);
	pthread_mutex_unlock(&list->lock);
	if (!grant)
		return error_nomem(err);
	*out = grant;
	return 0;
}

void
grant_set(struct grant *grant, char *take_value, uint64_t until)
{
	credentials_forget(grant->value);
	grant->value = take_value;
	grant->until = until;
}
