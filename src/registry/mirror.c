#include "registry/mirror.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "oci/reference.h"
#include "registry/call.h"
#include "registry/credentials.h"

/* A repository that a mirror did not have has been told of. */
struct told {
	struct told *next;
	char repository[];
};

struct mirror {
	struct mirror_rule rule;
	struct registry *registry;
	atomic_bool off; /* not asked any more */
	pthread_mutex_t lock;
	struct told *told;
};

struct mirrors {
	const char *host; /* the registry they stand for */
	struct ferry_context *context;
	size_t count;
	struct mirror items[];
};

/* The URL is not quoted: there may be a password in it. */
static int
refuse(const char *host, const char *why, struct ferry_error *err)
{
	return error_set(err, FERRY_E_USAGE, "mirror of %s: %s", host, why);
}

/* "/a/b/", "/v2/a/b" or "": what goes before the names of repositories. */
static int
take_prefix(struct mirror_rule *out, const char *path, struct ferry_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				      "._-/";
	size_t length;

	path += strspn(path, "/");
	/* Some give the API's own root along. */
	if (strcmp(path, "v2") == 0 || text_starts(path, "v2/"))
		path += 2 + strspn(path + 2, "/");
	length = strlen(path);
	while (length && path[length - 1] == '/')
		length--;
	if (length + 2 > sizeof(out->prefix) ||
	    strspn(path, allowed) < length || strstr(path, "//") ||
	    strstr(path, ".."))
		return refuse(out->host,
			      "its path cannot go before a repository's name",
			      err);
	snprintf(out->prefix, sizeof(out->prefix), "%.*s%s", (int)length, path,
		 length ? "/" : "");
	return 0;
}

static int
take_url(struct mirror_rule *out, const char *url,
	 const struct ferry_registry_options *options, struct ferry_error *err)
{
	struct url_origin origin;
	const char *path = strstr(url, "://");
	bool plain;
	int rc = url_origin(&origin, url, err);

	if (!rc)
		rc = url_peer(out->peer, url, err);
	if (rc) {
		err->code = FERRY_E_USAGE;
		return error_wrap(err, "mirror of %s", out->host);
	}
	if (strpbrk(url, "?#"))
		return refuse(out->host, "a URL with more than a path", err);
	plain = strcmp(origin.scheme, "http") == 0;
	if (plain && !url_host_is_loopback(origin.host) &&
	    !client_allows_plain(options, out->peer))
		return error_set(err, FERRY_E_USAGE,
				 "mirror of %s: without TLS only if you say "
				 "--plain-http %s, too",
				 out->host, out->peer);
	snprintf(out->origin, sizeof(out->origin), "%s://%s", origin.scheme,
		 out->peer);
	path += 3;
	return take_prefix(out, path + strcspn(path, "/"), err);
}

int
mirror_parse(struct mirror_rule *out, const char *text,
	     const struct ferry_registry_options *options,
	     struct ferry_error *err)
{
	struct mirror_rule rule = { 0 };
	size_t length = strcspn(text, "=");
	int rc;

	if (!text[length] || !length || length >= sizeof(rule.host) ||
	    memchr(text, '/', length))
		return error_set(err, FERRY_E_USAGE,
				 "a mirror is given as HOST=URL, such as "
				 "docker.io=https://mirror.local");
	memcpy(rule.host, text, length);
	rc = take_url(&rule, text + length + 1, options, err);
	if (!rc)
		*out = rule;
	return rc;
}

int
registry_check_mirrors(const struct ferry_registry_options *options,
		       struct ferry_error *err)
{
	struct mirror_rule rule;
	int rc = 0;

	for (size_t i = 0; i < options->mirror_count && !rc; i++)
		rc = mirror_parse(&rule, options->mirrors[i], options, err);
	return rc;
}

static bool
is_for(const struct mirror_rule *rule, const char *host)
{
	return strcasecmp(credentials_host(rule->host),
			  credentials_host(host)) == 0;
}

static int
add_mirror(struct mirrors *mirrors, const struct mirror_rule *rule,
	   const struct ferry_registry_options *options, unsigned workers,
	   struct ferry_error *err)
{
	struct mirror *mirror = &mirrors->items[mirrors->count];

	mirror->rule = *rule;
	if (client_new(&mirror->registry, mirrors->context, options,
		       mirror->rule.peer, mirror->rule.origin, REGISTRY_PULL,
		       workers, err))
		return err->code;
	pthread_mutex_init(&mirror->lock, NULL);
	mirrors->count++;
	return 0;
}

static int
add_all(struct mirrors *mirrors, const struct ferry_registry_options *options,
	unsigned workers, struct ferry_error *err)
{
	struct mirror_rule rule;
	int rc = 0;

	for (size_t i = 0; i < options->mirror_count && !rc; i++) {
		rc = mirror_parse(&rule, options->mirrors[i], options, err);
		if (!rc && is_for(&rule, mirrors->host))
			rc = add_mirror(mirrors, &rule, options, workers, err);
	}
	return rc;
}

int
mirrors_new(struct mirrors **out, struct ferry_context *context,
	    const struct ferry_registry_options *options, const char *host,
	    unsigned workers, struct ferry_error *err)
{
	struct mirrors *mirrors;
	int rc;

	if (!options->mirror_count)
		return 0;
	mirrors = calloc(1, sizeof(*mirrors) + options->mirror_count *
						       sizeof(struct mirror));
	if (!mirrors)
		return error_nomem(err);
	mirrors->host = host;
	mirrors->context = context;
	rc = add_all(mirrors, options, workers, err);
	if (!rc && mirrors->count)
		*out = mirrors;
	else
		mirrors_free(mirrors);
	return rc;
}

void
mirrors_free(struct mirrors *mirrors)
{
	if (!mirrors)
		return;
	for (size_t i = 0; i < mirrors->count; i++) {
		struct mirror *mirror = &mirrors->items[i];

		while (mirror->told) {
			struct told *told = mirror->told;

			mirror->told = told->next;
			free(told);
		}
		registry_free(mirror->registry);
		pthread_mutex_destroy(&mirror->lock);
	}
	free(mirrors);
}

int
mirrors_add_quotas(struct mirrors *mirrors, struct quotas *quotas,
		   struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; mirrors && i < mirrors->count && !rc; i++)
		rc = registry_add_quotas(mirrors->items[i].registry, quotas,
					 err);
	return rc;
}

/* Whether nobody has been told yet that the mirror lacks the repository. */
static bool
is_news(struct mirror *mirror, const char *repository)
{
	size_t size = strlen(repository) + 1;
	struct told *told;

	pthread_mutex_lock(&mirror->lock);
	for (told = mirror->told; told; told = told->next)
		if (strcmp(told->repository, repository) == 0)
			break;
	if (!told) {
		struct told *one = malloc(sizeof(*one) + size);

		/* Short of memory it is told once more. */
		if (one) {
			memcpy(one->repository, repository, size);
			one->next = mirror->told;
			mirror->told = one;
		}
	}
	pthread_mutex_unlock(&mirror->lock);
	return !told;
}

/*
 * What a mirror lacks or denies is about one repository.  All else is about
 * the mirror, and would only cost its time again for everything to come.
 */
static bool
turn_off(struct mirrors *mirrors, struct mirror *mirror, int rc)
{
	if (rc == FERRY_E_NOT_FOUND || rc == FERRY_E_DENIED)
		return false;
	/* What has come wrong is begun again once: then nobody but the
	 * registry itself must be asked. */
	if (rc == FERRY_E_DIGEST)
		for (size_t i = 0; i < mirrors->count; i++)
			if (&mirrors->items[i] != mirror)
				atomic_store(&mirrors->items[i].off, true);
	return !atomic_exchange(&mirror->off, true);
}

/* Takes note of a failure, and tells it once. */
static void
note_failure(struct mirrors *mirrors, struct mirror *mirror,
	     const char *repository, int rc, const struct ferry_error *err)
{
	bool off = turn_off(mirrors, mirror, rc);
	bool of_all = rc != FERRY_E_NOT_FOUND && rc != FERRY_E_DENIED;

	if (of_all ? !off : !is_news(mirror, repository))
		return;
	context_notice(mirrors->context, "%s/%s: mirror %s: %s; %s%s",
		       mirrors->host, repository, mirror->rule.peer,
		       err->message, "falling back",
		       of_all ? ", and not asking it again" : "");
}

static bool
is_final(int rc)
{
	return !rc || rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM;
}

/* Tells whether it was the mirror that failed, or where its bytes go. */
struct watch {
	struct sink sink;
	struct sink *next;
	bool failed;
};

static int
write_watched(struct sink *sink, const void *data, size_t size,
	      struct ferry_error *err)
{
	struct watch *watch = (struct watch *)sink;
	int rc = sink_write(watch->next, data, size, err);

	watch->failed = rc;
	return rc;
}

static int
get_blob(struct mirror *mirror, unsigned worker, const char *repository,
	 const struct descriptor *descriptor, struct proof *proof, bool *final,
	 struct ferry_error *err)
{
	struct watch watch = { .sink = { .write = write_watched },
			       .next = proof->next };
	AUTO_FREE char *there = NULL;
	int rc = text_format(&there, err, "%s%s", mirror->rule.prefix,
			     repository);

	if (rc)
		return rc;
	proof->next = &watch.sink;
	rc = client_get_blob(mirror->registry, worker, there, descriptor, proof,
			     err);
	proof->next = watch.next;
	*final = is_final(rc) || watch.failed;
	return rc;
}

static int
get_manifest(struct registry *registry, unsigned worker, const char *repository,
	     const char *reference, struct registry_manifest *out,
	     struct ferry_error *err)
{
	struct mirrors *mirrors = registry->mirrors;

	for (size_t i = 0; mirrors && i < mirrors->count; i++) {
		struct mirror *mirror = &mirrors->items[i];
		AUTO_FREE char *there = NULL;
		int rc;

		if (atomic_load(&mirror->off))
			continue;
		rc = text_format(&there, err, "%s%s", mirror->rule.prefix,
				 repository);
		if (!rc)
			rc = client_get_manifest(mirror->registry, worker,
						 there, reference, out, err);
		if (is_final(rc))
			return rc;
		note_failure(mirrors, mirror, repository, rc, err);
	}
	return client_get_manifest(registry, worker, repository, reference, out,
				   err);
}

int
registry_get_manifest(struct registry *registry, unsigned worker,
		      const char *repository, const char *reference,
		      struct registry_manifest *out, struct ferry_error *err)
{
	bool known = false;
	int rc = 0;

	if (registry->access != REGISTRY_PULL)
		return client_get_manifest(registry, worker, repository,
					   reference, out, err);
	if (text_starts(reference, DIGEST_PREFIX))
		rc = manifest_cache_find(&registry->manifests, repository,
					 reference, out, &known, err);
	if (rc || known)
		return rc;
	rc = get_manifest(registry, worker, repository, reference, out, err);
	if (!rc)
		manifest_cache_add(&registry->manifests, repository, out);
	return rc;
}

/*
 * What came from a mirror that then broke stays, and the next one goes on
 * behind it.  Wrong bytes cannot be taken back here.
 */
int
registry_get_blob(struct registry *registry, unsigned worker,
		  const char *repository, const struct descriptor *descriptor,
		  struct proof *proof, struct ferry_error *err)
{
	struct mirrors *mirrors = registry->mirrors;

	for (size_t i = 0; mirrors && i < mirrors->count; i++) {
		struct mirror *mirror = &mirrors->items[i];
		bool final = true;
		int rc;

		if (atomic_load(&mirror->off))
			continue;
		rc = get_blob(mirror, worker, repository, descriptor, proof,
			      &final, err);
		if (final)
			return rc;
		note_failure(mirrors, mirror, repository, rc, err);
		if (rc == FERRY_E_DIGEST)
			return rc;
	}
	return client_get_blob(registry, worker, repository, descriptor, proof,
			       err);
}
