#include <stdio.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/index_report.h"
#include "cli/output.h"
#include "cli/table.h"

static int
add_image(struct table *table, const struct ferry_bundle_image *image,
	  struct ferry_error *err)
{
	char digest[OUTPUT_DIGEST_MAX];
	char size[TEXT_SIZE_MAX];
	char shared[TEXT_SIZE_MAX];
	const char *cells[] = { image->name, image->platform, digest, size,
				shared };

	output_digest(digest, sizeof(digest), image->digest);
	text_size(size, sizeof(size), image->size);
	text_size(shared, sizeof(shared), image->shared);
	return table_add(table, cells, err);
}

static int
print_images(const struct ferry_bundle_info *info, struct ferry_error *err)
{
	static const struct column columns[] = {
		{ "IMAGE", false }, { "PLATFORM", false }, { "DIGEST", false },
		{ "SIZE", true },   { "SHARED", true },
	};
	AUTO(table_release)
	struct table table = { columns, ARRAY_SIZE(columns), NULL, 0 };

	for (size_t i = 0; i < info->image_count; i++)
		if (add_image(&table, &info->images[i], err))
			return err->code;
	table_print(&table, stdout);
	return 0;
}

static json_t *
image_json(const struct ferry_bundle_image *image)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
			 output_text(image->name), "reference",
			 output_text(image->reference), "platform",
			 output_text(image->platform), "digest",
			 output_text(image->digest), "index_digest",
			 output_text(image->index_digest), "within",
			 output_text(image->within), "size",
			 output_number(image->size), "shared",
			 output_number(image->shared));
}

static json_t *
images_json(const struct ferry_bundle_info *info)
{
	AUTO_JSON *images = json_array();

	for (size_t i = 0; i < info->image_count; i++)
		if (json_array_append_new(images, image_json(&info->images[i])))
			return NULL;
	return STEAL(&images);
}

static json_t *
bundle_json(const char *path, const struct ferry_bundle_info *info)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "bundle",
			 output_text(path), "images", images_json(info),
			 "indexes",
			 index_report_json(info->indexes, info->index_count),
			 "blobs", output_number(info->blob_count), "blob_bytes",
			 output_number(info->blob_bytes), "file_bytes",
			 output_number(info->file_bytes));
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	const char *path = session->operands.items[0];
	AUTO(command_close_bundle) struct ferry_bundle *bundle = NULL;
	const struct ferry_bundle_info *info;
	char totals[OUTPUT_TOTALS_MAX];

	(void)data;
	if (ferry_bundle_open(path, &bundle, err))
		return err->code;
	info = ferry_bundle_get_info(bundle);
	if (session->common.json)
		return output_document(&session->document,
				       bundle_json(path, info), err);
	if (session->common.quiet)
		return 0;
	if (print_images(info, err))
		return err->code;
	output_line(stdout, "%s: %s", path,
		    output_totals(totals, sizeof(totals), info->image_count,
				  info->blob_count, info->file_bytes));
	return 0;
}

const struct command command_list = {
	.name = "list",
	.summary = "list the images in a bundle",
	.synopsis = "BUNDLE [OPTION...]",
	.about = "List the images in BUNDLE: platform, digest of the manifest, "
		 "bytes of its blobs, and how many of these other images in "
		 "it have too.  Only the front of the file is read.",
	.operand = "BUNDLE",
	.operands_least = 1,
	.operands_most = 1,
	.run = run,
};
