#include "target/podman_image.h"

#include <string.h>

#include "base/text.h"

/* Podman writes IDs without the algorithm. */
static int
check_id(const json_t *described, const struct image *image,
	 struct ferry_error *err)
{
	const struct digest *wanted = &image->manifest.config.digest;
	const char *id;
	int rc = json_get_text(described, "Id", &id, err);

	if (rc)
		return rc;
	if (strcmp(id, wanted->text) != 0 &&
	    strcmp(id, digest_hex(wanted)) != 0)
		return error_set(err, FERRY_E_FAILED,
				 "podman has image %.80s under this name, not "
				 "%s",
				 id, digest_hex(wanted));
	return 0;
}

static int
check_platform(const json_t *described, const struct platform *wanted,
	       struct ferry_error *err)
{
	const char *os, *architecture;
	int rc = json_get_text(described, "Os", &os, err);

	if (!rc)
		rc = json_get_text(described, "Architecture", &architecture,
				   err);
	if (rc)
		return rc;
	if (strcmp(os, wanted->os) != 0 ||
	    strcmp(architecture, wanted->architecture) != 0)
		return error_set(err, FERRY_E_FAILED,
				 "podman shows it as %.60s/%.60s", os,
				 architecture);
	return 0;
}

/* "REPOSITORY@DIGEST", of all digests that it is known by. */
static bool
has_digest(const json_t *described, const char *digest)
{
	const json_t *list = json_object_get(described, "RepoDigests");
	const char *own =
		json_string_value(json_object_get(described, "Digest"));
	const json_t *entry;
	size_t i;

	if (own && strcmp(own, digest) == 0)
		return true;
	json_array_foreach (list, i, entry) {
		const char *text = json_string_value(entry);
		const char *at = text ? strchr(text, '@') : NULL;

		if (at && strcmp(at + 1, digest) == 0)
			return true;
	}
	return false;
}

static int
check_digest(const json_t *described, const struct digest *digest,
	     struct ferry_error *err)
{
	char shown[PODMAN_IMAGE_DIGEST];

	if (has_digest(described, digest->text))
		return 0;
	podman_image_digest(shown, described);
	return error_set(err, FERRY_E_FAILED,
			 "podman knows it by %s, and not by %s",
			 *shown ? shown : "no digest", digest->text);
}

int
podman_image_check(const json_t *described, const struct image *image,
		   bool by_digest, struct ferry_error *err)
{
	int rc = check_id(described, image, err);

	if (!rc)
		rc = check_platform(described, &image->platform, err);
	if (!rc && by_digest)
		rc = check_digest(described, &image->descriptor.digest, err);
	if (!rc && by_digest && image->nested)
		rc = check_digest(described, &image->nested->descriptor.digest,
				  err);
	return rc;
}

void
podman_image_digest(char out[PODMAN_IMAGE_DIGEST], const json_t *described)
{
	const char *text =
		json_string_value(json_object_get(described, "Digest"));

	text_escape(out, PODMAN_IMAGE_DIGEST, text ? text : "");
}
