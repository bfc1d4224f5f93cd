#include "registry/manifest_cache.h"

#include <search.h>
#include <string.h>

#include "base/text.h"

struct kept {
	char *key; /* REPOSITORY@DIGEST; first: by_key() is given such, too */
	struct registry_manifest manifest;
};

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct kept *)a)->key,
		      ((const struct kept *)b)->key);
}

static void
free_kept(void *data)
{
	struct kept *kept = data;

	if (!kept)
		return;
	registry_manifest_release(&kept->manifest);
	free(kept->key);
	free(kept);
}

static void
cleanup_kept(struct kept **kept)
{
	free_kept(*kept);
}

void
manifest_cache_init(struct manifest_cache *cache)
{
	*cache = (struct manifest_cache){ 0 };
	pthread_mutex_init(&cache->lock, NULL);
}

void
manifest_cache_release(struct manifest_cache *cache)
{
	tdestroy(cache->tree, free_kept);
	pthread_mutex_destroy(&cache->lock);
}

static int
copy_manifest(struct registry_manifest *out,
	      const struct registry_manifest *from, struct ferry_error *err)
{
	AUTO_REGISTRY_MANIFEST copy = { 0 };
	int rc;

	copy.bytes.limit = from->bytes.size;
	rc = buffer_append(&copy.bytes, from->bytes.data, from->bytes.size,
			   err);
	if (rc)
		return rc;
	memcpy(copy.media_type, from->media_type, sizeof(copy.media_type));
	copy.digest = from->digest;
	*out = copy;
	copy = (struct registry_manifest){ 0 };
	return 0;
}

int
manifest_cache_find(struct manifest_cache *cache, const char *repository,
		    const char *digest, struct registry_manifest *out,
		    bool *found, struct ferry_error *err)
{
	AUTO_FREE char *key = NULL;
	struct kept wanted = { 0 };
	struct kept **node;
	int rc = text_format(&key, err, "%s@%s", repository, digest);

	if (rc)
		return rc;
	wanted.key = key;
	pthread_mutex_lock(&cache->lock);
	node = tfind(&wanted, &cache->tree, by_key);
	*found = node;
	if (node)
		rc = copy_manifest(out, &(*node)->manifest, err);
	pthread_mutex_unlock(&cache->lock);
	return rc;
}

/* With the lock held; takes it if it is new and has room. */
static void
keep(struct manifest_cache *cache, struct kept **kept)
{
	size_t size = (*kept)->manifest.bytes.size;
	struct kept **node;

	if (size > MANIFEST_CACHE_MAX - cache->bytes)
		return;
	node = tsearch(*kept, &cache->tree, by_key);
	if (!node || *node != *kept)
		return;
	cache->bytes += size;
	*kept = NULL;
}

void
manifest_cache_add(struct manifest_cache *cache, const char *repository,
		   const struct registry_manifest *manifest)
{
	AUTO(cleanup_kept) struct kept *kept = calloc(1, sizeof(*kept));
	struct ferry_error ignored;

	if (manifest->bytes.size > MANIFEST_CACHE_ONE || !kept ||
	    text_format(&kept->key, &ignored, "%s@%s", repository,
			manifest->digest.text) ||
	    copy_manifest(&kept->manifest, manifest, &ignored))
		return;
	pthread_mutex_lock(&cache->lock);
	keep(cache, &kept);
	pthread_mutex_unlock(&cache->lock);
}
