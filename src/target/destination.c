#include "target/destination.h"

#include <string.h>

#include "base/text.h"
#include "list/list.h"
#include "oci/reference.h"

/* What may stand behind a target's word. */
enum rest {
	REST_NONE,
	REST_NEEDED,
	REST_OPTIONAL, /* behind a colon */
};

static const struct form {
	const char *word;
	enum rest rest;
	enum destination_kind kind;
} forms[] = {
	{ "docker", REST_NONE, DESTINATION_DOCKER },
	{ "docker-daemon:", REST_NEEDED, DESTINATION_DOCKER },
	{ "docker://", REST_NEEDED, DESTINATION_REGISTRY },
	{ "oci:", REST_NEEDED, DESTINATION_OCI },
	{ "containerd", REST_OPTIONAL, DESTINATION_CONTAINERD },
	{ "podman", REST_OPTIONAL, DESTINATION_PODMAN },
};

/* As Docker tells a host from a path. */
static bool
begins_with_host(const char *text)
{
	char host[REFERENCE_HOST_MAX];
	size_t length = strcspn(text, "/");

	if (length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	return reference_is_host(host);
}

/* *address is what stands behind the word, NULL if nothing does. */
static bool
has_form(const struct form *form, const char *text, const char **address)
{
	const char *rest;

	if (!text_starts(text, form->word))
		return false;
	rest = text + strlen(form->word);
	*address = *rest ? rest : NULL;
	switch (form->rest) {
	case REST_NONE:
		return !*rest;
	case REST_NEEDED:
		return *rest;
	case REST_OPTIONAL:
		if (*rest == ':' && rest[1])
			*address = rest + 1;
		return !*rest || *address == rest + 1;
	}
	return false;
}

int
destination_parse(struct destination *out, const char *text,
		  struct ferry_error *err)
{
	const char *address;
	int rc = list_refuse_url(text, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (has_form(&forms[i], text, &address)) {
			*out = (struct destination){ forms[i].kind, address };
			return 0;
		}
	if (!begins_with_host(text))
		return error_set(err, FERRY_E_USAGE,
				 "'%s' is no target: it is " DESTINATION_FORMS,
				 text);
	*out = (struct destination){ DESTINATION_REGISTRY, text };
	return 0;
}
