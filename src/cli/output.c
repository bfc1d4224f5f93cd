#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/report.h"

#define DIGEST_SHORT 12 /* hex digits, as Docker shows */
#define DOCUMENT_MAX ((size_t)1 << 30)

/* text_escape() with room for the worst case. */
static char *
escaped(const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	char *safe = malloc(size);

	if (safe)
		text_escape(safe, size, text);
	return safe;
}

/* Why something was lost: stdio need not keep it, nor its errno. */
static int lost;

static void
flush(void)
{
	if (fflush(stdout) && !lost)
		lost = errno;
}

void
output_line(FILE *file, const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *safe = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		safe = escaped(text);
	if (file == stderr)
		flush(); /* in the order it was said */
	fprintf(file, "%s\n", safe ? safe : "(no memory to print this)");
}

void
output_size(FILE *file, const char *label, uint64_t bytes, const char *more)
{
	char size[TEXT_SIZE_MAX];

	output_line(file, "  %-10s %8s%s", label,
		    text_size(size, sizeof(size), bytes), more);
}

void
output_warnings(FILE *file, const char *const *warnings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		output_line(file, "  %-10s %s", "warning", warnings[i]);
}

char *
output_count(char *out, size_t size, uint64_t count, const char *noun)
{
	snprintf(out, size, "%llu %s%s", (unsigned long long)count, noun,
		 count == 1 ? "" : "s");
	return out;
}

char *
output_totals(char *out, size_t size, uint64_t images, uint64_t blobs,
	      uint64_t bytes)
{
	char image_text[OUTPUT_COUNT_MAX];
	char blob_text[OUTPUT_COUNT_MAX];
	char byte_text[TEXT_SIZE_MAX];

	snprintf(out, size, "%s, %s, %s",
		 output_count(image_text, sizeof(image_text), images, "image"),
		 output_count(blob_text, sizeof(blob_text), blobs, "blob"),
		 text_size(byte_text, sizeof(byte_text), bytes));
	return out;
}

char *
output_digest(char *out, size_t size, const char *digest)
{
	const char *colon = digest ? strchr(digest, ':') : NULL;
	int length;

	if (!digest)
		digest = "-";
	length = colon && isatty(STDOUT_FILENO)
			 ? (int)(colon - digest) + 1 + DIGEST_SHORT
			 : (int)strlen(digest);
	snprintf(out, size, "%.*s", length, digest);
	return out;
}

json_t *
output_text(const char *text)
{
	AUTO_FREE char *safe = NULL;
	json_t *string;

	if (!text)
		return json_null();
	string = json_string(text);
	if (string)
		return string;
	safe = escaped(text); /* it was not UTF-8: a path can be that */
	return safe ? json_string(safe) : NULL;
}

json_t *
output_texts(const char *const *texts, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
		if (json_array_append_new(array, output_text(texts[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *
output_number(uint64_t number)
{
	return number > INT64_MAX ? json_null()
				  : json_integer((json_int_t)number);
}

void
output_bytes(const void *data, size_t size)
{
	if (fwrite(data, 1, size, stdout) < size && !lost)
		lost = errno;
}

void
output_json(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	/*
	 * DEL and the C1 controls, which JSON allows to stand as they are;
	 * outside of strings they cannot be.
	 */
	for (;;) {
		size_t plain = strcspn((const char *)s, "\x7f\xc2");

		output_bytes(s, plain);
		s += plain;
		if (!*s)
			break;
		if (*s == 0x7f)
			fputs("\\u007f", stdout);
		else if (s[1] >= 0x80 && s[1] <= 0x9f)
			printf("\\u%04x", *++s);
		else
			putchar(*s);
		s++;
	}
	if (s == (const unsigned char *)text || s[-1] != '\n')
		putchar('\n');
}

int
output_close(void)
{
	flush();
	if (lost)
		return lost;
	return ferror(stdout) ? EIO : 0;
}

int
output_document(json_t **document, json_t *take_value, struct ferry_error *err)
{
	if (!take_value)
		return error_nomem(err);
	json_decref(*document);
	*document = take_value;
	return 0;
}

static int
add_error(json_t *document, const struct ferry_error *failure,
	  struct ferry_error *err)
{
	json_t *value =
		json_pack("{s:s, s:o}", "code", report_code(failure->code),
			  "message", output_text(failure->message));

	return json_object_set_new(document, "error", value) ? error_nomem(err)
							     : 0;
}

int
output_finish(json_t **document, const struct ferry_error *failure,
	      struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(DOCUMENT_MAX);
	const char *string;

	if (!*document)
		*document = json_object();
	if (!*document)
		return error_nomem(err);
	if (failure->code && add_error(*document, failure, err))
		return err->code;
	if (json_write(*document, &text, err) ||
	    buffer_text(&text, &string, err))
		return err->code;
	output_json(string);
	return 0;
}
