#include "list/dotenv.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "list/interpolate.h"

#define BLANKS " \t\r\v\f"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct reader {
	const char *at;
	size_t line;
	json_t *into;
	const json_t *outer;
	size_t spent; /* struct variables */
};

static void
skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->at, BLANKS);
}

static void
skip_line(struct reader *reader)
{
	reader->at += strcspn(reader->at, "\n");
}

/* To the next variable: whether there is one. */
static bool
find_next(struct reader *reader)
{
	for (;;) {
		skip_blanks(reader);
		if (*reader->at == '#')
			skip_line(reader);
		if (*reader->at != '\n')
			return *reader->at != '\0';
		reader->at++;
		reader->line++;
	}
}

static void
skip_export(struct reader *reader)
{
	static const char word[] = "export";
	const char *behind = reader->at + strlen(word);

	if (text_starts(reader->at, word) && strspn(behind, BLANKS)) {
		reader->at = behind;
		skip_blanks(reader);
	}
}

static size_t
name_length(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]) ||
	       (text[length] && strchr("_.-[]", text[length])))
		length++;
	return length;
}

static int
read_name(struct reader *reader, char **out, struct ferry_error *err)
{
	size_t length = name_length(reader->at);

	*out = strndup(reader->at, length);
	if (!*out)
		return error_nomem(err);
	reader->at += length;
	skip_blanks(reader);
	if (!length || (*reader->at && !strchr("=:\n#", *reader->at)))
		return error_set(err, FERRY_E_USAGE,
				 "no NAME=VALUE; a name has letters, digits, "
				 "'_', '.' and '-'");
	return 0;
}

static int
put_variables_in(struct reader *reader, const char *text, char **out,
		 struct ferry_error *err)
{
	struct variables variables = { reader->outer, reader->into,
				       &reader->spent };

	return interpolate(out, text, &variables, NULL, err);
}

/* To the end of the line, or a '#' behind a blank. */
static int
read_bare(struct reader *reader, char **out, struct ferry_error *err)
{
	size_t length = strcspn(reader->at, "\n");
	const char *comment = memmem(reader->at, length, " #", 2);
	AUTO_FREE char *text = NULL;

	if (comment)
		length = (size_t)(comment - reader->at);
	while (length && strchr(BLANKS, reader->at[length - 1]))
		length--;
	text = strndup(reader->at, length);
	if (!text)
		return error_nomem(err);
	skip_line(reader);
	return put_variables_in(reader, text, out, err);
}

/* The text that \C stands for between double quotes; NULL: itself. */
static const char *
meaning(char c)
{
	static const struct {
		char letter;
		const char *means;
	} escapes[] = {
		{ 'a', "\a" },	{ 'b', "\b" }, { 'f', "\f" }, { 'n', "\n" },
		{ 'r', "\r" },	{ 't', "\t" }, { 'v', "\v" }, { '"', "\"" },
		{ '$', "$$" }, /* which the variables will make one of */
		{ '\\', "\\" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		if (escapes[i].letter == c)
			return escapes[i].means;
	return NULL;
}

/* One character of a quoted value, or an escape; *at moves behind it. */
static int
append_character(struct buffer *text, const char **at, char quote,
		 struct ferry_error *err)
{
	const char *from = *at;
	const char *means = NULL;
	size_t size = 1;

	if (*from == '\\' && from[1] == quote && quote == '\'')
		means = "'";
	else if (*from == '\\' && quote == '"')
		means = meaning(from[1]);
	if (*from == '\\' && from[1])
		size = 2;
	*at += size;
	return means ? buffer_append(text, means, strlen(means), err)
		     : buffer_append(text, from, size, err);
}

static int
read_quoted(struct reader *reader, char **out, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(DOTENV_BYTES_MAX);
	const char *at = reader->at + 1;
	char quote = *reader->at;
	const char *value = NULL;
	int rc = 0;

	while (!rc && *at && *at != quote)
		rc = append_character(&text, &at, quote, err);
	if (!rc && !*at)
		rc = error_set(err, FERRY_E_USAGE, "no %c ends the value",
			       quote);
	if (!rc)
		rc = buffer_text(&text, &value, err);
	if (rc)
		return rc;
	for (; reader->at <= at; reader->at++)
		reader->line += *reader->at == '\n';
	return quote == '"' ? put_variables_in(reader, value, out, err)
			    : text_copy(out, value, err);
}

static int
read_value(struct reader *reader, const char *name, char **out,
	   struct ferry_error *err)
{
	const char *inherited =
		json_string_value(json_object_get(reader->outer, name));

	if (!*reader->at || strchr("\n#", *reader->at))
		return inherited ? text_copy(out, inherited, err) : 0;
	reader->at++;
	skip_blanks(reader);
	return *reader->at == '"' || *reader->at == '\''
		       ? read_quoted(reader, out, err)
		       : read_bare(reader, out, err);
}

static int
read_variable(struct reader *reader, struct ferry_error *err)
{
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *value = NULL;
	size_t line = reader->line;
	int rc;

	skip_export(reader);
	rc = read_name(reader, &name, err);
	if (!rc)
		rc = read_value(reader, name, &value, err);
	if (rc)
		return error_wrap(err, "line %zu", line);
	/* Not checked: a variable may hold what is no UTF-8. */
	if (value && json_object_set_new_nocheck(reader->into, name,
						 json_string_nocheck(value)))
		return error_nomem(err);
	return 0;
}

int
dotenv_parse(json_t *into, const void *data, size_t size, const json_t *outer,
	     struct ferry_error *err)
{
	AUTO_FREE char *text = size ? strndup(data, size) : strdup("");
	struct reader reader = { text, 1, into, outer, 0 };
	int rc = 0;

	if (!text)
		return error_nomem(err);
	if (strlen(text) != size)
		return error_set(err, FERRY_E_USAGE, "no text: it holds a NUL");
	if (text_starts(text, BYTE_ORDER_MARK))
		reader.at += strlen(BYTE_ORDER_MARK);
	while (!rc && find_next(&reader))
		rc = read_variable(&reader, err);
	return rc;
}

static int
load_file(json_t *into, const char *path, const json_t *outer,
	  struct ferry_error *err)
{
	AUTO_BUFFER content = BUFFER(DOTENV_BYTES_MAX);
	int rc = file_load(path, &content, err);

	if (!rc && dotenv_parse(into, content.data, content.size, outer, err))
		rc = error_wrap(err, "%s", path);
	if (rc == FERRY_E_NOT_FOUND) /* no image: the name is wrong */
		rc = err->code = FERRY_E_USAGE;
	return rc;
}

int
dotenv_load(json_t *variables, const char *const *paths, size_t count,
	    struct ferry_error *err)
{
	AUTO_JSON *loaded = json_object();
	int rc = loaded ? 0 : error_nomem(err);

	for (size_t i = 0; i < count && !rc; i++)
		rc = load_file(loaded, paths[i], variables, err);
	if (!rc && json_object_update_missing(variables, loaded))
		rc = error_nomem(err);
	return rc;
}

int
dotenv_load_default(json_t *variables, const char *folder,
		    struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	const char *paths[1];
	struct stat found;

	if (text_format(&path, err, "%s/.env", folder))
		return err->code;
	if (stat(path, &found) || !S_ISREG(found.st_mode))
		return 0;
	paths[0] = path;
	return dotenv_load(variables, paths, 1, err);
}
