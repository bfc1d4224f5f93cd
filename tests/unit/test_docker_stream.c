/*
 * target/docker_stream: whatever the pieces an answer comes in, and whatever
 * is in it, an error in it is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "target/docker_stream.h"

#define PROGRESS                                                               \
	"{\"status\":\"Loading layer\",\"progressDetail\":{\"current\":94,"    \
	"\"total\":94},\"progress\":\"[==>] 94B/94B\",\"id\":\"1d810eeeb2\"}"  \
	"\r\n"
#define LOADED(name) "{\"stream\":\"Loaded image: " name "\\n\"}\r\n"
#define FAILED(words)                                                          \
	"{\"errorDetail\":{\"message\":\"" words "\"},\"error\":\"" words      \
	"\"}\r\n"

static struct ferry_context *context;
static char heard[200]; /* the notices */

static void
hear(void *cookie, const char *text)
{
	(void)cookie;
	strncat(heard, text, sizeof(heard) - strlen(heard) - 1);
	strncat(heard, "\n", sizeof(heard) - strlen(heard) - 1);
}

static int
make_context(void **state)
{
	static const struct ferry_observer observer = { .notice = hear };

	(void)state;
	context = ferry_context_new();
	if (context)
		ferry_context_observe(context, &observer, NULL);
	return context ? 0 : -1;
}

static int
free_context(void **state)
{
	(void)state;
	ferry_context_free(context);
	return 0;
}

static const struct {
	const char *answer;
	const char *loaded;
	const char *message; /* NULL: it worked */
} answers[] = {
	{ "", "", NULL },
	{ "\r\n\n\r\n", "", NULL },
	{ PROGRESS PROGRESS LOADED("redis:7"), "redis:7", NULL },
	{ LOADED("a:1") LOADED("b:2") "{\"stream\":\"Loaded image: c:3\"}",
	  "a:1, b:2, c:3", NULL },
	{ "{\"stream\":\"Loaded image ID: sha256:12\\n\"}\n", "sha256:12",
	  NULL },
	{ "{\"stream\":\"The image a:1 already exists, renaming the old one "
	  "with ID sha256:12 to empty string\\n\"}\n",
	  "", NULL },
	{ FAILED("no space left"), "", "Docker says: no space left" },
	{ PROGRESS FAILED("first") FAILED("second"), "", "Docker says: first" },
	{ LOADED("a:1") LOADED("b:2") FAILED("bad diffID"), "a:1, b:2",
	  "Docker says: bad diffID (loaded before: a:1, b:2)" },
	{ "{\"error\":\"only this\"}", "", "Docker says: only this" },
	{ "{\"errorDetail\":{\"code\":1,\"message\":\"only that\"}}", "",
	  "Docker says: only that" },
	{ "{\"error\":null}\n", "", "Docker says: an error without words" },
	{ "{\"errorDetail\":[]}\n", "", "Docker says: an error without words" },
	{ "{\"error\":\"\\u001b[2J\\n\"}\n", "", "Docker says: \\x1b[2J\\x0a" },
	{ "<html>\n", "",
	  "Docker answered '<html>': no valid JSON: '[' or '{' expected near "
	  "'<' (line 1, column 1)" },
	{ "[]\n", "", "Docker answered '[]': no JSON object" },
	{ "{\"stream\":7}\n", "",
	  "Docker answered '{\"stream\":7}': \"stream\" is no string" },
	{ "{\"stream\":\"Loaded ima", "",
	  "Docker answered '{\"stream\":\"Loaded ima': no valid JSON: premature "
	  "end of input near '\"Loaded ima' (line 1, column 21)" },
	{ PROGRESS "nonsense\n" FAILED("late"), "",
	  "Docker answered 'nonsense': no valid JSON: '[' or '{' expected near "
	  "'nonsense' (line 1, column 8)" },
};

static void
feed(struct docker_stream *stream, const char *text, size_t size, size_t piece)
{
	struct ferry_error err;

	for (size_t at = 0; at < size; at += piece)
		assert_int_equal(
			sink_write(&stream->sink, text + at,
				   size - at < piece ? size - at : piece, &err),
			0);
}

static void
check_answer(size_t i, size_t piece)
{
	struct docker_stream stream;
	struct ferry_error err;
	int rc;

	docker_stream_init(&stream, context);
	feed(&stream, answers[i].answer, strlen(answers[i].answer), piece);
	rc = docker_stream_finish(&stream, &err);
	assert_int_equal(rc, answers[i].message ? FERRY_E_FAILED : 0);
	if (rc)
		assert_string_equal(err.message, answers[i].message);
	assert_string_equal(stream.loaded, answers[i].loaded);
	docker_stream_release(&stream);
}

static void
pieces_do_not_matter(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 64, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		for (size_t p = 0; p < ARRAY_SIZE(pieces); p++)
			check_answer(i, pieces[p]);
}

/* The containerd store calls such an answer a success. */
static void
images_that_cannot_be_unpacked_are_found(void **state)
{
	static const char answer[] = LOADED(
		"a:1") "{\"stream\":\"Error unpacking image a:1: no room: all gone\\n\"}\n"
		       "{\"stream\":\"Error unpacking image b:2\"}\n" LOADED(
			       "c:3");
	struct docker_stream stream;
	struct ferry_error err;

	(void)state;
	docker_stream_init(&stream, context);
	feed(&stream, answer, strlen(answer), 7);
	assert_int_equal(docker_stream_finish(&stream, &err), 0);
	assert_string_equal(stream.loaded, "a:1, c:3");
	assert_int_equal(json_object_size(stream.broken), 2);
	assert_string_equal(
		json_string_value(json_object_get(stream.broken, "a:1")),
		"no room: all gone");
	assert_string_equal(
		json_string_value(json_object_get(stream.broken, "b:2")), "");
	docker_stream_release(&stream);
}

/* A line of `size` bytes without its end, whatever the framing around. */
static char *
error_of(size_t size)
{
	static const char head[] = "{\"error\":\"";
	char *line = malloc(size);

	assert_non_null(line);
	memset(line, 'x', size);
	memcpy(line, head, strlen(head));
	memcpy(line + size - 2, "\"}", 2);
	return line;
}

static void
lines_have_a_limit(void **state)
{
	static const struct {
		size_t size;
		const char *message;
	} lines[] = {
		{ DOCKER_LINE_MAX, "Docker says: xxxx" },
		{ DOCKER_LINE_MAX + 1,
		  "Docker answered with a line of more than 262144 bytes" },
		{ 4 * DOCKER_LINE_MAX,
		  "Docker answered with a line of more than 262144 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO_FREE char *line = error_of(lines[i].size);
		struct docker_stream stream;
		struct ferry_error err;

		docker_stream_init(&stream, context);
		feed(&stream, line, lines[i].size, 1000);
		feed(&stream, "\n" LOADED("a:1"), strlen("\n" LOADED("a:1")),
		     1000);
		assert_int_equal(docker_stream_finish(&stream, &err),
				 FERRY_E_FAILED);
		assert_memory_equal(err.message, lines[i].message,
				    strlen(lines[i].message));
		assert_string_equal(stream.loaded, "a:1");
		docker_stream_release(&stream);
	}
}

static void
too_many_names_are_left_away(void **state)
{
	static const char line[] = LOADED("a-name-of-thirty-characters:1");
	struct docker_stream stream;
	struct ferry_error err;
	size_t length;

	(void)state;
	docker_stream_init(&stream, context);
	for (int i = 0; i < 100; i++)
		feed(&stream, line, strlen(line), 10);
	assert_int_equal(docker_stream_finish(&stream, &err), 0);
	length = strlen(stream.loaded);
	assert_true(length < DOCKER_LOADED_MAX);
	assert_string_equal(stream.loaded + length - 13, "-characters:1");
	docker_stream_release(&stream);
}

/* Now and then: it comes many times a second. */
static void
progress_is_passed_on(void **state)
{
	static const char begin[] = PROGRESS PROGRESS;
	static const char end[] = LOADED("a:1") PROGRESS LOADED("b:2");
	struct docker_stream stream;
	struct ferry_error err;

	(void)state;
	heard[0] = '\0';
	docker_stream_init(&stream, context);
	feed(&stream, begin, strlen(begin), 10);
	assert_string_equal(heard, "");
	stream.told_at -= 10000;
	feed(&stream, begin, strlen(begin), 10);
	feed(&stream, end, strlen(end), 10);
	assert_int_equal(docker_stream_finish(&stream, &err), 0);
	assert_string_equal(heard,
			    "Docker: layer 1d810eeeb2, 94 B of 94 B unpacked\n"
			    "Docker: loaded a:1\n"
			    "Docker: loaded b:2\n");
	docker_stream_release(&stream);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(images_that_cannot_be_unpacked_are_found),
		cmocka_unit_test(lines_have_a_limit),
		cmocka_unit_test(too_many_names_are_left_away),
		cmocka_unit_test(progress_is_passed_on),
	};

	return cmocka_run_group_tests(tests, make_context, free_context);
}
