/*
 * list/kubernetes: which images manifests name.  What helm, kustomize and
 * kubectl print is in tests/data/kubernetes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "list/formats.h"

/* "a:1 b:1" as they were found; until the next call. */
static const char *
found(const struct list *list)
{
	static char out[4096];
	char name[REFERENCE_TEXT];

	out[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		strcat(out, i ? " " : "");
		strcat(out,
		       reference_familiar(name, wanted_name(&list->items[i])));
	}
	return out;
}

#define POD "{apiVersion: v1, kind: Pod, spec: {containers: [{image: "
#define END "}]}}"
#define TEMPLATE(image) "{template: {spec: {containers: [{image: " image "}]}}}"
#define CUSTOM(spec)                                                           \
	"{apiVersion: x.io/v1, kind: X, metadata: {name: x}, spec: " spec "}"

static void
test_images_are_found(void **state)
{
	static const struct {
		const char *text;
		const char *images;
	} rows[] = {
		/* Documents. */
		{ "", "" },
		{ "---\n# nothing\n---\n...\n", "" },
		{ POD "a" END, "a:latest" },
		{ "---\r\n" POD "a" END "\r\n...\r\n---\r\n# x\r\n---\r\n" POD
		  "b" END "\r\n",
		  "a:latest b:latest" },
		{ "--- # first\nnull\n---\n~\n---\n" POD "a" END, "a:latest" },
		/* References as Docker and the kubelet take them. */
		{ POD "'redis:7'" END, "redis:7" },
		{ POD "quay.io/x/y" END, "quay.io/x/y:latest" },
		{ POD "docker.io/library/redis" END, "redis:latest" },
		{ POD "oci" END, "oci:latest" },
		/* Kinds. */
		{ "{apiVersion: apps/v1, kind: Deployment, spec: " TEMPLATE(
			  "a") "}",
		  "a:latest" },
		{ "{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: "
		  "{spec: " TEMPLATE("a") "}}}",
		  "a:latest" },
		{ "{apiVersion: v1, kind: PodTemplate, template: {spec: "
		  "{containers: [{image: a}]}}}",
		  "a:latest" },
		{ "{apiVersion: v1, kind: List, items: [null, " POD "a" END
		  ", {apiVersion: v1, kind: PodList, items: [" POD "b" END
		  "]}]}",
		  "a:latest b:latest" },
		{ "{apiVersion: v1, kind: List, items: null}", "" },
		{ "{apiVersion: v1, kind: List}", "" },
		{ CUSTOM("{a: [{b: " TEMPLATE("a") "}]}"), "a:latest" },
		{ CUSTOM("{containers: [{image: a}]}"), "a:latest" },
		/* Lists. */
		{ "{apiVersion: v1, kind: Pod, spec: {initContainers: [{image: "
		  "a}], containers: [{image: b}, {image: c}], "
		  "ephemeralContainers: [{image: d}], volumes: [{name: v, "
		  "image: {reference: e}}, {name: w, emptyDir: {}}, null]}}",
		  "a:latest b:latest c:latest d:latest e:latest" },
		{ "{apiVersion: v1, kind: Pod, spec: {containers: [null, "
		  "{image: a}], initContainers: null, volumes: [{image: "
		  "{}}]}}",
		  "a:latest" },
		{ "{apiVersion: v1, kind: Pod, spec: {containers: &c [{image: "
		  "a}], initContainers: *c}}",
		  "a:latest a:latest" },
		/* What only looks like it. */
		{ "{apiVersion: v1, kind: ConfigMap, data: {containers: "
		  "'[{image: a}]', image: b}}",
		  "" },
		{ "{apiVersion: v1, kind: Pod, metadata: {containers: "
		  "[{image: a}]}, status: {containers: [{image: b}]}}",
		  "" },
		{ "{apiVersion: apiextensions.k8s.io/v1, kind: "
		  "CustomResourceDefinition, spec: {default: {containers: "
		  "[{image: a}]}}}",
		  "" },
		{ "{apiVersion: kyverno.io/v2beta1, kind: Policy, spec: "
		  "{containers: [{image: '*:*'}]}}",
		  "" },
		{ CUSTOM("{containers: {app: {image: a}}}"), "" },
		{ CUSTOM("{containers: 3}"), "" },
		{ CUSTOM("{volumes: [{image: a}]}"), "" },
		/* What an operator fills in. */
		{ CUSTOM("{containers: [{name: x}, {image: a}]}"), "a:latest" },
		{ CUSTOM("{containers: [{image: ''}, {image: {tag: 1}}]}"),
		  "" },
		{ CUSTOM("{containers: [x, y]}"), "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err;

		if (list_add_kubernetes(&list, rows[i].text,
					strlen(rows[i].text), &err))
			fail_msg("%s\nof %s", err.message, rows[i].text);
		assert_string_equal(found(&list), rows[i].images);
	}
}

static void
test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{ "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}"
		  ", spec: {containers: [{name: c}]}}",
		  "Deployment 'w': container 'c': it has no image, or one that "
		  "is no text" },
		{ "{apiVersion: v1, kind: Pod, spec: {containers: [{image: a}, "
		  "{image: ''}]}}",
		  "container 2: it has no image" },
		{ "{apiVersion: v1, kind: Pod, spec: {containers: [{image: "
		  "7}]}}",
		  "container 1: it has no image, or one that is no text" },
		{ "{apiVersion: v1, kind: Pod, spec: {containers: [a]}}",
		  "container 1: it has no image" },
		{ "{apiVersion: v1, kind: List, items: [{apiVersion: batch/v1, "
		  "kind: Job, metadata: {name: j}, spec: {initContainers: "
		  "[{name: c, image: 'A b'}]}}]}",
		  "Job 'j': container 'c': 'A b' is no image reference" },
		{ POD "' '" END, "' ' is no image reference" },
		{ POD "'a '" END, "'a ' is no image reference" },
		{ POD "'https://h/a'" END, "leave out https://" },
		{ POD "'docker://a'" END, "is no image reference" },
		{ CUSTOM("{containers: [{image: '*'}]}"),
		  "X 'x': container 1: '*' is no image reference" },
		{ "{apiVersion: v1, kind: Pod, spec: {volumes: [{name: v, "
		  "image: {reference: A}}]}}",
		  "volume 'v': 'A' is no image reference" },
		{ POD "a" END "\n---\nreplicas: 3\n",
		  "document 2, empty ones not counted, has no apiVersion and "
		  "kind" },
		{ POD "a" END "\n---\n- a\n", "document 2" },
		{ "a: [", "line 2, column 1: did not find expected node" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err = { 0 };

		if (list_add_kubernetes(&list, rows[i].text,
					strlen(rows[i].text),
					&err) != FERRY_E_USAGE)
			fail_msg("accepted: %s", rows[i].text);
		if (!strstr(err.message, rows[i].why))
			fail_msg("%s\ninstead of: %s", err.message,
				 rows[i].why);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_images_are_found),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
