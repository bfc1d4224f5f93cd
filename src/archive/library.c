#include "archive/library.h"

#include <errno.h>
#include <string.h>

static uint64_t
end_of_nonzero(const uint8_t *piece, size_t size)
{
	while (size && !piece[size - 1])
		size--;
	return size;
}

static ssize_t
read_input(struct archive *reader, void *data, const void **piece)
{
	struct library_input *input = data;
	size_t size = 0;
	uint64_t end;

	if ((input->context && context_check(input->context, &input->err)) ||
	    input->stream->next(input->stream, piece, &size, &input->err)) {
		archive_set_error(reader, EIO, "%s", input->err.message);
		return ARCHIVE_FATAL;
	}
	end = end_of_nonzero(*piece, size);
	if (end)
		input->nonzero_end = input->taken + end;
	input->taken += size;
	return (ssize_t)size;
}

static int64_t
skip_input(struct archive *reader, void *data, int64_t request)
{
	struct library_input *input = data;
	uint64_t skipped = 0;

	(void)reader;
	if (input->stream->skip && request > 0)
		skipped = input->stream->skip(input->stream, (uint64_t)request);
	input->taken += skipped;
	return (int64_t)skipped;
}

int
library_open(struct archive *reader, struct library_input *input,
	     struct ferry_error *err)
{
	return archive_read_open2(reader, input, NULL, read_input, skip_input,
				  NULL) == ARCHIVE_OK
		       ? 0
		       : library_failure(reader, input, err);
}

int
library_failure(struct archive *reader, const struct library_input *input,
		struct ferry_error *err)
{
	const char *text = archive_error_string(reader);
	size_t length;

	if (input->err.code) {
		*err = input->err;
		return err->code;
	}
	if (archive_errno(reader) == ENOMEM)
		return error_nomem(err);
	if (!text)
		text = "it cannot be read";
	length = strlen(text);
	/* Its sentences end; ours may go on. */
	if (length && text[length - 1] == '.')
		length--;
	return error_set(err, FERRY_E_FAILED, "%.*s", (int)length, text);
}

bool
library_warns_of_letters(struct archive *reader, int got)
{
	const char *text = archive_error_string(reader);

	return got == ARCHIVE_WARN && text &&
	       strstr(text, " can't be converted from ");
}
