/*
 * Content digests: OCI image-spec, descriptor.md, "Digests".
 *
 * Only sha256 is spoken: it is what every registry and runtime stores by.
 */
#ifndef CODEC_DIGEST_H
#define CODEC_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sink.h"

#define DIGEST_PREFIX "sha256:"
#define DIGEST_HEX 64
#define DIGEST_TEXT (sizeof(DIGEST_PREFIX) + DIGEST_HEX) /* with its NUL */

/* "sha256:" and 64 lower-case hex digits, or all zero bytes: no digest. */
struct digest {
	char text[DIGEST_TEXT];
};

/* Strict: anything but the exact form above is refused and quoted. */
int digest_parse(struct digest *out, const char *text, struct ferry_error *err)
	MUST_CHECK;

/* Whether the 64 bytes at `hex` are lower-case hex digits. */
bool digest_is_hex(const char *hex);

/* The digits behind "sha256:". */
const char *digest_hex(const struct digest *digest);

bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *digest);

int digest_of(struct digest *out, const void *data, size_t size,
	      struct ferry_error *err) MUST_CHECK;

/*
 * A digest in the making.  `context` is an EVP_MD_CTX; a zeroed hasher may
 * be released.
 */
struct hasher {
	void *context;
};

int hasher_init(struct hasher *hasher, struct ferry_error *err) MUST_CHECK;
int hasher_update(struct hasher *hasher, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;
/* The digest so far, of all updates; ends the hasher. */
int hasher_finish(struct hasher *hasher, struct digest *out,
		  struct ferry_error *err) MUST_CHECK;
void hasher_release(struct hasher *hasher);

/*
 * Proof that what passes is what was named: hands bytes on to `next`,
 * refuses the first byte too many, and tells at the end whether size and
 * digest hold.
 */
struct proof {
	struct sink sink;
	struct sink *next;
	const struct digest *digest;
	uint64_t size;
	uint64_t seen;
	struct hasher hasher;
};

/* `next` and `digest` are borrowed.  Release also after a failed init. */
int proof_init(struct proof *proof, struct sink *next,
	       const struct digest *digest, uint64_t size,
	       struct ferry_error *err) MUST_CHECK;
/* FERRY_E_DIGEST unless exactly the promised bytes have passed. */
int proof_finish(struct proof *proof, struct ferry_error *err) MUST_CHECK;
void proof_release(struct proof *proof);

#endif
