/*
 * list/recognise: what kind of list a file is, by its content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "list/formats.h"

#define TEXT(text) text, sizeof(text) - 1

static void
test_kinds(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		enum ferry_list_format format;
	} rows[] = {
		/* References are no YAML, though all of them are. */
		{ TEXT(""), FERRY_LIST_TEXT },
		{ TEXT("\n# services:\n"), FERRY_LIST_TEXT },
		{ TEXT("redis"), FERRY_LIST_TEXT },
		{ TEXT("redis:7"), FERRY_LIST_TEXT },
		{ TEXT("redis:7\nservices:\n"), FERRY_LIST_TEXT },
		{ TEXT("\r\n  redis:7\r\n"), FERRY_LIST_TEXT },
		{ TEXT("redis:7 # note: this\n"), FERRY_LIST_TEXT },
		{ TEXT("redis:7 linux/amd64 => h:5/redis:7"), FERRY_LIST_TEXT },
		{ TEXT("h:5/a@sha256:00"), FERRY_LIST_TEXT },
		{ TEXT("docker://h:5/a"), FERRY_LIST_TEXT },
		{ TEXT("oci:/srv/a:b"), FERRY_LIST_TEXT },
		{ TEXT("[::1]:5000/a:1"), FERRY_LIST_TEXT },
		{ TEXT("-redis"), FERRY_LIST_TEXT },
		{ TEXT("a\0b"), FERRY_LIST_TEXT },
		/* Compose. */
		{ TEXT("services:\n  a: {image: b}\n"), FERRY_LIST_COMPOSE },
		{ TEXT("services: {}"), FERRY_LIST_COMPOSE },
		{ TEXT("# x\n\nname: x\ninclude: [a.yaml]\n"),
		  FERRY_LIST_COMPOSE },
		{ TEXT("---\nversion: '3'\nservices:\n"), FERRY_LIST_COMPOSE },
		{ TEXT("\"services\": {}"), FERRY_LIST_COMPOSE },
		{ TEXT("%YAML 1.2\n---\nservices: {}"), FERRY_LIST_COMPOSE },
		{ TEXT("{\"services\": {}}"), FERRY_LIST_COMPOSE },
		{ TEXT("x-a : &a {}\nservices: {b: *a}\r\n"),
		  FERRY_LIST_COMPOSE },
		/* Kubernetes. */
		{ TEXT("apiVersion: v1\nkind: Pod\n"), FERRY_LIST_KUBERNETES },
		{ TEXT("---\n# Source: x\n---\nkind: Pod\napiVersion: v1\n"),
		  FERRY_LIST_KUBERNETES },
		{ TEXT("{\"apiVersion\": \"v1\", \"kind\": \"List\"}"),
		  FERRY_LIST_KUBERNETES },
		{ TEXT("apiVersion: x.io/v1\nkind: X\nservices: []\n"),
		  FERRY_LIST_KUBERNETES },
		{ TEXT("---\n# nothing\n---\n"), FERRY_LIST_KUBERNETES },
		{ TEXT("a: 1\n---\napiVersion: v1\nkind: Pod\n"),
		  FERRY_LIST_KUBERNETES },
		/* ferry's own. */
		{ TEXT("{\"type\": \"ferry.definition/v1\"}"),
		  FERRY_LIST_DEFINITION },
		{ TEXT(" \n{\n\"images\": [], \"type\": \"ferry.x/v9\"}"),
		  FERRY_LIST_DEFINITION },
		{ TEXT("{\"type\": \"ferry.definition/v1\",}"),
		  FERRY_LIST_DEFINITION },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ferry_list_format format = FERRY_LIST_ANY;
		struct ferry_error err;

		if (list_recognise(&format, rows[i].text, rows[i].size, &err))
			fail_msg("%s\nof %s", err.message, rows[i].text);
		if (format != rows[i].format)
			fail_msg("%d instead of %d: %s", format, rows[i].format,
				 rows[i].text);
	}
}

#define WHY                                                                    \
	", which is no list of images: neither Compose (services) nor "        \
	"Kubernetes (apiVersion and kind) nor ferry's (type); if it is one, "  \
	"say which with --list-format"

static void
test_what_is_no_list(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{ "replicaCount: 1\nimage: {tag: x}\n",
		  "a mapping that begins with \"replicaCount\"" WHY },
		{ "{}", "an empty mapping" WHY },
		{ "{\"type\": \"x\"}",
		  "a mapping that begins with \"type\"" WHY },
		{ "apiVersion: v1\n",
		  "a mapping that begins with \"apiVersion\"" WHY },
		{ "- redis:7\n- alpine\n", "a YAML list" WHY },
		{ "--- redis:7\n", "a single YAML value" WHY },
		{ "---\nredis:7\n", "a single YAML value" WHY },
		{ "a: [\n", "line 2, column 1: " },
		{ "{\"type\": \"ferry.definition/v1\"",
		  "did not find expected ',' or '}'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ferry_list_format format;
		struct ferry_error err = { 0 };

		assert_int_equal(list_recognise(&format, rows[i].text,
						strlen(rows[i].text), &err),
				 FERRY_E_USAGE);
		if (!strstr(err.message, rows[i].why))
			fail_msg("%s\ninstead of: %s", err.message,
				 rows[i].why);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_what_is_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
