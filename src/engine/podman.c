#include "engine/podman.h"

#include <string.h>

#include "base/text.h"

#define QUOTED_MAX 600
/* What the archives that we send are: of one image, and of several. */
#define ONE "oci-archive: "
#define SEVERAL "docker-archive: "
/* What it says of the second as if it were the first. */
#define NOT_ONE "loading index: more than one image"

static int
find_place(char **out, const json_t *store, const char *key,
	   struct ferry_error *err)
{
	const char *text = NULL;
	int rc = json_find_text(store, key, &text, err);

	return rc || !text || !*text ? rc : text_copy(out, text, err);
}

static int
parse_host(struct podman_info *out, const json_t *json, struct ferry_error *err)
{
	json_t *host = NULL;
	const char *os, *architecture, *variant;
	int rc = json_get_object(json, "host", &host, err);

	if (!rc)
		rc = json_get_text(host, "os", &os, err);
	if (!rc)
		rc = json_get_text(host, "arch", &architecture, err);
	if (!rc)
		rc = json_find_text(host, "variant", &variant, err);
	if (rc)
		return rc;
	out->rootless = json_is_true(
		json_object_get(json_object_get(host, "security"), "rootless"));
	return platform_set(&out->platform, os, architecture, variant, err);
}

static int
parse_store(struct podman_info *out, const json_t *json,
	    struct ferry_error *err)
{
	json_t *store = NULL;
	int rc = json_get_object(json, "store", &store, err);

	if (!rc)
		rc = find_place(&out->root, store, "graphRoot", err);
	return rc ? rc
		  : find_place(&out->temporary, store, "imageCopyTmpDir", err);
}

static int
parse_version(struct podman_info *out, const json_t *json,
	      struct ferry_error *err)
{
	json_t *version = NULL;
	const char *text;
	int rc = json_get_object(json, "version", &version, err);

	if (!rc)
		rc = json_get_text(version, "Version", &text, err);
	if (!rc)
		text_escape(out->version, sizeof(out->version), text);
	return rc;
}

int
podman_info_parse(struct podman_info *out, const json_t *json,
		  struct ferry_error *err)
{
	AUTO(podman_info_release) struct podman_info info = { 0 };
	int rc = parse_host(&info, json, err);

	if (!rc)
		rc = parse_store(&info, json, err);
	if (!rc)
		rc = parse_version(&info, json, err);
	if (rc)
		return rc;
	*out = info;
	info = (struct podman_info){ 0 };
	return 0;
}

int
podman_ask(struct podman *podman, struct podman_info *out,
	   struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	int rc = podman->ops->info(podman, &json, err);

	if (rc)
		return rc;
	rc = podman_info_parse(out, json, err);
	return rc ? error_wrap(err, "%s: info", podman->words) : 0;
}

void
podman_info_release(struct podman_info *info)
{
	free(info->root);
	free(info->temporary);
	*info = (struct podman_info){ 0 };
}

/* Of the format that counts; NULL: it tells of none. */
static const char *
find_reason(const char *text)
{
	const char *one = strstr(text, ONE);
	const char *several = strstr(text, SEVERAL);

	if (!one)
		return NULL;
	one += strlen(ONE);
	return several && text_starts(one, NOT_ONE) ? several + strlen(SEVERAL)
						    : one;
}

int
podman_refused(const char *text, struct ferry_error *err)
{
	const char *reason = find_reason(text);
	size_t length;

	if (reason)
		text = reason;
	if (text_starts(text, "Error: "))
		text += strlen("Error: ");
	length = reason ? strcspn(text, "\n;") : strlen(text);
	while (length && text[length - 1] == '\n')
		length--;
	return error_set(err, FERRY_E_FAILED, "podman says: %.*s",
			 (int)(length < QUOTED_MAX ? length : QUOTED_MAX),
			 text);
}
