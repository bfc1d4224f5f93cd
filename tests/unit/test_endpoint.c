/*
 * engine/endpoint: what people write for Docker, and where it leads.
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

#include "engine/endpoint.h"

#define LONG_PATH                                                              \
	"/a23456789012345678901234567890123456789012345678901234567890"        \
	"1234567890123456789012345678901234567890123456"

static void
texts_lead_somewhere(void **state)
{
	static const struct {
		const char *text;
		bool tls_wanted;
		const char *socket; /* or NULL, and */
		const char *url;
		const char *name;
		bool tls;
	} table[] = {
		{ "unix:///run/docker.sock", false, "/run/docker.sock",
		  "http://docker", "/run/docker.sock", false },
		{ "unix://", false, "/var/run/docker.sock", "http://docker",
		  "/var/run/docker.sock", false },
		{ "unix://here.sock", false, "here.sock", "http://docker",
		  "here.sock", false },
		{ "unix:///run/docker.sock", true, "/run/docker.sock",
		  "http://docker", "/run/docker.sock", false },
		{ "unix://" LONG_PATH, false, LONG_PATH, "http://docker",
		  LONG_PATH, false },
		{ "tcp://10.0.0.1:2376", false, NULL, "http://10.0.0.1:2376",
		  "10.0.0.1:2376", false },
		{ "tcp://10.0.0.1:2376", true, NULL, "https://10.0.0.1:2376",
		  "10.0.0.1:2376", true },
		{ "tcp://build.example", false, NULL,
		  "http://build.example:2375", "build.example:2375", false },
		{ "tcp://build.example", true, NULL,
		  "https://build.example:2376", "build.example:2376", true },
		{ "tcp://build.example:", false, NULL,
		  "http://build.example:2375", "build.example:2375", false },
		{ "tcp://", false, NULL, "http://localhost:2375",
		  "localhost:2375", false },
		{ "tcp://:1234", true, NULL, "https://localhost:1234",
		  "localhost:1234", true },
		{ "tcp://[::1]:99", false, NULL, "http://[::1]:99", "[::1]:99",
		  false },
		{ "tcp://[fe80::1]", true, NULL, "https://[fe80::1]:2376",
		  "[fe80::1]:2376", true },
		{ "tcp://h:1/docker/", false, NULL, "http://h:1/docker", "h:1",
		  false },
		{ "tcp://h/", false, NULL, "http://h:2375", "h:2375", false },
		{ "elsewhere:2375", false, NULL, "http://elsewhere:2375",
		  "elsewhere:2375", false },
		{ "elsewhere", true, NULL, "https://elsewhere:2376",
		  "elsewhere:2376", true },
		{ "http://h:80", false, NULL, "http://h:80", "h", false },
		{ "https://h", false, NULL, "https://h:2376", "h:2376", true },
		{ "https://h:443/x", true, NULL, "https://h:443/x", "h", true },
	};
	struct ferry_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(engine_endpoint_release)
		struct engine_endpoint endpoint = { 0 };

		if (engine_endpoint_parse(&endpoint, table[i].text,
					  table[i].tls_wanted, &err))
			fail_msg("%s: %s", table[i].text, err.message);
		if (table[i].socket)
			assert_string_equal(endpoint.socket, table[i].socket);
		else
			assert_null(endpoint.socket);
		assert_string_equal(endpoint.url, table[i].url);
		assert_string_equal(endpoint.name, table[i].name);
		assert_int_equal(endpoint.tls, table[i].tls);
		assert_false(endpoint.unverified);
	}
}

static void
others_are_refused(void **state)
{
	static const struct {
		const char *text;
		bool tls;
		const char *message;
	} table[] = {
		{ "", false,
		  "'': Docker is reached at unix://SOCKET or "
		  "tcp://HOST[:PORT]" },
		{ "fd://3", false, "'fd://3': Docker is reached at unix://" },
		{ "vsock://2:3", false, "'vsock://2:3': Docker is reached at" },
		{ "UNIX:///x", false, "'UNIX:///x': Docker is reached at" },
		{ "ssh://me@server/x", false,
		  "'ssh://me@server/x': ferry does not speak ssh: run it on "
		  "that host, or forward the socket (ssh -nNT -L "
		  "/tmp/docker.sock:/var/run/docker.sock me@server) and set "
		  "DOCKER_HOST=unix:///tmp/docker.sock" },
		{ "npipe:////./pipe/docker_engine", false,
		  "named pipes are of Windows" },
		{ "unix://" LONG_PATH "8", false,
		  "the path of a socket has 107 bytes at most" },
		{ "http://h", true,
		  "'http://h': http:// is without TLS, which is asked for "
		  "elsewhere: say tcp://h" },
		{ "tcp://h:0", false, "whose port is not 1 to 65535" },
		{ "tcp://h:65536", false, "'tcp://h:65536': not a URL" },
		{ "tcp://h:1234567", false, "'1234567' is no port" },
		{ "tcp://h:x", false, "'tcp://h:x': not a URL" },
		{ "tcp://me:secret@h", false, "without a user name" },
		{ "tcp://h?x", false, "a query" },
		{ "tcp://h/#x", false, "a fragment" },
		{ "tcp://h%2fx", false, "it is HOST[:PORT]" },
		{ "tcp://a b", false, "a URL with a space in it" },
		{ "tcp://a\nb", false,
		  "'tcp://a\\x0ab': a URL with control characters in it" },
		{ "tcp://[::1", false, "not a URL" },
		{ "tcp://::1", false, "not a URL" },
		{ "tcp://1:2:3", false, "not a URL" },
	};
	struct ferry_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct engine_endpoint endpoint = { 0 };
		int rc = engine_endpoint_parse(&endpoint, table[i].text,
					       table[i].tls, &err);

		if (rc != FERRY_E_USAGE ||
		    !strstr(err.message, table[i].message))
			fail_msg("%s: %d %s", table[i].text, rc,
				 rc ? err.message : endpoint.url);
		assert_null(endpoint.url);
	}
}

static void
touch(const char *folder, const char *name)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

static void
clear(const char *folder)
{
	static const char *const names[] = { "ca.pem", "cert.pem", "key.pem" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[200];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void
files_are_taken_if_they_are_there(void **state)
{
	static const struct {
		const char *names[3];
		const char *message; /* NULL: they do */
	} table[] = {
		{ { NULL }, NULL },
		{ { "ca.pem" }, NULL },
		{ { "cert.pem", "key.pem" }, NULL },
		{ { "ca.pem", "cert.pem", "key.pem" }, NULL },
		{ { "cert.pem" }, "has cert.pem without the key.pem" },
		{ { "ca.pem", "key.pem" }, "has key.pem without the cert.pem" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(engine_endpoint_release)
		struct engine_endpoint endpoint = { 0 };
		char folder[] = "/tmp/ferry-endpoint-XXXXXX";
		struct ferry_error err = { 0 };
		size_t count = 0;
		int rc;

		assert_non_null(mkdtemp(folder));
		for (; count < 3 && table[i].names[count]; count++)
			touch(folder, table[i].names[count]);
		rc = engine_endpoint_files(&endpoint, folder, &err);
		clear(folder);
		assert_int_equal(rc, table[i].message ? FERRY_E_FAILED : 0);
		if (rc)
			assert_non_null(strstr(err.message, table[i].message));
		else
			assert_int_equal(!!endpoint.ca + !!endpoint.cert +
						 !!endpoint.key,
					 count);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_lead_somewhere),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(files_are_taken_if_they_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
