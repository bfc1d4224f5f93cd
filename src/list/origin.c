#include "list/origin.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "list/list.h"

static const struct {
	const char *name;
	bool has_path;
} transports[] = {
	[TRANSPORT_REGISTRY] = { "docker", false },
	[TRANSPORT_DOCKER_DAEMON] = { "docker-daemon", false },
	[TRANSPORT_OCI] = { "oci", true },
	[TRANSPORT_OCI_ARCHIVE] = { "oci-archive", true },
	[TRANSPORT_DOCKER_ARCHIVE] = { "docker-archive", true },
	[TRANSPORT_BUNDLE] = { "bundle", true },
};

const char *
transport_name(enum transport transport)
{
	return transports[transport].name;
}

bool
transport_has_path(enum transport transport)
{
	return transports[transport].has_path;
}

/* The transport that `text` begins with, and what follows its colon. */
static enum transport
split(const char *text, const char **rest)
{
	for (size_t i = TRANSPORT_DOCKER_DAEMON; i < ARRAY_SIZE(transports);
	     i++) {
		size_t length = strlen(transports[i].name);

		if (text_starts(text, transports[i].name) &&
		    text[length] == ':') {
			*rest = text + length + 1;
			return (enum transport)i;
		}
	}
	*rest = text;
	return TRANSPORT_REGISTRY;
}

static int
parse_place(struct origin *origin, const char *rest, struct ferry_error *err)
{
	size_t length = strcspn(rest, ":");
	int rc = 0;

	if (transport_has_path(origin->transport)) {
		if (!length)
			return error_set(err, FERRY_E_USAGE, "it has no path");
		rc = text_format(&origin->path, err, "%.*s", (int)length, rest);
		if (rc || !rest[length])
			return rc;
		rest += length + 1;
	}
	if (!*rest)
		return error_set(err, FERRY_E_USAGE, "it has no name");
	return text_copy(&origin->selector, rest, err);
}

enum transport
origin_transport(const char *text)
{
	const char *rest;

	return split(text, &rest);
}

int
origin_parse(struct origin *out, const char *text, struct ferry_error *err)
{
	AUTO(origin_release) struct origin origin = { 0 };
	const char *rest;
	int rc;

	origin.transport = split(text, &rest);
	if (origin.transport == TRANSPORT_REGISTRY)
		rc = list_parse_reference(&origin.reference, text, err);
	else if (parse_place(&origin, rest, err))
		rc = error_wrap(err, "'%s'", text);
	else
		rc = 0;
	if (rc)
		return rc;
	*out = origin;
	origin = (struct origin){ 0 };
	return 0;
}

int
origin_copy(struct origin *out, const struct origin *origin,
	    struct ferry_error *err)
{
	AUTO(origin_release) struct origin copy = *origin;
	int rc = 0;

	copy.path = NULL;
	copy.selector = NULL;
	if (origin->path)
		rc = text_copy(&copy.path, origin->path, err);
	if (!rc && origin->selector)
		rc = text_copy(&copy.selector, origin->selector, err);
	if (rc)
		return rc;
	*out = copy;
	copy = (struct origin){ 0 };
	return 0;
}

const struct digest *
origin_pin(const struct origin *origin)
{
	return origin->transport == TRANSPORT_REGISTRY
		       ? &origin->reference.digest
		       : &origin->pin;
}

int
origin_set_pin(struct origin *origin, const struct digest *pin,
	       struct ferry_error *err)
{
	struct digest *slot = origin->transport == TRANSPORT_REGISTRY
				      ? &origin->reference.digest
				      : &origin->pin;

	if (digest_is_set(slot) && !digest_equal(slot, pin))
		return error_set(err, FERRY_E_USAGE, "both %s and %s",
				 slot->text, pin->text);
	*slot = *pin;
	return 0;
}

/* NULL before anything. */
static int
compare_texts(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : !!a - !!b;
}

int
origin_compare(const struct origin *a, const struct origin *b)
{
	int order = (int)a->transport - (int)b->transport;

	if (!order)
		order = compare_texts(a->path, b->path);
	if (!order)
		order = compare_texts(a->selector, b->selector);
	if (!order)
		order = strcmp(a->reference.host, b->reference.host);
	if (!order)
		order = strcmp(a->reference.repository,
			       b->reference.repository);
	return order ? order : strcmp(a->reference.tag, b->reference.tag);
}

void
origin_release(struct origin *origin)
{
	free(origin->path);
	free(origin->selector);
	*origin = (struct origin){ 0 };
}

const char *
origin_text(char out[ORIGIN_TEXT], const struct origin *origin)
{
	char name[REFERENCE_TEXT];

	if (origin->transport == TRANSPORT_REGISTRY)
		snprintf(
			out, ORIGIN_TEXT, "%s%s%s",
			reference_name(name, &origin->reference),
			origin->reference.tag[0] &&
					digest_is_set(&origin->reference.digest)
				? "@"
				: "",
			origin->reference.tag[0] ? origin->reference.digest.text
						 : "");
	else
		snprintf(out, ORIGIN_TEXT, "%s:%s%s%s%s%s",
			 transport_name(origin->transport),
			 origin->path ? origin->path : "",
			 origin->path && origin->selector ? ":" : "",
			 origin->selector ? origin->selector : "",
			 digest_is_set(&origin->pin) ? "@" : "",
			 origin->pin.text);
	return out;
}
