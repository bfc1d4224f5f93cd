#include "registry/keyring.h"

#include "base/text.h"
#include "registry/helper.h"

void
keyring_init(struct keyring *keyring, struct ferry_context *context,
	     const char *path, const char *host)
{
	*keyring = (struct keyring){ .context = context,
				     .path = path,
				     .host = host };
	pthread_mutex_init(&keyring->lock, NULL);
}

void
keyring_release(struct keyring *keyring)
{
	pthread_mutex_destroy(&keyring->lock);
	credentials_release(&keyring->from_helper);
	json_decref(keyring->config);
	keyring->config = NULL;
}

static int
ask_helper(struct keyring *keyring, struct ferry_error *err)
{
	const char *name = NULL;
	int rc;

	if (keyring->helped)
		return 0;
	rc = credentials_helper(&name, keyring->config, keyring->host, err);
	if (!rc && name)
		rc = helper_get(&keyring->from_helper, keyring->context, name,
				keyring->host, err);
	keyring->helped = !rc;
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
find(struct keyring *keyring, const char *repository, struct credentials *out,
     struct ferry_error *err)
{
	int rc = 0;

	if (!keyring->config)
		rc = credentials_load(&keyring->config, keyring->path, err);
	if (!rc)
		rc = ask_helper(keyring, err);
	if (rc)
		return rc;
	if (credentials_are_set(&keyring->from_helper))
		return copy_credentials(out, &keyring->from_helper, err);
	return credentials_find(out, keyring->config, keyring->host, repository,
				err);
}

int
keyring_find(struct keyring *keyring, const char *repository,
	     struct credentials *out, struct ferry_error *err)
{
	int rc;

	if (!keyring->path)
		return 0;
	pthread_mutex_lock(&keyring->lock);
	rc = find(keyring, repository, out, err);
	pthread_mutex_unlock(&keyring->lock);
	return rc;
}

bool
keyring_mentions(struct keyring *keyring, const char *host)
{
	bool mentioned;

	pthread_mutex_lock(&keyring->lock);
	mentioned =
		keyring->config && credentials_mention(keyring->config, host);
	pthread_mutex_unlock(&keyring->lock);
	return mentioned;
}
