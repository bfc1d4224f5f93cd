#include "serve/delivery.h"

struct delivery {
	struct ferry_context *context;
	struct proofs *proofs;
	struct decoders *decoders;
	struct document document;
	uint64_t first;
	uint64_t length;
	uint64_t done;
	bool proving;
	struct hasher hasher;
	struct proof_stamp stamp;
	bool packed;
	struct decoding decoding;
};

static void
begin_decoding(struct delivery *delivery)
{
	const struct document *document = &delivery->document;

	delivery->decoding = (struct decoding){
		.bundle = document->bundle,
		.blob = document->blob,
		.at = delivery->first,
		.start = proofs_start(delivery->proofs, document->bundle,
				      document->blob, delivery->first),
	};
}

/* Of a part nothing can be proved; that of the whole was just forgotten. */
static int
begin_proof(struct delivery *delivery, struct ferry_error *err)
{
	if (delivery->length < delivery->document.descriptor.size)
		return error_set(err, FERRY_E_DAMAGED,
				 "the file was changed after it was proved");
	return hasher_init(&delivery->hasher, err);
}

int
delivery_new(struct delivery **out, struct ferry_context *context,
	     struct proofs *proofs, struct decoders *decoders,
	     const struct document *document, uint64_t first, uint64_t length,
	     struct ferry_error *err)
{
	struct delivery *delivery = calloc(1, sizeof(*delivery));
	int rc = 0;

	if (!delivery)
		return error_nomem(err);
	*delivery = (struct delivery){
		.context = context,
		.proofs = proofs,
		.decoders = decoders,
		.document = *document,
		.first = first,
		.length = length,
		.packed = bundle_is_packed(document->bundle, document->blob),
	};
	/* In this order: a proof of another file than the stamp's is none. */
	proofs_begin(&delivery->stamp, document->bundle);
	delivery->proving = proofs_state(proofs, document->bundle,
					 document->blob) != PROOF_HOLDS;
	if (delivery->proving)
		rc = begin_proof(delivery, err);
	if (delivery->packed)
		begin_decoding(delivery);
	if (rc)
		delivery_free(delivery);
	else
		*out = delivery;
	return rc;
}

void
delivery_free(struct delivery *delivery)
{
	if (!delivery)
		return;
	if (delivery->packed)
		decoders_forget(delivery->decoders, &delivery->decoding);
	hasher_release(&delivery->hasher);
	free(delivery);
}

static int
read_content(struct delivery *delivery, void *data, size_t size, bool *busy,
	     struct ferry_error *err)
{
	const struct document *document = &delivery->document;

	*busy = false;
	if (delivery->packed)
		return decoders_read(delivery->decoders, &delivery->decoding,
				     data, size, busy, err);
	return bundle_read_at(document->bundle, document->blob,
			      delivery->first + delivery->done, data, size,
			      err);
}

/* What was proved before must still be the file that it was proved of. */
static int
check_file(const struct delivery *delivery, struct ferry_error *err)
{
	struct proof_stamp now;

	proofs_begin(&now, delivery->document.bundle);
	if (!proofs_same(&now, &delivery->stamp))
		return error_set(err, FERRY_E_DAMAGED,
				 "the file was changed while it was read");
	return 0;
}

/* With the last piece: before it leaves. */
static int
settle(struct delivery *delivery, struct ferry_error *err)
{
	const struct document *document = &delivery->document;
	struct digest digest;
	bool holds;
	int rc;

	if (!delivery->proving)
		return check_file(delivery, err);
	rc = hasher_finish(&delivery->hasher, &digest, err);
	if (rc)
		return rc;
	holds = digest_equal(&digest, &document->descriptor.digest);
	proofs_end(delivery->proofs, &delivery->stamp, document->bundle,
		   document->blob, holds ? PROOF_HOLDS : PROOF_FAILS);
	if (!holds)
		return error_set(err, FERRY_E_DAMAGED,
				 "damaged: its content is %s", digest.text);
	return 0;
}

/* For whoever asks next; of a file that has become another it says nothing. */
static void
note_damage(struct delivery *delivery)
{
	proofs_end(delivery->proofs, &delivery->stamp,
		   delivery->document.bundle, delivery->document.blob,
		   PROOF_FAILS);
}

static int
read_piece(struct delivery *delivery, void *data, size_t size, bool *busy,
	   struct ferry_error *err)
{
	int rc = read_content(delivery, data, size, busy, err);

	if (!rc && *busy)
		return 0;
	if (rc == FERRY_E_DAMAGED)
		note_damage(delivery);
	if (!rc && delivery->proving)
		rc = hasher_update(&delivery->hasher, data, size, err);
	if (rc)
		return rc;
	delivery->done += size;
	return delivery->done == delivery->length ? settle(delivery, err) : 0;
}

ssize_t
delivery_read(struct delivery *delivery, uint64_t at, void *data, size_t size)
{
	const struct document *document = &delivery->document;
	uint64_t left = delivery->length - delivery->done;
	struct ferry_error err = { 0 };
	bool busy;

	if (at != delivery->done || !left)
		return -1;
	if (size > left)
		size = (size_t)left;
	if (!read_piece(delivery, data, size, &busy, &err))
		return busy ? 0 : (ssize_t)size;
	context_notice(delivery->context, "%s: blob %s: %s",
		       document->bundle->path, document->descriptor.digest.text,
		       err.message);
	return -1;
}
