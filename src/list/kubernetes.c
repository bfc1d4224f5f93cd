/*
 * Kubernetes manifests: what kubectl takes, and what `helm template` and
 * `kustomize build` print.
 *
 * Wherever a pod is described, in a Pod or deep in a custom resource, it has a
 * list "containers", "initContainers" or "ephemeralContainers", and its images
 * may be "volumes" too.  So every such list is read, at any depth and of any
 * kind, but for the "metadata" and "status" of an object, and for kinds that
 * describe what others have to look like.
 */
#include <string.h>

#include "list/kubernetes.h"
#include "list/yaml.h"

struct walk {
	kubernetes_take *take;
	void *cookie;
	bool own; /* inside a kind of Kubernetes itself */
};

/* Groups of Kubernetes itself whose kinds hold pods; "": the core group. */
static const char *const own_groups[] = { "", "apps", "batch", "extensions" };

/* They hold schemas and patterns, which look like pods and are none. */
static const struct {
	const char *group;
	const char *kind; /* NULL: all of the group */
} descriptions[] = {
	{ "apiextensions.k8s.io", NULL },
	{ "kyverno.io", "ClusterPolicy" },
	{ "kyverno.io", "Policy" },
};

static int walk_value(struct walk *walk, json_t *value,
		      struct ferry_error *err);
static int walk_object(struct walk *walk, json_t *object,
		       struct ferry_error *err);

static const char *
text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool
is_object(const json_t *value)
{
	return text_of(value, "apiVersion") && text_of(value, "kind");
}

static bool
is_group(const json_t *object, const char *group)
{
	const char *version = text_of(object, "apiVersion");
	const char *slash = version ? strchr(version, '/') : NULL;
	size_t length = slash ? (size_t)(slash - version) : 0;

	return version && strlen(group) == length &&
	       strncmp(version, group, length) == 0;
}

static bool
is_own(const json_t *object)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_groups); i++)
		if (is_group(object, own_groups[i]))
			return true;
	return false;
}

static bool
is_description(const json_t *object)
{
	const char *kind = text_of(object, "kind");

	for (size_t i = 0; i < ARRAY_SIZE(descriptions); i++)
		if (is_group(object, descriptions[i].group) && kind &&
		    (!descriptions[i].kind ||
		     strcmp(kind, descriptions[i].kind) == 0))
			return true;
	return false;
}

/*
 * Kubernetes refuses a container without an image.  Operators fill it in, so
 * that a custom kind may leave it out.
 */
static int
add_container(struct walk *walk, const json_t *container,
	      struct ferry_error *err)
{
	json_t *image = json_object_get(container, "image");

	if (json_string_length(image))
		return walk->take(walk->cookie, image, err);
	if (!walk->own || json_is_null(container))
		return 0;
	return error_set(err, FERRY_E_USAGE,
			 "it has no image, or one that is no text");
}

static int
add_containers(struct walk *walk, json_t *containers, struct ferry_error *err)
{
	for (size_t i = 0; i < json_array_size(containers); i++) {
		const json_t *container = json_array_get(containers, i);
		const char *name = text_of(container, "name");

		if (!add_container(walk, container, err))
			continue;
		return name ? error_wrap(err, "container '%.100s'", name)
			    : error_wrap(err, "container %zu", i + 1);
	}
	return 0;
}

static int
add_volumes(struct walk *walk, json_t *volumes, struct ferry_error *err)
{
	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);
		const char *name = text_of(volume, "name");
		json_t *image = json_object_get(
			json_object_get(volume, "image"), "reference");

		if (json_string_length(image) &&
		    walk->take(walk->cookie, image, err))
			return error_wrap(err, "volume '%.100s'",
					  name ? name : "");
	}
	return 0;
}

static int
walk_member(struct walk *walk, const char *key, json_t *value,
	    struct ferry_error *err)
{
	static const struct {
		const char *key;
		int (*add)(struct walk *walk, json_t *list,
			   struct ferry_error *err);
	} lists[] = {
		{ "containers", add_containers },
		{ "initContainers", add_containers },
		{ "ephemeralContainers", add_containers },
		{ "volumes", add_volumes },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (json_is_array(value) && strcmp(key, lists[i].key) == 0)
			return lists[i].add(walk, value, err);
	return walk_value(walk, value, err);
}

/* yaml_parse() has seen to it that this is not too deep. */
static int
walk_value(struct walk *walk, json_t *value, struct ferry_error *err)
{
	const char *key;
	json_t *member;
	int rc = 0;

	if (is_object(value))
		return walk_object(walk, value, err);
	for (size_t i = 0; i < json_array_size(value) && !rc; i++)
		rc = walk_value(walk, json_array_get(value, i), err);
	json_object_foreach (value, key, member) {
		rc = walk_member(walk, key, member, err);
		if (rc)
			break;
	}
	return rc;
}

static int
walk_members(struct walk *walk, json_t *object, struct ferry_error *err)
{
	const char *key;
	json_t *member;
	int rc = 0;

	json_object_foreach (object, key, member) {
		if (strcmp(key, "metadata") == 0 || strcmp(key, "status") == 0)
			continue;
		rc = walk_member(walk, key, member, err);
		if (rc)
			break;
	}
	return rc;
}

static int
walk_object(struct walk *walk, json_t *object, struct ferry_error *err)
{
	struct walk inside = { .take = walk->take,
			       .cookie = walk->cookie,
			       .own = is_own(object) };
	const char *name = text_of(json_object_get(object, "metadata"), "name");

	if (is_description(object) || !walk_members(&inside, object, err))
		return 0;
	/* A list has no name, its items have. */
	return name ? error_wrap(err, "%.100s '%.200s'",
				 text_of(object, "kind"), name)
		    : (int)err->code;
}

int
kubernetes_walk(json_t *documents, kubernetes_take *take, void *cookie,
		struct ferry_error *err)
{
	struct walk walk = { .take = take, .cookie = cookie };
	int rc = 0;

	for (size_t i = 0; i < json_array_size(documents) && !rc; i++) {
		json_t *document = json_array_get(documents, i);

		rc = is_object(document)
			     ? walk_object(&walk, document, err)
			     : error_set(err, FERRY_E_USAGE,
					 "document %zu, empty ones not "
					 "counted, has no apiVersion and kind",
					 i + 1);
	}
	return rc;
}

int
kubernetes_parse_image(struct reference *out, const json_t *image,
		       struct ferry_error *err)
{
	const char *text = json_string_value(image);
	int rc = list_refuse_url(text, err);

	return rc ? rc : reference_parse(out, text, err);
}

static int
take_image(void *cookie, json_t *image, struct ferry_error *err)
{
	AUTO(wanted_release) struct wanted wanted = { 0 };
	int rc = kubernetes_parse_image(&wanted.origin.reference, image, err);

	return rc ? rc : list_take(cookie, &wanted, err);
}

int
list_add_kubernetes(struct list *list, const void *data, size_t size,
		    struct ferry_error *err)
{
	AUTO_JSON *documents = NULL;
	int rc = yaml_parse(&documents, data, size, err);

	return rc ? rc : kubernetes_walk(documents, take_image, list, err);
}
