#include "source/source.h"

int
source_fetch(struct source *source, unsigned worker,
	     const struct release *release, const struct blob *blob,
	     struct sink *to, struct ferry_error *err)
{
	AUTO(proof_release) struct proof proof = { 0 };
	int rc = proof_init(&proof, to, &blob->descriptor.digest,
			    blob->descriptor.size, err);

	return rc ? rc
		  : source->ops->fetch(source, worker, release, blob, &proof,
				       err);
}
