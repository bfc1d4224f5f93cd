#include "codec/digest.h"

#include <openssl/evp.h>
#include <string.h>

#define SHA256_BYTES 32

bool
digest_is_hex(const char *hex)
{
	/* No branch a digit: what a digest's digits are, nobody can predict. */
	static const bool is_digit[256] = {
		['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true,
		['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true,
		['8'] = true, ['9'] = true, ['a'] = true, ['b'] = true,
		['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true,
	};
	bool all = true;

	for (int i = 0; i < DIGEST_HEX; i++)
		all &= is_digit[(unsigned char)hex[i]];
	return all;
}

int
digest_parse(struct digest *out, const char *text, struct ferry_error *err)
{
	const size_t prefix = strlen(DIGEST_PREFIX);

	if (strlen(text) != DIGEST_TEXT - 1 ||
	    strncmp(text, DIGEST_PREFIX, prefix) != 0 ||
	    !digest_is_hex(text + prefix))
		return error_set(err, FERRY_E_FAILED,
				 "'%.100s' is no sha256 digest", text);
	memcpy(out->text, text, DIGEST_TEXT);
	return 0;
}

const char *
digest_hex(const struct digest *digest)
{
	return digest->text + strlen(DIGEST_PREFIX);
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return strcmp(a->text, b->text) == 0;
}

bool
digest_is_set(const struct digest *digest)
{
	return digest->text[0] != '\0';
}

static int
openssl_error(struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED, "OpenSSL cannot compute sha256");
}

int
hasher_init(struct hasher *hasher, struct ferry_error *err)
{
	hasher->context = EVP_MD_CTX_new();
	if (!hasher->context)
		return error_nomem(err);
	if (!EVP_DigestInit_ex(hasher->context, EVP_sha256(), NULL))
		return openssl_error(err);
	return 0;
}

int
hasher_update(struct hasher *hasher, const void *data, size_t size,
	      struct ferry_error *err)
{
	if (!EVP_DigestUpdate(hasher->context, data, size))
		return openssl_error(err);
	return 0;
}

static void
spell(struct digest *out, const unsigned char raw[SHA256_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *text = stpcpy(out->text, DIGEST_PREFIX);

	for (int i = 0; i < SHA256_BYTES; i++) {
		*text++ = digits[raw[i] >> 4];
		*text++ = digits[raw[i] & 0xf];
	}
	*text = '\0';
}

int
hasher_finish(struct hasher *hasher, struct digest *out,
	      struct ferry_error *err)
{
	unsigned char raw[SHA256_BYTES];

	if (!EVP_DigestFinal_ex(hasher->context, raw, NULL))
		return openssl_error(err);
	spell(out, raw);
	return 0;
}

void
hasher_release(struct hasher *hasher)
{
	EVP_MD_CTX_free(hasher->context);
	hasher->context = NULL;
}

int
digest_of(struct digest *out, const void *data, size_t size,
	  struct ferry_error *err)
{
	AUTO(hasher_release) struct hasher hasher = { 0 };
	int rc = hasher_init(&hasher, err);

	if (!rc)
		rc = hasher_update(&hasher, data, size, err);
	if (!rc)
		rc = hasher_finish(&hasher, out, err);
	return rc;
}

static int
prove_piece(struct sink *sink, const void *data, size_t size,
	    struct ferry_error *err)
{
	struct proof *proof = (struct proof *)sink;
	int rc;

	if (size > proof->size - proof->seen)
		return error_set(err, FERRY_E_DIGEST,
				 "more than the %llu bytes it should have",
				 (unsigned long long)proof->size);
	rc = hasher_update(&proof->hasher, data, size, err);
	if (rc)
		return rc;
	proof->seen += size;
	return proof->next ? sink_write(proof->next, data, size, err) : 0;
}

int
proof_init(struct proof *proof, struct sink *next, const struct digest *digest,
	   uint64_t size, struct ferry_error *err)
{
	*proof = (struct proof){ .sink = { .write = prove_piece },
				 .next = next,
				 .digest = digest,
				 .size = size };
	return hasher_init(&proof->hasher, err);
}

int
proof_finish(struct proof *proof, struct ferry_error *err)
{
	struct digest found;
	int rc;

	if (proof->seen != proof->size)
		return error_set(err, FERRY_E_DIGEST,
				 "%llu bytes instead of %llu",
				 (unsigned long long)proof->seen,
				 (unsigned long long)proof->size);
	rc = hasher_finish(&proof->hasher, &found, err);
	if (rc)
		return rc;
	if (!digest_equal(&found, proof->digest))
		return error_set(err, FERRY_E_DIGEST,
				 "its content is %s instead of %s", found.text,
				 proof->digest->text);
	return 0;
}

void
proof_release(struct proof *proof)
{
	hasher_release(&proof->hasher);
}
