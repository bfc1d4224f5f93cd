#include "target/any.h"

#include "base/text.h"
#include "engine/locate.h"
#include "target/containerd.h"
#include "target/destination.h"
#include "target/docker.h"
#include "target/oci.h"
#include "target/podman.h"
#include "target/registry.h"

static int
open_docker(struct target **out, struct ferry_context *context,
	    const char *address, const struct ferry_load_options *options,
	    struct ferry_error *err)
{
	struct engine_endpoint endpoint;
	int rc = address ? engine_endpoint_socket(&endpoint, address, err)
			 : engine_locate(&endpoint, &options->docker, err);

	return rc ? rc : target_docker_new(out, context, &endpoint, err);
}

static int
open_registry(struct target **out, struct ferry_context *context,
	      const char *address, const struct ferry_load_options *options,
	      struct ferry_error *err)
{
	return target_registry_new(out, context, address, options, err);
}

static int
open_oci(struct target **out, struct ferry_context *context,
	 const char *address, const struct ferry_load_options *options,
	 struct ferry_error *err)
{
	(void)options;
	return target_oci_new(out, context, address, err);
}

static int
open_containerd(struct target **out, struct ferry_context *context,
		const char *space, const struct ferry_load_options *options,
		struct ferry_error *err)
{
	const struct ferry_registry_options *patience = &options->registry;
	unsigned seconds = patience->give_up_after
				   ? patience->give_up_after
				   : FERRY_GIVE_UP_AFTER_DEFAULT;
	struct containerd_place place;
	int rc = containerd_place_find(&place, "", &options->containerd, space,
				       err);

	return rc ? rc
		  : target_containerd_new(out, context, &place,
					  UINT64_C(1000) * seconds, err);
}

static int
open_podman(struct target **out, struct ferry_context *context,
	    const char *address, const struct ferry_load_options *options,
	    struct ferry_error *err)
{
	return target_podman_new(out, context, address, &options->podman, err);
}

static int (*const openers[])(struct target **out,
			      struct ferry_context *context,
			      const char *address,
			      const struct ferry_load_options *options,
			      struct ferry_error *err) = {
	[DESTINATION_DOCKER] = open_docker,
	[DESTINATION_REGISTRY] = open_registry,
	[DESTINATION_CONTAINERD] = open_containerd,
	[DESTINATION_OCI] = open_oci,
	[DESTINATION_PODMAN] = open_podman,
};

/* What a registry only can do is not left out without a word. */
static int
check_options(const struct destination *to,
	      const struct ferry_load_options *options, struct ferry_error *err)
{
	const struct {
		const char *name;
		bool given;
	} pushing[] = {
		{ "--chunk-size", options->registry.chunk_size },
		{ "--on-existing-tag",
		  options->existing_tag != FERRY_TAG_OVERWRITE },
		{ "--deep", options->deep },
	};

	if (to->kind == DESTINATION_REGISTRY)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(pushing); i++)
		if (pushing[i].given)
			return error_set(err, FERRY_E_USAGE,
					 "%s is for registries, and %s is none",
					 pushing[i].name, options->to);
	return 0;
}

int
target_open(struct target **out, struct ferry_context *context,
	    const struct ferry_load_options *options, struct ferry_error *err)
{
	struct destination to;
	int rc = destination_parse(&to, options->to, err);

	if (!rc)
		rc = check_options(&to, options, err);
	return rc ? rc
		  : openers[to.kind](out, context, to.address, options, err);
}
