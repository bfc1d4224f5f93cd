#include "codec/base64.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Like free(), for what may be a password. */
static void
cleanup_secret(uint8_t **secret)
{
	OPENSSL_clear_free(*secret, BASE64_MAX * 2);
}

static int
new_secret(uint8_t **out, struct ferry_error *err)
{
	*out = OPENSSL_zalloc(BASE64_MAX * 2);
	return *out ? 0 : error_nomem(err);
}

int
base64_encode(struct buffer *out, const void *data, size_t size,
	      struct ferry_error *err)
{
	AUTO(cleanup_secret) uint8_t *text = NULL;
	int length;

	if (size > BASE64_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "more than %zu bytes for base64", BASE64_MAX);
	if (new_secret(&text, err))
		return err->code;
	length = EVP_EncodeBlock(text, data, (int)size);
	return buffer_append(out, text, (size_t)length, err);
}

/* EVP_DecodeBlock() is lenient where a parser of credentials must not be. */
static bool
is_base64(const char *text, size_t size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	size_t digits = strspn(text, alphabet);

	return size % 4 == 0 && size - digits <= 2 &&
	       strspn(text + digits, "=") == size - digits;
}

int
base64_decode(struct buffer *out, const char *text, struct ferry_error *err)
{
	AUTO(cleanup_secret) uint8_t *data = NULL;
	size_t size = strlen(text);
	size_t padding = 0;
	int length;

	if (size > BASE64_MAX || !is_base64(text, size))
		return error_set(err, FERRY_E_FAILED, "no valid base64");
	if (!size)
		return 0;
	if (new_secret(&data, err))
		return err->code;
	while (text[size - 1 - padding] == '=')
		padding++;
	length = EVP_DecodeBlock(data, (const uint8_t *)text, (int)size);
	if (length < (int)padding)
		return error_set(err, FERRY_E_FAILED, "no valid base64");
	return buffer_append(out, data, (size_t)length - padding, err);
}
