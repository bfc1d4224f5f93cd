/*
 * net/url: what resolves to what, what is refused and with which words, and
 * which hosts are near.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/url.h"

#define BASE "https://r.example:5000/v2/a/blobs/uploads/1?_state=x%3D%3D"

static void
references_resolve(void **state)
{
	static const struct {
		const char *base, *reference, *result;
	} table[] = {
		{ BASE, "https://cdn.example/x", "https://cdn.example/x" },
		{ BASE, "/v2/b?c=%2F&d=a+b",
		  "https://r.example:5000/v2/b?c=%2F&d=a+b" },
		{ BASE, "2?_state=y%3d",
		  "https://r.example:5000/v2/a/blobs/uploads/2?_state=y%3d" },
		{ BASE, "../x", "https://r.example:5000/v2/a/blobs/x" },
		{ BASE, "?only=query",
		  "https://r.example:5000/v2/a/blobs/uploads/"
		  "1?only=query" },
		{ BASE, "//cdn.example/y", "https://cdn.example/y" },
		{ BASE, "HTTP://Cdn.Example:80/Y", "http://Cdn.Example:80/Y" },
		{ BASE, "/x#part", "https://r.example:5000/x" },
		{ "http://h", "/x", "http://h/x" },
		{ "http://h/a", "https://h", "https://h/" },
		{ "http://[::1]:5000/a", "b", "http://[::1]:5000/b" },
		/* A colon after a slash makes no scheme. */
		{ "http://h/a/", "./b:c", "http://h/a/b:c" },
		{ "http://h/", "/v2/x/manifests/sha256:0",
		  "http://h/v2/x/manifests/sha256:0" },
	};
	struct ferry_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_FREE char *result = NULL;

		if (url_resolve(&result, table[i].base, table[i].reference,
				&err))
			fail_msg("%s: %s", table[i].reference, err.message);
		assert_string_equal(result, table[i].result);
	}
}

static void
bad_references_are_refused(void **state)
{
	static const char long_one[20000] = { [0 ... 19998] = 'a' };
	static const struct {
		const char *reference, *message;
	} table[] = {
		{ "", "an empty URL" },
		{ "/x\r\nSet-Cookie: a", "control characters" },
		{ "/x\n", "control characters" },
		{ "\t/x", "control characters" },
		{ "/a b", "a space" },
		{ "https:\\\\evil.example", "a backslash" },
		{ "/\\evil.example/x", "a backslash" },
		{ "file:///etc/passwd", "scheme \"file\"" },
		{ "FTP://h/x", "scheme \"FTP\"" },
		{ "gopher://h/x", "scheme \"gopher\"" },
		{ "javascript:alert(1)", "scheme \"javascript\"" },
		{ "a-very-long-scheme-indeed:x",
		  "scheme \"a-very-long-sche\"" },
		{ "http:x", "without // after its scheme" },
		{ "https:/h/x", "without // after its scheme" },
		{ "https:///h/x", "without a host" },
		{ "https://", "without a host" },
		{ "///h/x", "without a host" },
		{ "//", "without a host" },
		{ "https://?q", "without a host" },
		{ "https://:80/", "without a host" },
		{ "https://u:p@h/", "a user name" },
		{ "https://u@h/", "a user name" },
		{ "//u@h/", "a user name" },
		{ "https://h%0d/", "a % in its host" },
		{ "//h%2eexample", "a % in its host" },
		{ "http://[fe80::1%25eth0]/", "a % in its host" },
		{ "https://h:99999/", "not a URL" },
		{ "https://h:x/", "not a URL" },
		{ "https://[::1/", "not a URL" },
		{ "https://h<x>/", "not a URL" },
		{ long_one, "more than 16384 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ferry_error err = { 0 };
		char *result = NULL;

		if (url_resolve(&result, BASE, table[i].reference, &err) !=
		    FERRY_E_FAILED)
			fail_msg("%s: resolved to %s", table[i].reference,
				 result);
		assert_null(result);
		if (!strstr(err.message, table[i].message))
			fail_msg("%s: %s", table[i].reference, err.message);
		/* It may be signed, or carry a password. */
		assert_null(strstr(err.message, "u:p"));
	}
}

static void
the_base_must_be_absolute(void **state)
{
	struct ferry_error err = { 0 };
	char *result = NULL;

	(void)state;
	assert_int_equal(url_resolve(&result, "/v2/", "x", &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message, "a URL without http:// or https://");
	assert_int_equal(url_resolve(&result, "file:///x", "y", &err),
			 FERRY_E_FAILED);
	assert_null(result);
}

static void
origins_are_normal(void **state)
{
	static const struct {
		const char *url, *scheme, *host;
		unsigned port;
	} table[] = {
		{ "https://R.Example/x", "https", "r.example", 443 },
		{ "HTTP://h", "http", "h", 80 },
		{ "http://h:5000/?a=b", "http", "h", 5000 },
		{ "http://[::1]:5000/", "http", "[::1]", 5000 },
		{ "http://0x7f.1/", "http", "127.0.0.1", 80 },
		{ "https://h/%2e?%40", "https", "h", 443 },
	};
	struct ferry_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct url_origin origin;

		if (url_origin(&origin, table[i].url, &err))
			fail_msg("%s: %s", table[i].url, err.message);
		assert_string_equal(origin.scheme, table[i].scheme);
		assert_string_equal(origin.host, table[i].host);
		assert_int_equal(origin.port, table[i].port);
	}
}

static void
overlong_hosts_are_refused(void **state)
{
	struct ferry_error err = { 0 };
	struct url_origin origin;
	char url[400] = "http://";

	(void)state;
	memset(url + 7, 'a', 300);
	assert_int_equal(url_origin(&origin, url, &err), FERRY_E_FAILED);
	assert_string_equal(err.message, "a URL whose host name is too long");
}

static void
origins_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} table[] = {
		{ "https://h/a", "https://H:443/b", true },
		{ "http://h:80/", "http://h", true },
		{ "https://h/", "http://h/", false },
		{ "https://h/", "https://h:444/", false },
		{ "https://h/", "https://h./", false },
		{ "https://h/", "https://h.evil/", false },
		{ "https://h/", "https://u@h/", false },
		{ "https://h/", "/x", false },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (url_same_origin(table[i].a, table[i].b) != table[i].same)
			fail_msg("%s %s", table[i].a, table[i].b);
		assert_int_equal(url_same_origin(table[i].b, table[i].a),
				 table[i].same);
	}
}

static void
hosts_are_near_or_far(void **state)
{
	static const struct {
		const char *host;
		bool loopback, private;
	} table[] = {
		{ "localhost", true, false },
		{ "LocalHost", true, false },
		{ "localhost.evil.example", false, false },
		{ "127.0.0.1", true, true },
		{ "127.255.255.254", true, true },
		{ "[::1]", true, true },
		{ "::1", true, true },
		/* Odd spellings are distrusted both ways. */
		{ "127.1", false, true },
		{ "0x7f000001", false, true },
		{ "2130706433", false, true },
		{ "017700000001", false, true },
		{ "127.0.0.1.", false, true },
		{ "127.0.0.1.example", false, false },
		{ "10.1.2.3", false, true },
		{ "11.1.2.3", false, false },
		{ "172.15.0.1", false, false },
		{ "172.16.0.1", false, true },
		{ "172.31.255.255", false, true },
		{ "172.32.0.1", false, false },
		{ "192.168.1.1", false, true },
		{ "192.169.1.1", false, false },
		{ "169.254.169.254", false, true },
		{ "100.100.100.200", false, true },
		{ "100.128.0.1", false, false },
		{ "0.0.0.0", false, true },
		{ "8.8.8.8", false, false },
		{ "[::]", false, true },
		{ "[fe80::1]", false, true },
		{ "[fe80::1%25eth0]", false, true },
		{ "[febf::1]", false, true },
		{ "[fec0::1]", false, true },
		{ "[fc00::1]", false, true },
		{ "[fdff::1]", false, true },
		{ "[fe00::1]", false, false },
		{ "[2001:db8::1]", false, false },
		{ "[::ffff:127.0.0.1]", false, true },
		{ "[::ffff:8.8.8.8]", false, false },
		{ "[::10.0.0.1]", false, true },
		{ "[64:ff9b::a9fe:a9fe]", false, true },
		{ "[64:ff9b::808:808]", false, false },
		{ "registry.example", false, false },
		{ "", false, false },
		{ "[", false, false },
		{ "[]", false, false },
		{ ".", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (url_host_is_loopback(table[i].host) != table[i].loopback)
			fail_msg("loopback: %s", table[i].host);
		if (url_host_is_private(table[i].host) != table[i].private)
			fail_msg("private: %s", table[i].host);
	}
}

static void
peers_have_a_port_if_it_is_unusual(void **state)
{
	static const struct {
		const char *url, *peer;
	} table[] = {
		{ "https://Quay.io/v2/", "quay.io" },
		{ "https://quay.io:443/", "quay.io" },
		{ "https://quay.io:80/", "quay.io:80" },
		{ "http://quay.io:80/", "quay.io" },
		{ "http://quay.io:65535/", "quay.io:65535" },
		{ "http://[::1]:5000/", "[::1]:5000" },
	};
	struct ferry_error err = { 0 };
	char peer[URL_PEER_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(url_peer(peer, table[i].url, &err), 0);
		assert_string_equal(peer, table[i].peer);
	}
	assert_int_equal(url_peer(peer, "ftp://quay.io", &err), FERRY_E_FAILED);
}

static void
text_is_escaped(void **state)
{
	static const struct {
		const char *text, *escaped;
	} table[] = {
		{ "", "" },
		{ "aZ09-._~", "aZ09-._~" },
		{ "sha256:ab", "sha256%3Aab" },
		{ "repository:a/b:pull,push",
		  "repository%3Aa%2Fb%3Apull%2Cpush" },
		{ "a b+c%&=\x7f\xff\n", "a%20b%2Bc%25%26%3D%7F%FF%0A" },
	};
	struct ferry_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_FREE char *escaped = NULL;

		assert_int_equal(url_escape(&escaped, table[i].text, &err), 0);
		assert_string_equal(escaped, table[i].escaped);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_resolve),
		cmocka_unit_test(bad_references_are_refused),
		cmocka_unit_test(the_base_must_be_absolute),
		cmocka_unit_test(origins_are_normal),
		cmocka_unit_test(overlong_hosts_are_refused),
		cmocka_unit_test(origins_compare),
		cmocka_unit_test(hosts_are_near_or_far),
		cmocka_unit_test(peers_have_a_port_if_it_is_unusual),
		cmocka_unit_test(text_is_escaped),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
