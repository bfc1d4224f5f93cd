#include "list/mentions.h"

#include <string.h>

#include "base/text.h"
#include "list/kubernetes.h"
#include "list/line.h"
#include "list/yaml.h"

int
mentions_add(struct mentions *mentions, const struct mention *take_mention,
	     struct ferry_error *err)
{
	struct mention *items;

	/* Rooms are powers of two: a full one has 0, 1, 2, 4, ... in it. */
	if ((mentions->count & (mentions->count - 1)) == 0) {
		items = reallocarray(mentions->items,
				     mentions->count ? mentions->count * 2 : 1,
				     sizeof(*items));
		if (!items) {
			free(take_mention->unset);
			return error_nomem(err);
		}
		mentions->items = items;
	}
	mentions->items[mentions->count++] = *take_mention;
	return 0;
}

void
mentions_release(struct mentions *mentions)
{
	for (size_t i = 0; i < mentions->count; i++)
		free(mentions->items[i].unset);
	free(mentions->items);
	yaml_marks_release(&mentions->marks);
	json_decref(mentions->documents);
	*mentions = (struct mentions){ 0 };
}

static int
take_kubernetes(void *cookie, json_t *image, struct ferry_error *err)
{
	struct mentions *mentions = cookie;
	struct mention mention = { .mark = yaml_marks_find(&mentions->marks,
							   image) };
	int rc = kubernetes_parse_image(&mention.name, image, err);

	if (!rc && !mention.mark)
		rc = error_set(err, FERRY_E_FAILED, "an image from nowhere");
	if (rc)
		return rc;
	mention.line = mention.mark->line;
	return mentions_add(mentions, &mention, err);
}

static int
take_line(void *cookie, const char *line, size_t offset, size_t number,
	  struct ferry_error *err)
{
	AUTO(wanted_release) struct wanted wanted = { 0 };
	struct line_parts parts;
	struct mention mention = { .line = number };
	int rc = line_parse(&wanted, &parts, line, err);

	if (rc)
		return rc;
	mention.start = offset + parts.image;
	mention.end = mention.start + parts.image_size;
	if (parts.arrow) {
		mention.cut_start = offset + parts.arrow;
		mention.cut_end = offset + strlen(line);
		while (strchr(" \t\r", line[mention.cut_start - offset - 1]))
			mention.cut_start--;
	}
	if (wanted_name(&wanted))
		mention.name = *wanted_name(&wanted);
	return mentions_add(cookie, &mention, err);
}

int
mentions_add_text(struct mentions *mentions, struct ferry_error *err)
{
	return line_each(mentions->data, mentions->size, take_line, mentions,
			 err);
}

static int
add_yaml(struct mentions *mentions, const char *path,
	 const struct ferry_list_options *options, struct ferry_error *err)
{
	int rc = yaml_parse_marked(&mentions->documents, &mentions->marks,
				   mentions->data, mentions->size, err);

	if (rc)
		return rc;
	return mentions->format == FERRY_LIST_COMPOSE
		       ? mentions_add_compose(mentions, path, options, err)
		       : kubernetes_walk(mentions->documents, take_kubernetes,
					 mentions, err);
}

static int
find(struct mentions *mentions, const char *path,
     const struct ferry_list_options *options, struct ferry_error *err)
{
	int rc = 0;

	mentions->format = options->format;
	if (mentions->format == FERRY_LIST_ANY)
		rc = list_recognise(&mentions->format, mentions->data,
				    mentions->size, err);
	if (rc)
		return rc;
	switch (mentions->format) {
	case FERRY_LIST_TEXT:
		return mentions_add_text(mentions, err);
	case FERRY_LIST_DEFINITION:
		return error_set(err, FERRY_E_USAGE,
				 "a definition says what to pack; what is "
				 "there by now is asked for by other files");
	default:
		return add_yaml(mentions, path, options, err);
	}
}

int
mentions_find(struct mentions *out, const char *path, const char *data,
	      size_t size, const struct ferry_list_options *options,
	      struct ferry_error *err)
{
	AUTO(mentions_release)
	struct mentions mentions = { .data = data, .size = size };
	int rc = find(&mentions, path, options, err);

	if (!rc && !mentions.count)
		rc = error_set(err, FERRY_E_USAGE, "it names no image");
	if (rc)
		return rc;
	*out = mentions;
	mentions = (struct mentions){ 0 };
	return 0;
}
