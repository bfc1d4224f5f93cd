/* Places that are asked for by several images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "registry/quota.h"
#include "source/any.h"

static int
ask(struct source *source, const char *path, struct ferry_error *err)
{
	AUTO(wanted_release) struct wanted wanted = { 0 };
	AUTO(resolved_release) struct resolved resolved = { 0 };
	char text[128];

	snprintf(text, sizeof(text), "oci-archive:%s:a:1", path);
	assert_int_equal(origin_parse(&wanted.origin, text, err), 0);
	return source->ops->resolve(source, 0, &wanted, &wanted.platforms,
				    &resolved, err);
}

/* An archive may be large, and each image of a list may name it. */
static void
what_cannot_be_opened_is_opened_once(void **state)
{
	static const struct ferry_registry_options registry;
	static const struct source_options options = { .registry = &registry,
						       .workers = 1 };
	struct ferry_context *context = ferry_context_new();
	char path[] = "/tmp/ferry-any-XXXXXX";
	struct ferry_error first = { 0 };
	struct ferry_error second = { 0 };
	struct quotas quotas = { 0 };
	struct source *source;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(source_any_new(&source, context, &options, &first), 0);
	assert_true(ask(source, path, &first) < 0);
	assert_non_null(strstr(first.message, path));
	/* It would be another failure now. */
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(ask(source, path, &second), first.code);
	assert_string_equal(second.message, first.message);
	/* Who goes through all places passes it by. */
	assert_int_equal(source->ops->add_quotas(source, &quotas, &second), 0);
	assert_int_equal(quotas.count, 0);
	unlink(path);
	source_free(source);
	ferry_context_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_opened_is_opened_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
