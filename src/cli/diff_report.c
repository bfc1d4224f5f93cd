#include "cli/diff_report.h"

#include <inttypes.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/table.h"

static const char *const words[FERRY_CHANGES] = {
	[FERRY_UNCHANGED] = "unchanged",
	[FERRY_CHANGED] = "changed",
	[FERRY_ADDED] = "added",
	[FERRY_REMOVED] = "removed",
};

static int
add_image(struct table *table, const struct ferry_diff_image *image,
	  struct ferry_error *err)
{
	const char *now = image->new_digest;
	const char *platform = image->platform ? image->platform : "-";
	char digest[OUTPUT_DIGEST_MAX];
	char size[TEXT_SIZE_MAX];
	char fresh[TEXT_SIZE_MAX];
	const char *cells[] = {
		words[image->change], image->name, platform, digest, size, fresh
	};

	output_digest(digest, sizeof(digest), now ? now : image->old_digest);
	text_size(size, sizeof(size), image->size);
	text_size(fresh, sizeof(fresh), image->fresh);
	return table_add(table, cells, err);
}

static int
print_images(const struct ferry_diff_info *info, FILE *file,
	     struct ferry_error *err)
{
	static const struct column columns[] = {
		{ "CHANGE", false }, { "IMAGE", false }, { "PLATFORM", false },
		{ "DIGEST", false }, { "SIZE", true },	 { "NEW", true },
	};
	AUTO(table_release)
	struct table table = { columns, ARRAY_SIZE(columns), NULL, 0 };

	for (size_t i = 0; i < info->image_count; i++)
		if (info->images[i].change != FERRY_UNCHANGED &&
		    add_image(&table, &info->images[i], err))
			return err->code;
	if (table.cell_count)
		table_print(&table, file);
	return 0;
}

static void
print_blobs(FILE *file, const char *label, const struct ferry_diff_blobs *blobs)
{
	char more[OUTPUT_COUNT_MAX + 2];
	char count[OUTPUT_COUNT_MAX];

	snprintf(more, sizeof(more), ", %s",
		 output_count(count, sizeof(count), blobs->count, "blob"));
	output_size(file, label, blobs->bytes, more);
}

int
diff_report_print(const struct ferry_diff_info *info, FILE *file,
		  struct ferry_error *err)
{
	const size_t *changes = info->changes;
	int rc = print_images(info, file, err);

	if (rc)
		return rc;
	output_line(file,
		    "images: %zu changed, %zu added, %zu removed, %zu "
		    "unchanged",
		    changes[FERRY_CHANGED], changes[FERRY_ADDED],
		    changes[FERRY_REMOVED], changes[FERRY_UNCHANGED]);
	print_blobs(file, "new", &info->fresh);
	print_blobs(file, "kept", &info->kept);
	print_blobs(file, "gone", &info->gone);
	return 0;
}

static json_t *
image_json(const struct ferry_diff_image *image)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "name",
			 output_text(image->name), "platform",
			 output_text(image->platform), "change",
			 words[image->change], "old_digest",
			 output_text(image->old_digest), "new_digest",
			 output_text(image->new_digest), "size",
			 output_number(image->size), "new_bytes",
			 output_number(image->fresh));
}

static json_t *
images_json(const struct ferry_diff_info *info)
{
	AUTO_JSON *images = json_array();

	for (size_t i = 0; i < info->image_count; i++)
		if (json_array_append_new(images, image_json(&info->images[i])))
			return NULL;
	return STEAL(&images);
}

static json_t *
blobs_json(const struct ferry_diff_blobs *blobs)
{
	return json_pack("{s:o, s:o}", "count", output_number(blobs->count),
			 "bytes", output_number(blobs->bytes));
}

json_t *
diff_report_json(const struct ferry_diff_info *info)
{
	return json_pack(
		"{s:o, s:{s:o, s:o, s:o}}", "images", images_json(info),
		"blobs", "new", blobs_json(&info->fresh), "kept",
		blobs_json(&info->kept), "gone", blobs_json(&info->gone));
}
