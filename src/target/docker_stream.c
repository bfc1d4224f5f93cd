#include "target/docker_stream.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LOADED "Loaded image: "
#define LOADED_ID "Loaded image ID: "
/*
 * The containerd store says "Loaded image" before it unpacks, and this after
 * it, both in an answer that is a success.
 */
#define BROKEN "Error unpacking image "
/* A layer may take minutes to unpack; milliseconds. */
#define TELL_EVERY 10000

/* The first failure counts: what follows may be its consequence. */
static void
fail(struct docker_stream *stream, const struct ferry_error *err)
{
	if (!stream->failed)
		stream->err = *err;
	stream->failed = true;
}

static int
set_new(json_t **object, const char *key, size_t size, json_t *take_value,
	struct ferry_error *err)
{
	if (!*object)
		*object = json_object();
	return json_object_setn_new(*object, key, size, take_value)
		       ? error_nomem(err)
		       : 0;
}

/* Also "Loaded image: a, b"; a name too many is left away, not cut. */
static void
image_loaded(struct docker_stream *stream, const char *name)
{
	size_t used = strlen(stream->loaded);
	size_t size = strcspn(name, "\r\n");
	const char *comma = used ? ", " : "";
	struct ferry_error err;

	if (used + strlen(comma) + size < sizeof(stream->loaded))
		snprintf(stream->loaded + used, sizeof(stream->loaded) - used,
			 "%s%.*s", comma, (int)size, name);
	context_notice(stream->context, "Docker: loaded %.*s", (int)size, name);
	stream->told_at = clock_milliseconds();
	if (set_new(&stream->names, name, size, json_true(), &err))
		fail(stream, &err);
}

/* "NAME: why": the name may have a colon in it, but no blank. */
static int
image_broken(struct docker_stream *stream, const char *text,
	     struct ferry_error *err)
{
	const char *colon = strstr(text, ": ");
	const char *why = colon ? colon + 2 : "";
	size_t length = colon ? (size_t)(colon - text) : strcspn(text, "\r\n");

	return set_new(&stream->broken, text, length,
		       json_stringn(why, strcspn(why, "\r\n")), err);
}

static void
take_text(struct docker_stream *stream, const char *text)
{
	struct ferry_error err;

	if (text_starts(text, BROKEN) &&
	    image_broken(stream, text + strlen(BROKEN), &err))
		fail(stream, &err);
	else if (text_starts(text, LOADED))
		image_loaded(stream, text + strlen(LOADED));
	else if (text_starts(text, LOADED_ID))
		image_loaded(stream, text + strlen(LOADED_ID));
}

/*
 * {"status":"Loading layer","progressDetail":{"current":5,"total":9},
 * "id":"1d810eeeb2"}, many times a second: now and then one is passed on.
 */
static void
take_progress(struct docker_stream *stream, const json_t *json)
{
	const json_t *detail = json_object_get(json, "progressDetail");
	const char *id = json_string_value(json_object_get(json, "id"));
	json_int_t current =
		json_integer_value(json_object_get(detail, "current"));
	json_int_t total = json_integer_value(json_object_get(detail, "total"));
	uint64_t now = clock_milliseconds();
	char done[TEXT_SIZE_MAX];
	char all[TEXT_SIZE_MAX];

	if (!id || current < 0 || total <= 0 ||
	    now - stream->told_at < TELL_EVERY)
		return;
	stream->told_at = now;
	context_notice(stream->context,
		       "Docker: layer %.64s, %s of %s unpacked", id,
		       text_size(done, sizeof(done), (uint64_t)current),
		       text_size(all, sizeof(all), (uint64_t)total));
}

/* {"errorDetail":{"message":...},"error":...}: the same words twice. */
static void
take_error(struct docker_stream *stream, const json_t *error,
	   const json_t *detail)
{
	const json_t *message = json_object_get(detail, "message");
	const char *text = json_string_value(message ? message : error);
	struct ferry_error err;

	error_set(&err, FERRY_E_FAILED, "Docker says: %s",
		  text ? text : "an error without words");
	fail(stream, &err);
}

static int
take_object(struct docker_stream *stream, const void *line, size_t size,
	    struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	const json_t *error, *detail;
	const char *text;
	int rc = json_parse(&json, line, size, err);

	if (rc)
		return rc;
	error = json_object_get(json, "error");
	detail = json_object_get(json, "errorDetail");
	if (error || detail)
		take_error(stream, error, detail);
	take_progress(stream, json);
	rc = json_find_text(json, "stream", &text, err);
	if (!rc && text)
		take_text(stream, text);
	return rc;
}

static void
take_line(struct docker_stream *stream)
{
	struct buffer *line = &stream->line;
	struct ferry_error err;

	if (line->size && line->data[line->size - 1] == '\r')
		line->size--;
	if (stream->too_long) {
		error_set(&err, FERRY_E_FAILED,
			  "Docker answered with a line of more than %zu bytes",
			  DOCKER_LINE_MAX);
		fail(stream, &err);
	} else if (line->size &&
		   take_object(stream, line->data, line->size, &err)) {
		error_wrap(&err, "Docker answered '%.*s'",
			   (int)(line->size < 100 ? line->size : 100),
			   (const char *)line->data);
		fail(stream, &err);
	}
	line->size = 0;
	stream->too_long = false;
}

static void
append(struct docker_stream *stream, const void *data, size_t size)
{
	struct ferry_error err;

	if (stream->too_long)
		return;
	if (size > DOCKER_LINE_MAX - stream->line.size)
		stream->too_long = true;
	else if (buffer_append(&stream->line, data, size, &err))
		fail(stream, &err);
}

/* Never fails: the answer is read to its end, for the error in it. */
static int
take_piece(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct docker_stream *stream = (struct docker_stream *)sink;
	const char *rest = data;

	(void)err;
	while (size) {
		const char *end = memchr(rest, '\n', size);
		size_t length = end ? (size_t)(end - rest) : size;

		append(stream, rest, length);
		if (!end)
			break;
		take_line(stream);
		rest = end + 1;
		size -= length + 1;
	}
	return 0;
}

void
docker_stream_init(struct docker_stream *stream, struct ferry_context *context)
{
	*stream = (struct docker_stream){ .sink = { .write = take_piece },
					  .context = context,
					  .told_at = clock_milliseconds(),
					  .line = BUFFER(DOCKER_LINE_MAX) };
}

void
docker_stream_release(struct docker_stream *stream)
{
	buffer_release(&stream->line);
	json_decref(stream->broken);
	json_decref(stream->names);
}

void
docker_stream_tell(const struct docker_stream *stream, struct ferry_error *err)
{
	if (stream->loaded[0])
		error_add(err, " (loaded before: %s)", stream->loaded);
}

int
docker_stream_finish(struct docker_stream *stream, struct ferry_error *err)
{
	take_line(stream);
	if (!stream->failed)
		return 0;
	*err = stream->err;
	docker_stream_tell(stream, err);
	return err->code;
}
