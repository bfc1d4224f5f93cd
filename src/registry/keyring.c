#include "registry/keyring.h"

#include "base/text.h"
#include "registry/helper.h"

int
keyring_init(struct keyring *keyring, struct ferry_context *context,
	     const char *const *paths, size_t count, const char *host,
	     struct ferry_error *err)
{
	*keyring = (struct keyring){
		.context = context, .paths = paths, .count = count, .host = host
	};
	keyring->files = calloc(count ? count : 1, sizeof(*keyring->files));
	if (!keyring->files)
		return error_nomem(err);
	pthread_mutex_init(&keyring->lock, NULL);
	return 0;
}

void
keyring_release(struct keyring *keyring)
{
	if (!keyring->files)
		return;
	for (size_t i = 0; i < keyring->count; i++) {
		credentials_release(&keyring->files[i].from_helper);
		json_decref(keyring->files[i].config);
	}
	free(STEAL(&keyring->files));
	pthread_mutex_destroy(&keyring->lock);
}

static int
ask_helper(struct keyring *keyring, struct keyring_file *file,
	   struct ferry_error *err)
{
	const char *name = NULL;
	int rc;

	if (file->helped)
		return 0;
	rc = credentials_helper(&name, file->config, keyring->host, err);
	if (!rc && name)
		rc = helper_get(&file->from_helper, keyring->context, name,
				keyring->host, err);
	file->helped = !rc;
	return rc;
}

static int
copy_credentials(struct credentials *out, const struct credentials *from,
		 struct ferry_error *err)
{
	AUTO(credentials_release) struct credentials copy = { 0 };
	int rc = 0;

	if (from->username)
		rc = text_copy(&copy.username, from->username, err);
	if (!rc && from->password)
		rc = text_copy(&copy.password, from->password, err);
	if (!rc && from->identity_token)
		rc = text_copy(&copy.identity_token, from->identity_token, err);
	if (rc)
		return rc;
	*out = copy;
	copy = (struct credentials){ 0 };
	return 0;
}

/* The helper's word, if one is in charge and knows; else the file's. */
static int
find_in(struct keyring *keyring, size_t index, const char *repository,
	struct credentials *out, struct ferry_error *err)
{
	struct keyring_file *file = &keyring->files[index];
	int rc = 0;

	if (!file->config)
		rc = credentials_load(&file->config, keyring->paths[index],
				      err);
	if (!rc)
		rc = ask_helper(keyring, file, err);
	if (rc)
		return rc;
	if (credentials_are_set(&file->from_helper))
		return copy_credentials(out, &file->from_helper, err);
	return credentials_find(out, file->config, keyring->host, repository,
				err);
}

int
keyring_find(struct keyring *keyring, const char *repository,
	     struct credentials *out, struct ferry_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&keyring->lock);
	for (size_t i = 0; i < keyring->count && !rc; i++) {
		rc = find_in(keyring, i, repository, out, err);
		if (credentials_are_set(out))
			break;
	}
	pthread_mutex_unlock(&keyring->lock);
	return rc;
}

bool
keyring_mentions(struct keyring *keyring, const char *host)
{
	bool mentioned = false;

	pthread_mutex_lock(&keyring->lock);
	for (size_t i = 0; i < keyring->count && !mentioned; i++)
		mentioned = keyring->files[i].config &&
			    credentials_mention(keyring->files[i].config, host);
	pthread_mutex_unlock(&keyring->lock);
	return mentioned;
}
