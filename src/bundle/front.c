#include "bundle/front.h"

#include <string.h>

#include "base/text.h"
#include "codec/tar.h"
#include "oci/catalog.h"

const char *const front_member_names[FRONT_MEMBERS] = {
	[FRONT_LAYOUT] = CATALOG_LAYOUT_NAME,
	[FRONT_INDEX] = CATALOG_INDEX_NAME,
	[FRONT_MANIFEST] = CATALOG_ARCHIVE_NAME,
	[FRONT_BLOB_TABLE] = "bundle.blobs",
	[FRONT_STATEMENT] = "bundle.json",
	[FRONT_SIGNATURES] = "bundle.json.sig",
	[FRONT_BLOBS] = "blobs/",
	[FRONT_SHA256] = "blobs/sha256/",
};

static const size_t largest[FRONT_MEMBERS] = {
	[FRONT_LAYOUT] = 4096,	       [FRONT_INDEX] = FRONT_MAX,
	[FRONT_MANIFEST] = FRONT_MAX,  [FRONT_BLOB_TABLE] = FRONT_MAX,
	[FRONT_STATEMENT] = FRONT_MAX, [FRONT_SIGNATURES] = SIGNATURES_ROOM,
};

static char
typeflag(enum front_member member)
{
	return member >= FRONT_BLOBS ? TAR_FOLDER : TAR_FILE;
}

static int
add_member(struct buffer *out, enum front_member member, const void *data,
	   size_t size, struct ferry_error *err)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint8_t header[TAR_BLOCK];
	int rc;

	tar_header(header, front_member_names[member], size, typeflag(member));
	rc = buffer_append(out, header, sizeof(header), err);
	if (!rc)
		rc = buffer_append(out, data, size, err);
	if (!rc)
		rc = buffer_append(out, zeros, tar_padding(size), err);
	return rc;
}

static int
add_signatures(struct buffer *out, const struct front_part *signatures,
	       struct ferry_error *err)
{
	uint8_t room[SIGNATURES_ROOM];

	memset(room, '\n', sizeof(room));
	if (signatures)
		memcpy(room, signatures->data, signatures->size);
	return add_member(out, FRONT_SIGNATURES, room, sizeof(room), err);
}

/* Adds a member that the statement covers. */
static int
add_covered(struct buffer *out, enum front_member member,
	    const struct buffer *content, struct statement_file *stated,
	    struct ferry_error *err)
{
	int rc = digest_of(&stated->digest, content->data, content->size, err);

	stated->size = content->size;
	return rc ? rc
		  : add_member(out, member, content->data, content->size, err);
}

static int
add_index(struct buffer *out, const struct release *release,
	  struct statement_file *stated, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = catalog_index(&text, release, NULL, NULL, err);

	return rc ? rc : add_covered(out, FRONT_INDEX, &text, stated, err);
}

static int
add_archive_manifest(struct buffer *out, const struct release *release,
		     struct statement_file *stated, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = catalog_archive(&text, release, NULL, err);

	return rc ? rc : add_covered(out, FRONT_MANIFEST, &text, stated, err);
}

static int
add_blob_table(struct buffer *out, const struct release *release,
	       const struct layout *layout, const struct digest *frames,
	       struct statement_file *stated, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = blob_table_write(&text, release, layout, frames, err);

	return rc ? rc : add_covered(out, FRONT_BLOB_TABLE, &text, stated, err);
}

static int
add_statement(struct buffer *out, const struct release *release,
	      const struct statement_file *files, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = statement_write(&text, release, files, err);

	return rc ? rc
		  : add_member(out, FRONT_STATEMENT, text.data, text.size, err);
}

int
front_write(struct buffer *out, const struct release *release,
	    const struct layout *layout, const struct digest *frames,
	    const struct front_part *signatures, struct ferry_error *err)
{
	struct statement_file files[STATEMENT_FILES];
	int rc = add_member(out, FRONT_LAYOUT, CATALOG_LAYOUT,
			    strlen(CATALOG_LAYOUT), err);

	if (!rc)
		rc = add_index(out, release, &files[STATEMENT_INDEX], err);
	if (!rc)
		rc = add_archive_manifest(out, release,
					  &files[STATEMENT_MANIFEST], err);
	if (!rc)
		rc = add_blob_table(out, release, layout, frames,
				    &files[STATEMENT_BLOBS], err);
	if (!rc)
		rc = add_statement(out, release, files, err);
	if (!rc)
		rc = add_signatures(out, signatures, err);
	if (!rc)
		rc = add_member(out, FRONT_BLOBS, "", 0, err);
	if (!rc)
		rc = add_member(out, FRONT_SHA256, "", 0, err);
	return rc;
}

static int
parse_member(struct front_part *out, size_t *at, enum front_member member,
	     const uint8_t *data, size_t size, bool *more,
	     struct ferry_error *err)
{
	struct tar_member head;
	int rc;

	*more = size - *at < TAR_BLOCK;
	if (*more)
		return 0;
	if (tar_head_size(data + *at) != TAR_BLOCK)
		return error_set(err, FERRY_E_DAMAGED, "no %s where it must be",
				 front_member_names[member]);
	rc = tar_parse_head(&head, data + *at, err);
	if (rc)
		return rc;
	if (strcmp(head.name, front_member_names[member]) != 0 ||
	    head.typeflag != typeflag(member))
		return error_set(err, FERRY_E_DAMAGED, "'%s' where %s must be",
				 head.name, front_member_names[member]);
	if (head.size > largest[member])
		return error_set(err, FERRY_E_DAMAGED, "%s of %llu bytes",
				 head.name, (unsigned long long)head.size);
	*more = size - *at - TAR_BLOCK < head.size + tar_padding(head.size);
	out->data = data + *at + TAR_BLOCK;
	out->size = head.size;
	*at += TAR_BLOCK + head.size + tar_padding(head.size);
	return 0;
}

int
front_parse(struct front_part parts[FRONT_MEMBERS], size_t *length,
	    const uint8_t *data, size_t size, struct ferry_error *err)
{
	size_t at = 0;
	bool more = false;

	for (enum front_member member = 0; member < FRONT_MEMBERS; member++) {
		int rc = parse_member(&parts[member], &at, member, data, size,
				      &more, err);

		if (rc)
			return rc;
		if (more)
			break;
	}
	*length = more ? 0 : at;
	return 0;
}
