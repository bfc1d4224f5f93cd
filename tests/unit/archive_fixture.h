/*
 * Releases whose blobs are their numbers, and the members of archives made of
 * them.
 */
#ifndef ARCHIVE_FIXTURE_H
#define ARCHIVE_FIXTURE_H

/* sha256:000...N for blob N, with the size it has here. */
static void
fill_blobs(struct blob *blobs, const uint64_t *sizes, size_t count)
{
	static const struct buffer content;

	for (size_t i = 0; i < count; i++) {
		snprintf(blobs[i].descriptor.digest.text, DIGEST_TEXT,
			 DIGEST_PREFIX "%064zu", i);
		blobs[i].descriptor.size = sizes[i];
		blobs[i].content = &content;
	}
}

/*
 * A blob is its number, as often as it is long; `bad` cannot be proved.  Each
 * can be had once, in their order.
 */
struct test_source {
	struct source source;
	const struct release *release;
	size_t bad;
	size_t next;
};

static int
fetch(struct source *base, unsigned worker, const struct release *of,
      const struct blob *blob, struct proof *proof, struct ferry_error *err)
{
	struct test_source *source = (struct test_source *)base;
	size_t number = (size_t)(blob - of->blobs);
	uint8_t bytes[16384];
	int rc;

	(void)worker;
	assert_ptr_equal(of, source->release);
	assert_true(number >= source->next);
	source->next = number + 1;
	memset(bytes, (int)number, sizeof(bytes));
	rc = sink_write(&proof->sink, bytes, blob->descriptor.size, err);
	if (!rc && number == source->bad)
		return error_set(err, FERRY_E_DIGEST, "not what it should be");
	return rc;
}

static const struct source_ops test_source_ops = { .fetch = fetch };

/* "3 5 7 manifest.json": the members, after checking all around them. */
static void
list_members(char *out, const struct buffer *stream,
	     const struct release *release)
{
	const uint8_t *at = stream->data;
	const uint8_t *end = at + stream->size - TAR_END;
	static const uint8_t zeros[TAR_END];
	struct tar_member member;
	struct ferry_error err;
	const char *space = "";

	while (at < end) {
		unsigned number;

		assert_int_equal(tar_parse_head(&member, at, &err), 0);
		at += TAR_BLOCK;
		if (sscanf(member.name, "blobs/sha256/%u", &number) == 1) {
			out += sprintf(out, "%s%u", space, number);
			assert_int_equal(
				member.size,
				release->blobs[number].descriptor.size);
			assert_int_equal(*at, number);
		} else {
			out += sprintf(out, "%s%s", space, member.name);
		}
		space = " ";
		at += member.size;
		assert_memory_equal(at, zeros, tar_padding(member.size));
		at += tar_padding(member.size);
	}
	assert_memory_equal(end, zeros, TAR_END);
}

#endif
