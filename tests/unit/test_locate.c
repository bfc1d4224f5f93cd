/*
 * engine/locate: which daemon the environment, config.json and contexts mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/text.h"
#include "codec/digest.h"
#include "engine/locate.h"

#define META(host) "{\"Endpoints\":{\"docker\":{\"Host\":\"" host "\"}}}"
#define UNVERIFIED(host)                                                       \
	"{\"Endpoints\":{\"docker\":{\"Host\":\"" host                         \
	"\",\"SkipTLSVerify\":true}}}"
#define CURRENT(name) "{\"currentContext\":\"" name "\"}"

/* A folder as ~/.docker is. */
struct home {
	char path[40];
};

static void
run(const char *format, const char *path)
{
	char *command = NULL;
	struct ferry_error err;

	assert_int_equal(text_format(&command, &err, "%s '%s'", format, path),
			 0);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	free(command);
}

static void
write_file(const struct home *home, const char *name, const char *content,
	   size_t size)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", home->path, name);
	*strrchr(path, '/') = '\0';
	run("mkdir -p", path);
	snprintf(path, sizeof(path), "%s/%s", home->path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	fclose(file);
}

static void
put(const struct home *home, const char *name, const char *content)
{
	write_file(home, name, content, strlen(content));
}

/* contexts/KIND/ID/TAIL of a context. */
static void
put_context(const struct home *home, const char *name, const char *kind,
	    const char *tail, const char *content)
{
	struct ferry_error err;
	struct digest id;
	char path[200];

	assert_int_equal(digest_of(&id, name, strlen(name), &err), 0);
	snprintf(path, sizeof(path), "contexts/%s/%s/%s", kind, digest_hex(&id),
		 tail);
	put(home, path, content);
}

static int
set_up(void **state)
{
	struct home *home = calloc(1, sizeof(*home));

	assert_non_null(home);
	strcpy(home->path, "/tmp/ferry-locate-XXXXXX");
	assert_non_null(mkdtemp(home->path));
	put_context(home, "far", "meta", "meta.json", META("tcp://far:2375"));
	put_context(home, "near", "meta", "meta.json",
		    META("unix:///run/near.sock"));
	put_context(home, "safe", "meta", "meta.json", META("tcp://safe"));
	put_context(home, "safe", "tls", "docker/ca.pem", "");
	put_context(home, "safe", "tls", "docker/cert.pem", "");
	put_context(home, "safe", "tls", "docker/key.pem", "");
	put_context(home, "lax", "meta", "meta.json", UNVERIFIED("tcp://lax"));
	put(home, "certs/ca.pem", "");
	*state = home;
	return 0;
}

static int
tear_down(void **state)
{
	struct home *home = *state;

	run("rm -rf", home->path);
	free(home);
	return 0;
}

static void
the_strongest_word_counts(void **state)
{
	static const struct {
		const char *host, *context, *config;
		bool tls, tls_verify;
		const char *url, *name;
		bool unverified;
	} table[] = {
		{ .url = "http://docker", .name = "/var/run/docker.sock" },
		{ .host = "unix:///a",
		  .context = "far",
		  .config = CURRENT("near"),
		  .url = "http://docker",
		  .name = "/a" },
		{ .context = "far",
		  .config = CURRENT("near"),
		  .url = "http://far:2375",
		  .name = "far:2375" },
		{ .config = CURRENT("near"),
		  .url = "http://docker",
		  .name = "/run/near.sock" },
		{ .config = CURRENT("default"),
		  .url = "http://docker",
		  .name = "/var/run/docker.sock" },
		{ .config = CURRENT(""),
		  .url = "http://docker",
		  .name = "/var/run/docker.sock" },
		{ .config = "{\"auths\":{}}",
		  .url = "http://docker",
		  .name = "/var/run/docker.sock" },
		{ .context = "default",
		  .config = CURRENT("far"),
		  .url = "http://docker",
		  .name = "/var/run/docker.sock" },
		/* TLS of the environment, for what no context says. */
		{ .host = "tcp://h",
		  .tls = true,
		  .url = "https://h:2376",
		  .name = "h:2376",
		  .unverified = true },
		{ .host = "tcp://h",
		  .tls = true,
		  .tls_verify = true,
		  .url = "https://h:2376",
		  .name = "h:2376" },
		{ .tls_verify = true,
		  .url = "https://localhost:2376",
		  .name = "localhost:2376" },
		{ .context = "far",
		  .tls_verify = true,
		  .url = "http://far:2375",
		  .name = "far:2375" },
		/* TLS of a context. */
		{ .context = "safe",
		  .url = "https://safe:2376",
		  .name = "safe:2376" },
		{ .context = "lax",
		  .url = "https://lax:2376",
		  .name = "lax:2376",
		  .unverified = true },
	};
	const struct home *home = *state;
	char certs[60];

	snprintf(certs, sizeof(certs), "%s/certs", home->path);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(engine_endpoint_release)
		struct engine_endpoint endpoint = { 0 };
		struct ferry_docker_options options = {
			.host = table[i].host,
			.context = table[i].context,
			.config = home->path,
			.certs = certs,
			.tls = table[i].tls,
			.tls_verify = table[i].tls_verify,
		};
		struct ferry_error err = { 0 };

		put(home, "config.json",
		    table[i].config ? table[i].config : "{}");
		if (engine_locate(&endpoint, &options, &err))
			fail_msg("row %zu: %s", i, err.message);
		assert_string_equal(endpoint.url, table[i].url);
		assert_string_equal(endpoint.name, table[i].name);
		assert_int_equal(endpoint.unverified, table[i].unverified);
	}
}

static void
files_come_from_where_the_word_does(void **state)
{
	const struct home *home = *state;
	struct ferry_docker_options options = { .config = home->path,
						.context = "safe" };
	struct engine_endpoint endpoint = { 0 };
	struct ferry_error err = { 0 };

	assert_int_equal(engine_locate(&endpoint, &options, &err), 0);
	assert_non_null(strstr(endpoint.ca, "/docker/ca.pem"));
	assert_non_null(strstr(endpoint.cert, "/docker/cert.pem"));
	assert_non_null(strstr(endpoint.key, "/docker/key.pem"));
	engine_endpoint_release(&endpoint);

	put(home, "ca.pem", "");
	options = (struct ferry_docker_options){ .config = home->path,
						 .host = "tcp://h",
						 .tls_verify = true };
	assert_int_equal(engine_locate(&endpoint, &options, &err), 0);
	assert_true(text_starts(endpoint.ca, home->path));
	assert_null(endpoint.cert);
	engine_endpoint_release(&endpoint);
}

static void
it_is_known_whether_one_was_chosen(void **state)
{
	static const struct {
		struct ferry_docker_options options;
		const char *config;
		bool chosen;
	} table[] = {
		{ { .host = "unix:///a" }, NULL, true },
		{ { .host = "unix:///a" }, "[", true },
		{ { .context = "far" }, NULL, true },
		{ { .context = "default" }, CURRENT("far"), true },
		{ { .host = NULL }, CURRENT("far"), true },
		{ { .host = NULL }, CURRENT("default"), false },
		{ { .host = NULL }, CURRENT(""), false },
		{ { .host = NULL }, NULL, false },
	};
	const struct home *home = *state;
	struct ferry_docker_options options = { .config = home->path };
	struct ferry_error err;
	bool chosen;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		options = table[i].options;
		options.config = home->path;
		put(home, "config.json",
		    table[i].config ? table[i].config : "{}");
		assert_int_equal(ferry_docker_chosen(&options, &chosen, &err),
				 0);
		if (chosen != table[i].chosen)
			fail_msg("row %zu", i);
	}
	put(home, "config.json", "[");
	options = (struct ferry_docker_options){ .config = home->path };
	assert_int_equal(ferry_docker_chosen(&options, &chosen, &err),
			 FERRY_E_FAILED);
}

/* Nobody has to have a folder, or a file in it. */
static void
no_files_are_no_error(void **state)
{
	static const char *const folders[] = { NULL, "/tmp/no/such/folder" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		AUTO(engine_endpoint_release)
		struct engine_endpoint endpoint = { 0 };
		struct ferry_docker_options options = { .config = folders[i] };
		struct ferry_error err = { 0 };

		assert_int_equal(engine_locate(&endpoint, &options, &err), 0);
		assert_string_equal(endpoint.name, ENGINE_SOCKET);
	}
}

static void
words_that_lead_nowhere(void **state)
{
	static const struct {
		const char *host, *context, *config;
		bool tls_verify, homeless;
		const char *message;
	} table[] = {
		{ .host = "ssh://h",
		  .message = "DOCKER_HOST: 'ssh://h': ferry does not speak "
			     "ssh" },
		{ .context = "gone",
		  .message = "DOCKER_CONTEXT: Docker's context 'gone': there "
			     "is no such context in " },
		{ .config = CURRENT("gone"),
		  .message = "config.json: Docker's context 'gone': there is "
			     "no such context in " },
		{ .context = "../../etc",
		  .message = "DOCKER_CONTEXT: Docker's context '../../etc': "
			     "there is no such context in " },
		{ .context = "far",
		  .homeless = true,
		  .message = "DOCKER_CONTEXT: Docker's context 'far': neither "
			     "DOCKER_CONFIG nor HOME says where contexts "
			     "are" },
		{ .config = "{\"currentContext\":7}",
		  .message = "/config.json: \"currentContext\" is no string" },
		{ .config = "[", .message = "/config.json: " },
		{ .host = "tcp://h",
		  .tls_verify = true,
		  .homeless = true,
		  .message = "DOCKER_TLS_VERIFY is set, and there is no ca.pem "
			     "in any folder known; DOCKER_CERT_PATH says where "
			     "it is" },
	};
	const struct home *home = *state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct engine_endpoint endpoint = { 0 };
		struct ferry_docker_options options = {
			.host = table[i].host,
			.context = table[i].context,
			.config = table[i].homeless ? NULL : home->path,
			.tls_verify = table[i].tls_verify,
		};
		struct ferry_error err = { 0 };

		put(home, "config.json",
		    table[i].config ? table[i].config : "{}");
		if (!engine_locate(&endpoint, &options, &err) ||
		    !strstr(err.message, table[i].message))
			fail_msg("row %zu: %s", i,
				 endpoint.url ? endpoint.url : err.message);
	}
}

/* meta.json may come with a home folder from anywhere. */
static void
bad_contexts_are_refused(void **state)
{
	static const struct {
		const char *meta;
		const char *message;
	} table[] = {
		{ "", "meta.json: " },
		{ "{", "meta.json: " },
		{ "[]", "meta.json: " },
		{ "{}", "meta.json: \"Endpoints\" is " },
		{ "{\"Endpoints\":[]}", "meta.json: \"Endpoints\" is " },
		{ "{\"Endpoints\":{}}",
		  "meta.json: it has no endpoint for Docker" },
		{ "{\"Endpoints\":{\"kubernetes\":{}}}",
		  "meta.json: it has no endpoint for Docker" },
		{ "{\"Endpoints\":{\"docker\":7}}",
		  "meta.json: \"docker\" is " },
		{ "{\"Endpoints\":{\"docker\":{}}}",
		  "meta.json: \"Host\" is " },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":null}}}",
		  "meta.json: \"Host\" is " },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":[\"x\"]}}}",
		  "meta.json: \"Host\" is " },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":\"a\",\"Host\":"
		  "\"b\"}}}",
		  "meta.json: " },
		{ META(""), "meta.json: '': Docker is reached at" },
		{ META("tcp://h\\nX: y"), "control characters" },
		{ META("tcp://h\\u0000x"), "meta.json: " },
		{ META("tcp://me@h"), "without a user name" },
		{ META("ssh://h"), "meta.json: 'ssh://h': ferry does not speak "
				   "ssh" },
		{ META("npipe:////./pipe/x"), "of Windows" },
		{ META("file:///etc/passwd"), "Docker is reached at" },
		{ "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://h\","
		  "\"SkipTLSVerify\":\"no\"}}}",
		  "meta.json: SkipTLSVerify is neither true nor false" },
	};
	const struct home *home = *state;
	struct ferry_docker_options options = { .config = home->path,
						.context = "bad" };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct engine_endpoint endpoint = { 0 };
		struct ferry_error err = { 0 };

		put_context(home, "bad", "meta", "meta.json", table[i].meta);
		if (!engine_locate(&endpoint, &options, &err) ||
		    !strstr(err.message, table[i].message) ||
		    !text_starts(err.message,
				 "DOCKER_CONTEXT: Docker's context 'bad': "))
			fail_msg("%s: %s", table[i].meta,
				 endpoint.url ? endpoint.url : err.message);
	}
}

static void
huge_contexts_are_refused(void **state)
{
	const struct home *home = *state;
	struct ferry_docker_options options = { .config = home->path,
						.context = "huge" };
	struct engine_endpoint endpoint = { 0 };
	char *spaces = malloc(ENGINE_CONTEXT_MAX + 2);
	struct ferry_error err = { 0 };

	assert_non_null(spaces);
	memset(spaces, ' ', ENGINE_CONTEXT_MAX + 1);
	spaces[ENGINE_CONTEXT_MAX + 1] = '\0';
	put_context(home, "huge", "meta", "meta.json", spaces);
	free(spaces);
	assert_int_equal(engine_locate(&endpoint, &options, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "meta.json: "));
	assert_non_null(strstr(err.message, "65536"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_strongest_word_counts,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			files_come_from_where_the_word_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			it_is_known_whether_one_was_chosen, set_up, tear_down),
		cmocka_unit_test(no_files_are_no_error),
		cmocka_unit_test_setup_teardown(words_that_lead_nowhere, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(bad_contexts_are_refused,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(huge_contexts_are_refused,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
