#include "op/lock.h"

#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "list/definition.h"

/* No more than can be read back. */
#define LOCK_BYTES_MAX LIST_BYTES_MAX

int
lock_init(struct lock *lock, const char *path, const char *bundle, bool force,
	  struct ferry_error *err)
{
	lock->output.fd = -1;
	lock->force = force;
	if (!path)
		return 0;
	if (bundle && output_collides(path, bundle))
		return error_set(err, FERRY_E_USAGE,
				 "--lock %s: the bundle %s, or what stands "
				 "beside it until it is there, has this name; "
				 "give the lock another one",
				 path, bundle);
	if (output_check(path, force, err))
		return err->code;
	return text_copy(&lock->path, path, err);
}

static const struct digest *
pin_of(const struct resolved *resolved)
{
	const struct image *image = &resolved->images[0];

	return digest_is_set(&image->index_digest) ? &image->index_digest
						   : &image->descriptor.digest;
}

/* What only the source could tell is said, so that it need not be asked. */
static void
set_name(struct wanted *wanted, const struct image *image)
{
	bool told = wanted->name.repository[0] ||
		    wanted->origin.transport == TRANSPORT_REGISTRY;

	if (told || !image->reference.tag[0])
		return;
	wanted->name = image->reference;
	reference_unpin(&wanted->name);
}

int
lock_add(struct lock *lock, const struct wanted *wanted,
	 const struct resolved *resolved, struct ferry_error *err)
{
	AUTO(wanted_release)
	struct wanted pinned = { .name = wanted->name,
				 .platforms = wanted->platforms };
	int rc = origin_copy(&pinned.origin, &wanted->origin, err);

	/* A pin that it had has held; it may have been another digest of it. */
	pinned.origin.pin = (struct digest){ 0 };
	if (!rc)
		rc = origin_set_pin(&pinned.origin, pin_of(resolved), err);
	if (rc)
		return rc;
	set_name(&pinned, &resolved->images[0]);
	return list_take(&lock->list, &pinned, err);
}

static int
fill(struct lock *lock, const struct list *list, struct buffer *text,
     struct ferry_error *err)
{
	int rc = 0;

	if (list->name && !lock->list.name)
		rc = text_copy(&lock->list.name, list->name, err);
	if (!rc && list->version && !lock->list.version)
		rc = text_copy(&lock->list.version, list->version, err);
	return rc ? rc : definition_write(text, &lock->list, err);
}

int
lock_write(struct lock *lock, const struct list *list, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(LOCK_BYTES_MAX);
	int rc;

	if (!lock->path)
		return 0;
	rc = fill(lock, list, &text, err);
	if (!rc)
		rc = output_open(&lock->output, lock->path, lock->force, err);
	if (rc)
		return rc;
	rc = file_write_at(lock->output.fd, text.data, text.size, 0, err);
	/* What a killed run left may be longer. */
	if (!rc && ftruncate(lock->output.fd, (off_t)text.size))
		rc = error_errno(err, "cut");
	return rc ? error_wrap(err, "%s", lock->path) : 0;
}

int
lock_commit(struct lock *lock, struct ferry_error *err)
{
	return lock->path ? output_commit(&lock->output, err) : 0;
}

void
lock_release(struct lock *lock)
{
	if (lock->path)
		output_release(&lock->output);
	free(lock->path);
	list_release(&lock->list);
	*lock = (struct lock){ 0 };
}
