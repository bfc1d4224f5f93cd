#include "bundle/findings.h"

#include "base/text.h"

int
findings_init(struct findings *findings, struct ferry_error *err)
{
	struct ferry_verification *found = calloc(1, sizeof(*found));

	findings->found = found;
	if (!found)
		return error_nomem(err);
	found->damages = calloc(FERRY_DAMAGES_MAX, sizeof(*found->damages));
	if (!found->damages) {
		free(found);
		return error_nomem(err);
	}
	pthread_mutex_init(&findings->lock, NULL);
	return 0;
}

static void
damage_release(struct ferry_damage *damage)
{
	free(damage->image);
	free(damage->digest);
	free(damage->what);
}

static bool
is_full(struct findings *findings)
{
	bool full;

	pthread_mutex_lock(&findings->lock);
	full = findings->found->damage_count == FERRY_DAMAGES_MAX;
	pthread_mutex_unlock(&findings->lock);
	return full;
}

/* False: there was no room. */
static bool
store(struct findings *findings, const struct ferry_damage *damage)
{
	struct ferry_verification *found = findings->found;
	bool room;

	pthread_mutex_lock(&findings->lock);
	room = found->damage_count < FERRY_DAMAGES_MAX;
	if (room)
		found->damages[found->damage_count++] = *damage;
	pthread_mutex_unlock(&findings->lock);
	return room;
}

int
findings_add(struct findings *findings, const char *image, size_t image_count,
	     const char *digest, const char *what, struct ferry_error *err)
{
	struct ferry_damage damage = { .image_count = image_count };
	int rc;

	if (is_full(findings))
		return 0;
	rc = text_copy(&damage.what, what, err);
	if (!rc && image)
		rc = text_copy(&damage.image, image, err);
	if (!rc && digest)
		rc = text_copy(&damage.digest, digest, err);
	if (!rc && store(findings, &damage))
		return 0;
	damage_release(&damage);
	return rc;
}

struct ferry_verification *
findings_take(struct findings *findings)
{
	pthread_mutex_destroy(&findings->lock);
	return STEAL(&findings->found);
}

void
ferry_verification_free(struct ferry_verification *verification)
{
	if (!verification)
		return;
	for (size_t i = 0; i < verification->damage_count; i++)
		damage_release(&verification->damages[i]);
	free(verification->damages);
	free(verification);
}
