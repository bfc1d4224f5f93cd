/*
 * list/mentions: images where they stand in files, and other names there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "list/mentions.h"

#define PATH "/nowhere/file.yaml"
#define HOST "10.0.0.5:5000/"
#define DIGEST                                                                 \
	"sha256:"                                                              \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const environment[] = { "TAG=1", "REG=quay.io", NULL };

static struct ferry_list_options
options(enum ferry_list_format format)
{
	return (struct ferry_list_options){ .format = format,
					    .environment = environment };
}

/* What the tests call an image on the other side. */
static void
new_name(char out[REFERENCE_TEXT + 64], const struct reference *name)
{
	snprintf(out, REFERENCE_TEXT + 64, HOST "%s%s%s%s%s",
		 reference_short_path(name), *name->tag ? ":" : "", name->tag,
		 digest_is_set(&name->digest) ? "@" : "", name->digest.text);
}

static int
rewrite(struct buffer *out, const char *text, struct ferry_error *err)
{
	AUTO(mentions_release) struct mentions mentions = { 0 };
	struct ferry_list_options how = options(FERRY_LIST_ANY);
	char names[8][REFERENCE_TEXT + 64];
	const char *texts[8];
	int rc = mentions_find(&mentions, PATH, text, strlen(text), &how, err);

	if (rc)
		return rc;
	assert_true(mentions.count <= 8);
	for (size_t i = 0; i < mentions.count; i++) {
		new_name(names[i], &mentions.items[i].name);
		texts[i] = names[i];
	}
	return mentions_rewrite(out, &mentions, texts, err);
}

/* As ferry's own lists read it: the names, one behind the other. */
static void
list_names(char *out, const char *text, bool made_new)
{
	AUTO(list_release) struct list list = { 0 };
	enum ferry_list_format format;
	struct ferry_error err = { 0 };
	struct ferry_list_options how = options(FERRY_LIST_ANY);
	struct list_file file = { PATH, PATH, BUFFER(LIST_BYTES_MAX) };
	int rc = buffer_append(&file.content, text, strlen(text), &err);

	*out = '\0';
	if (!rc)
		rc = list_recognise(&format, text, strlen(text), &err);
	if (!rc && format == FERRY_LIST_TEXT)
		rc = list_add_text(&list, text, strlen(text), &err);
	else if (!rc && format == FERRY_LIST_COMPOSE)
		rc = list_add_compose(&list, &file, 1, &how, &err);
	else if (!rc)
		rc = list_add_kubernetes(&list, text, strlen(text), &err);
	if (rc)
		fail_msg("%s\nof %s", err.message, text);
	buffer_release(&file.content);
	for (size_t i = 0; i < list.count; i++) {
		const struct reference *name = wanted_name(&list.items[i]);
		char next[REFERENCE_TEXT + 64];

		if (made_new)
			new_name(next, name);
		else
			snprintf(next, sizeof(next), "%s/%s%s%s%s%s",
				 name->host, name->repository,
				 *name->tag ? ":" : "", name->tag,
				 digest_is_set(&name->digest) ? "@" : "",
				 name->digest.text);
		sprintf(out + strlen(out), "%s ", next);
	}
}

#define COMPOSE(image) "services: {a: {image: " image "}}\n"
#define POD "apiVersion: v1\nkind: Pod\nspec:\n"

static const struct {
	const char *text;
	const char *made;
} rows[] = {
	/* Styles. */
	{ COMPOSE("redis"), COMPOSE(HOST "redis:latest") },
	{ COMPOSE("'redis:7'"), COMPOSE("'" HOST "redis:7'") },
	{ COMPOSE("\"redis:7\""), COMPOSE("\"" HOST "redis:7\"") },
	{ COMPOSE("\"re\\u0064is:7\""), COMPOSE("\"" HOST "redis:7\"") },
	{ COMPOSE("redis@" DIGEST), COMPOSE(HOST "redis@" DIGEST) },
	{ COMPOSE("redis:7@" DIGEST), COMPOSE(HOST "redis:7@" DIGEST) },
	{ "services:\n  a:\n    image: redis:7   # why\n    x: 1\n",
	  "services:\n  a:\n    image: " HOST "redis:7   # why\n    x: 1\n" },
	{ "services:\n  a:\n    image:\n\n      redis:7\n",
	  "services:\n  a:\n    image:\n\n      " HOST "redis:7\n" },
	{ "services:\n  a:\n    image: >-\n      redis:7\n    x: 1\n",
	  "services:\n  a:\n    image: >-\n      " HOST "redis:7\n    x: 1\n" },
	{ "services:\n  a:\n    image: |- # redis:7\n     redis:7\n\n    x: 1\n",
	  "services:\n  a:\n    image: |- # redis:7\n     " HOST
	  "redis:7\n\n    x: 1\n" },
	{ "services:\r\n  a:\r\n    image: redis:7\r\n    x: 1\r\n",
	  "services:\r\n  a:\r\n    image: " HOST "redis:7\r\n    x: 1\r\n" },
	{ "services:\n  a:\n    image: redis:7",
	  "services:\n  a:\n    image: " HOST "redis:7" },
	{ "services:\n  \"\\u00e9\xc3\xa9\xf0\x9f\x98\x80\": {x: \xc3\xa9, "
	  "image: redis:7}\n",
	  "services:\n  \"\\u00e9\xc3\xa9\xf0\x9f\x98\x80\": {x: \xc3\xa9, "
	  "image: " HOST "redis:7}\n" },
	/* Properties. */
	{ COMPOSE("&r redis:7"), COMPOSE("&r " HOST "redis:7") },
	{ COMPOSE("!!str redis:7"), COMPOSE("!!str " HOST "redis:7") },
	{ COMPOSE("!!str &r 'redis:7'"),
	  COMPOSE("!!str &r '" HOST "redis:7'") },
	{ "services:\n  a:\n    image: &r # !x\n      redis:7\n",
	  "services:\n  a:\n    image: &r # !x\n      " HOST "redis:7\n" },
	{ "services: {a: {image: !override redis:7}}\n",
	  "services: {a: {image: !override " HOST "redis:7}}\n" },
	/* Aliases: the text is changed where it stands. */
	{ "x-r: &r redis:7\nservices: {a: {image: *r}, b: {image: *r}}\n",
	  "x-r: &r " HOST
	  "redis:7\nservices: {a: {image: *r}, b: {image: *r}}\n" },
	{ "x-a: &a {image: redis:7, x: 1}\nservices:\n  a: {<<: *a}\n"
	  "  b: {<<: *a, image: db}\n",
	  "x-a: &a {image: " HOST "redis:7, x: 1}\nservices:\n  a: {<<: *a}\n"
	  "  b: {<<: *a, image: " HOST "db:latest}\n" },
	{ "services:\n  a: {<<: {image: x:1}, image: db}\n",
	  "services:\n  a: {<<: {image: x:1}, image: " HOST "db:latest}\n" },
	/* What only looks like one stays. */
	{ "x-image: redis:7\nservices: {a: {image: redis:7, labels: {image: "
	  "redis:7}, build: {image: x}}}\n",
	  "x-image: redis:7\nservices: {a: {image: " HOST
	  "redis:7, labels: {image: redis:7}, build: {image: x}}}\n" },
	/* Variables. */
	{ COMPOSE("\"${REG}/a:${TAG}\""), COMPOSE("\"" HOST "a:1\"") },
	{ "services:\n  a:\n    image: ${NONE:-redis}:$TAG\n",
	  "services:\n  a:\n    image: " HOST "redis:1\n" },
	{ "services: {a: {image: redis, command: '$$X ${Y:?}'}}\n",
	  "services: {a: {image: " HOST
	  "redis:latest, command: '$$X ${Y:?}'}}\n" },
	/* Volumes, documents. */
	{ "services: {a: {image: a:1, volumes: [{type: image, source: b:1, "
	  "target: /b}, ./x:/y]}}\n---\nservices: {c: {image: c:1}}\n",
	  "services: {a: {image: " HOST
	  "a:1, volumes: [{type: image, source: " HOST
	  "b:1, target: /b}, ./x:/y]}}\n---\nservices: {c: {image: " HOST
	  "c:1}}\n" },
	/* Kubernetes. */
	{ POD "  containers:\n  - image: redis:7\n    name: redis:7\n"
	      "  initContainers: [{image: db}]\n  ephemeralContainers:\n"
	      "  - {image: \"sh\"}\n  volumes:\n  - image: {reference: v:1}\n",
	  POD "  containers:\n  - image: " HOST "redis:7\n    name: redis:7\n"
	      "  initContainers: [{image: " HOST
	      "db:latest}]\n  ephemeralContainers:\n"
	      "  - {image: \"" HOST
	      "sh:latest\"}\n  volumes:\n  - image: {reference: " HOST
	      "v:1}\n" },
	{ "# x\n" POD "  containers: [{image: a:1}]\n---\n# nothing\n---\n"
	  "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, "
	  "spec: {containers: [{image: b:1}]}}\n",
	  "# x\n" POD "  containers: [{image: " HOST
	  "a:1}]\n---\n# nothing\n---\n"
	  "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, "
	  "spec: {containers: [{image: " HOST "b:1}]}}\n" },
	/* JSON, with what libyaml refuses. */
	{ "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":"
	  "\"\\ud83d\\ude00\"},\n\t\"spec\":{\"containers\":[{\"image\":"
	  "\"redis:7\"}]}}\n",
	  "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":"
	  "\"\\ud83d\\ude00\"},\n\t\"spec\":{\"containers\":[{\"image\":"
	  "\"" HOST "redis:7\"}]}}\n" },
	/* Text. */
	{ "# redis:7\n\n  redis:7   linux/arm64  # x\r\nquay.io/a/b\n",
	  "# redis:7\n\n  " HOST "redis:7   linux/arm64  # x\r\n" HOST
	  "a/b:latest\n" },
	{ "docker-daemon:x:1 linux/amd64  =>  team/x:2 # y\n",
	  HOST "team/x:2 linux/amd64 # y\n" },
	{ "oci:a b:c linux/amd64 => x:1\n", HOST "x:1 linux/amd64\n" },
};

static void
test_names_are_put_in_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUFFER made = BUFFER(LIST_BYTES_MAX);
		struct ferry_error err = { 0 };
		const char *text = "";

		if (rewrite(&made, rows[i].text, &err) ||
		    buffer_text(&made, &text, &err))
			fail_msg("%s\nof %s", err.message, rows[i].text);
		assert_string_equal(text, rows[i].made);
	}
}

/* By ferry's own lists, the mapped file asks for the mapped names. */
static void
test_lists_read_the_new_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char before[8192];
		char after[8192];

		list_names(before, rows[i].text, true);
		list_names(after, rows[i].made, false);
		assert_string_equal(after, before);
	}
}

static void
test_names_that_need_quotes(void **state)
{
	static const struct {
		const char *name;
		const char *made;
	} table[] = {
		{ "[::1]:5000/a:1", COMPOSE("\"[::1]:5000/a:1\"") },
		{ "22:22", COMPOSE("\"22:22\"") },
		{ "10.0.0.5/a:1", COMPOSE("10.0.0.5/a:1") },
		{ "a:1", COMPOSE("a:1") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(mentions_release) struct mentions mentions = { 0 };
		AUTO_BUFFER made = BUFFER(LIST_BYTES_MAX);
		struct ferry_list_options how = options(FERRY_LIST_ANY);
		struct ferry_error err = { 0 };
		const char *file = COMPOSE("x");
		const char *text = "";

		if (mentions_find(&mentions, PATH, file, strlen(file), &how,
				  &err) ||
		    mentions_rewrite(&made, &mentions, &table[i].name, &err) ||
		    buffer_text(&made, &text, &err))
			fail_msg("%s", err.message);
		assert_string_equal(text, table[i].made);
	}
}

static void
test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} table[] = {
		{ "{\"type\": \"ferry.definition/v1\", \"images\": []}",
		  "a definition says what to pack" },
		{ "# nothing\n", "it names no image" },
		{ "services: {a: {build: .}}\n", "it names no image" },
		{ "services: {a: {image: 7}}\n", "image is no text" },
		{ "services:\n  a:\n    image: ${NONE}\n",
		  "service 'a': line 3: '' is no image reference: it names no "
		  "repository; not set: NONE" },
		{ "services: {a: {image: '${NONE:?is needed}'}}\n",
		  "is needed" },
		{ "services: {a: {image: A}}\n", "'A' is no image reference" },
		{ "services: {a: {image: |\n   redis:7\n  }}\n", "line" },
		{ POD "  containers: [{image: 'x y'}]\n", "container 1" },
		{ POD "  containers: [{image: a}]\n---\nx: 1\n", "document 2" },
		{ "x: &r redis:7\nservices: {a: {image: *r, *r : 1}}\n",
		  "the file would say something else as well" },
		{ "redis:7\nA\n", "line 2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_BUFFER made = BUFFER(LIST_BYTES_MAX);
		struct ferry_error err = { 0 };

		if (rewrite(&made, table[i].text, &err) != FERRY_E_USAGE)
			fail_msg("accepted: %s", table[i].text);
		if (!strstr(err.message, table[i].why))
			fail_msg("%s\ninstead of: %s", err.message,
				 table[i].why);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_put_in_place),
		cmocka_unit_test(test_lists_read_the_new_names),
		cmocka_unit_test(test_names_that_need_quotes),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
