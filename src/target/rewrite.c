#include "target/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LETTERS_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define TEXT_MAX REFERENCE_TEXT

/* Whether the first component, with more behind it, is a host: Docker's rule.
 */
static bool
names_host(const char *first)
{
	return strpbrk(first, ".:" LETTERS_UPPER) ||
	       strcmp(first, "localhost") == 0;
}

/*
 * The same of a word with nothing behind it: "redis:7" has a tag, and so has
 * "registry:5000"; "ghcr.io", "10.0.0.5:5000" and "localhost:5000" are hosts.
 */
static bool
is_lone_host(const char *word)
{
	size_t length = strcspn(word, ":");
	const char *port = word[length] ? word + length + 1 : "";
	bool local = length == strlen("localhost") &&
		     strncmp(word, "localhost", length) == 0;

	if (*word == '[')
		return true;
	return (local || memchr(word, '.', length)) &&
	       !port[strspn(port, DIGITS)];
}

static int
set_host(struct reference *out, const char *host, struct ferry_error *err)
{
	if (!reference_is_host(host))
		return error_set(err, FERRY_E_USAGE, "'%s' is no host", host);
	strcpy(out->host,
	       strcmp(host, "index.docker.io") == 0 ? REFERENCE_HUB : host);
	return 0;
}

/* Cuts "@DIGEST" and ":TAG" off; a reference says whether they are any. */
static int
take_version(struct reference *out, char *text, struct ferry_error *err)
{
	struct reference whole;
	char probe[TEXT_MAX];
	char *mark = strpbrk(text, ":@");
	int rc;

	if (!mark)
		return 0;
	snprintf(probe, sizeof(probe), "x.y/z%s", mark);
	rc = reference_parse(&whole, probe, err);
	if (rc)
		return error_set(err, FERRY_E_USAGE, "'%s' is no tag or digest",
				 mark);
	*mark = '\0';
	if (digest_is_set(&whole.digest) && whole.tag[0])
		return error_set(err, FERRY_E_USAGE,
				 "give a tag or a digest, not both");
	strcpy(out->tag, whole.tag);
	out->digest = whole.digest;
	return 0;
}

static int
set_path(struct reference *out, char *path, struct ferry_error *err)
{
	int rc = take_version(out, path, err);

	if (rc)
		return rc;
	if (!*path && !out->tag[0] && !digest_is_set(&out->digest))
		return 0;
	if (strpbrk(path, LETTERS_UPPER))
		return error_set(err, FERRY_E_USAGE,
				 "repository names are lower case");
	if (!reference_is_repository(path))
		return error_set(err, FERRY_E_USAGE,
				 "'%s' is no repository name", path);
	strcpy(out->repository, path);
	return 0;
}

/* [HOST[/]][PATH[:TAG|@DIGEST]]; "" is nothing at all. */
static int
parse_side(struct reference *out, const char *text, size_t length,
	   struct ferry_error *err)
{
	char copy[TEXT_MAX];
	char *slash;
	char *path = copy;
	bool is_host;
	int rc = 0;

	if (length >= sizeof(copy))
		return error_set(err, FERRY_E_USAGE,
				 "one side has more than %zu characters",
				 sizeof(copy) - 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	is_host = *copy && (slash ? names_host(copy) : is_lone_host(copy));
	if (is_host) {
		rc = set_host(out, copy, err);
		path = slash ? slash + 1 : copy + length;
	} else if (slash) {
		*slash = '/';
	}
	length = strlen(path);
	if (length && path[length - 1] == '/')
		path[length - 1] = '\0';
	return rc ? rc : set_path(out, path, err);
}

static bool
has_version(const struct reference *side)
{
	return side->tag[0] || digest_is_set(&side->digest);
}

static int
check_sides(const struct rewrite_rule *rule, struct ferry_error *err)
{
	if (!rule->from.host[0] && !rule->from.repository[0])
		return error_set(err, FERRY_E_USAGE, "nothing before the '='");
	if (has_version(&rule->to) && !has_version(&rule->from))
		return error_set(err, FERRY_E_USAGE,
				 "a tag behind the '=' needs one before it");
	if (digest_is_set(&rule->to.digest))
		return error_set(err, FERRY_E_USAGE,
				 "nobody can promise a digest");
	return 0;
}

static int
parse_rule(struct rewrite_rule *out, const char *text, struct ferry_error *err)
{
	const char *sign = strchr(text, '=');
	int rc = text_copy(&out->text, text, err);

	if (rc)
		return rc;
	if (!sign)
		rc = error_set(err, FERRY_E_USAGE, "it has no '='");
	if (!rc)
		rc = parse_side(&out->from, text, (size_t)(sign - text), err);
	if (!rc)
		rc = parse_side(&out->to, sign + 1, strlen(sign + 1), err);
	if (!rc)
		rc = check_sides(out, err);
	if (!rc && !out->from.host[0])
		strcpy(out->from.host, REFERENCE_HUB);
	return rc;
}

static bool
same_from(const struct reference *a, const struct reference *b)
{
	return strcmp(a->host, b->host) == 0 &&
	       strcmp(a->repository, b->repository) == 0 &&
	       strcmp(a->tag, b->tag) == 0 &&
	       digest_equal(&a->digest, &b->digest);
}

static int
check_repeated(const struct rewrite *rewrite, size_t last,
	       struct ferry_error *err)
{
	for (size_t i = 0; i < last; i++)
		if (same_from(&rewrite->rules[i].from,
			      &rewrite->rules[last].from))
			return error_set(err, FERRY_E_USAGE,
					 "%s is about the same names",
					 rewrite->rules[i].text);
	return 0;
}

int
rewrite_init(struct rewrite *out, const char *const *rules, size_t count,
	     struct ferry_error *err)
{
	struct rewrite rewrite = { 0 };
	int rc = 0;

	rewrite.rules = calloc(count + 1, sizeof(*rewrite.rules));
	if (!rewrite.rules)
		return error_nomem(err);
	for (size_t i = 0; i < count && !rc; i++) {
		rewrite.count++;
		rc = parse_rule(&rewrite.rules[i], rules[i], err);
		if (!rc)
			rc = check_repeated(&rewrite, i, err);
		if (rc)
			error_wrap(err, "--rewrite %.300s", rules[i]);
	}
	if (rc)
		rewrite_release(&rewrite);
	else
		*out = rewrite;
	return rc;
}

void
rewrite_release(struct rewrite *rewrite)
{
	for (size_t i = 0; i < rewrite->count; i++)
		free(rewrite->rules[i].text);
	free(rewrite->rules);
	*rewrite = (struct rewrite){ 0 };
}

/* Whether a FROM spells the "library/" of Docker Hub out. */
static bool
spells_library(const struct reference *from)
{
	size_t length = strlen(REFERENCE_HUB_OFFICIAL) - 1;

	return strncmp(from->repository, REFERENCE_HUB_OFFICIAL, length) == 0 &&
	       (!from->repository[length] || from->repository[length] == '/');
}

static bool
has_that_version(const struct reference *from, const struct reference *name)
{
	return from->tag[0] ? strcmp(from->tag, name->tag) == 0
			    : digest_equal(&from->digest, &name->digest);
}

/* What `from` leaves of the name's repository, from a '/' on; NULL: no match.
 */
static const char *
rest_of(const struct reference *from, const struct reference *name)
{
	const char *path = spells_library(from) ? name->repository
						: reference_short_path(name);
	size_t length = strlen(from->repository);

	if (strcmp(from->host, name->host))
		return NULL;
	if (!length)
		return path;
	if (strncmp(path, from->repository, length))
		return NULL;
	path += length;
	if (has_version(from))
		return !*path && has_that_version(from, name) ? path : NULL;
	return !*path || *path == '/' ? path : NULL;
}

bool
rewrite_lacks_host(const struct rewrite_rule *rule,
		   const struct reference *name)
{
	struct reference moved = *name;

	strcpy(moved.host, rule->from.host);
	return rule->from.repository[0] &&
	       strcmp(rule->from.host, name->host) != 0 &&
	       rest_of(&rule->from, &moved);
}

/* One with a tag counts more than any without: it is about one image. */
static size_t
weight(const struct reference *from)
{
	return 1 + strlen(from->repository) +
	       (has_version(from) ? REFERENCE_REPOSITORY_MAX : 0);
}

static const struct rewrite_rule *
find_rule(const struct rewrite *rewrite, const struct reference *name)
{
	const struct rewrite_rule *best = NULL;

	for (size_t i = 0; i < rewrite->count; i++) {
		const struct rewrite_rule *rule = &rewrite->rules[i];

		if (rest_of(&rule->from, name) &&
		    (!best || weight(&rule->from) > weight(&best->from)))
			best = rule;
	}
	return best;
}

static int
refuse(const struct rewrite_rule *rule, const struct reference *name,
       const char *why, struct ferry_error *err)
{
	char text[REFERENCE_TEXT];

	return error_set(err, FERRY_E_USAGE, "--rewrite %.300s: of %s %s",
			 rule->text, reference_familiar(text, name), why);
}

/* Puts what is there of three pieces together, with slashes between them. */
static int
join(char out[TEXT_MAX], const char *one, const char *two, const char *three)
{
	const char *pieces[] = { one, two, three };
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t more;

		pieces[i] += *pieces[i] == '/';
		more = strlen(pieces[i]);
		if (!more)
			continue;
		if (length + 1 + more >= TEXT_MAX)
			return -1;
		if (length)
			out[length++] = '/';
		strcpy(out + length, pieces[i]);
		length += more;
	}
	return 0;
}

static void
set_version(struct reference *out, const struct rewrite_rule *rule,
	    const struct reference *name)
{
	const char *tag = rule->to.tag[0] ? rule->to.tag : name->tag;

	strcpy(out->tag, tag);
	if (!rule->to.tag[0])
		out->digest = name->digest;
}

static int
in_registry(struct reference *out, const struct rewrite_rule *rule,
	    const struct reference *name, struct ferry_error *err)
{
	struct reference found = { 0 };
	char path[TEXT_MAX];

	if (join(path, rule->to.host, rule->to.repository,
		 rest_of(&rule->from, name)))
		return refuse(rule, name, "a name too long is made", err);
	if (!*path)
		return refuse(rule, name, "no name is left", err);
	if (!reference_is_repository(path))
		return refuse(rule, name,
			      "no repository's name is made: what --to names "
			      "is put in front, a host and port are no part "
			      "of the rule",
			      err);
	strcpy(found.repository, path);
	set_version(&found, rule, name);
	*out = found;
	return 0;
}

static int
in_full(struct reference *out, const struct rewrite_rule *rule,
	const struct reference *name, struct ferry_error *err)
{
	const char *host = rule->to.host[0] ? rule->to.host : REFERENCE_HUB;
	struct reference found;
	struct ferry_error why;
	char path[TEXT_MAX];
	int rc = join(path, host, rule->to.repository,
		      rest_of(&rule->from, name));

	if (rc)
		return refuse(rule, name, "a name too long is made", err);
	if (strcmp(path, host) == 0)
		return refuse(rule, name, "no name is left", err);
	if (reference_parse(&found, path, &why))
		return refuse(rule, name, why.message, err);
	found.tag[0] = '\0';
	set_version(&found, rule, name);
	*out = found;
	return 0;
}

int
rewrite_apply(struct reference *out, const struct rewrite *rewrite,
	      bool registry, const struct reference *name,
	      const struct rewrite_rule **rule, struct ferry_error *err)
{
	*rule = find_rule(rewrite, name);
	if (!*rule) {
		*out = *name;
		return 0;
	}
	return registry ? in_registry(out, *rule, name, err)
			: in_full(out, *rule, name, err);
}
