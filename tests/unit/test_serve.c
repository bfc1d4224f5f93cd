/*
 * serve: what a request line asks for, what its headers ask of the answer,
 * where a server listens, and what goes onto the page for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "serve/conditions.h"
#include "serve/listen.h"
#include "serve/page.h"
#include "serve/route.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define LONG_100                                                                 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
requests_lead_somewhere(void **state)
{
	static const struct {
		const char *uri;
		enum route_kind kind;
		const char *repository, *reference;
	} table[] = {
		{ "/", ROUTE_PAGE, "", "" },
		{ "/?x=1", ROUTE_PAGE, "", "" },
		{ "/v2", ROUTE_BASE, "", "" },
		{ "/v2/", ROUTE_BASE, "", "" },
		{ "/v2/_catalog", ROUTE_CATALOG, "", "" },
		{ "/v2/a/tags/list", ROUTE_TAGS, "a", "" },
		/* As a proxy is asked. */
		{ "http://h:5000/v2/a/tags/list", ROUTE_TAGS, "a", "" },
		{ "HTTPS://h/v2/a/manifests/7?x", ROUTE_MANIFEST, "a", "7" },
		{ "http://h", ROUTE_PAGE, "", "" },
		{ "http://h?x", ROUTE_PAGE, "", "" },
		{ "/v2/a/manifests/7", ROUTE_MANIFEST, "a", "7" },
		{ "/v2/a/b/manifests/" DIGEST, ROUTE_MANIFEST, "a/b", DIGEST },
		{ "/v2/a/blobs/" DIGEST, ROUTE_BLOB, "a", DIGEST },
		{ "/v2/a/blobs/sha256%3A" HEX, ROUTE_BLOB, "a", DIGEST },
		{ "/v2/a%2Fb/manifests/7", ROUTE_MANIFEST, "a/b", "7" },
		{ "/v2/a/referrers/" DIGEST "?artifactType=x", ROUTE_REFERRERS,
		  "a", DIGEST },
		{ "/v2/a/blobs/uploads/", ROUTE_UPLOAD, "a", "" },
		{ "/v2/a/blobs/uploads", ROUTE_UPLOAD, "a", "" },
		{ "/v2/a/blobs/uploads/1-2?state=x", ROUTE_UPLOAD, "a", "" },
		/* Names may hold the words of endpoints. */
		{ "/v2/tags/list/tags/list", ROUTE_TAGS, "tags/list", "" },
		{ "/v2/a/manifests/b/manifests/7", ROUTE_MANIFEST,
		  "a/manifests/b", "7" },
		{ "/v2/blobs/blobs/" DIGEST, ROUTE_BLOB, "blobs", DIGEST },
		{ "/v2/a/blobs/b/tags/list", ROUTE_TAGS, "a/blobs/b", "" },
		{ "/v2/docker.io/library/a/tags/list", ROUTE_TAGS,
		  "docker.io/library/a", "" },
	};
	struct route route;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		route_parse(&route, table[i].uri);
		if (route.kind != table[i].kind ||
		    strcmp(route.repository, table[i].repository) != 0 ||
		    strcmp(route.reference, table[i].reference) != 0)
			fail_msg("%s: %d '%s' '%s'", table[i].uri, route.kind,
				 route.repository, route.reference);
	}
}

static void
odd_requests_lead_nowhere(void **state)
{
	static const struct {
		const char *uri;
		enum route_kind kind;
	} table[] = {
		{ "", ROUTE_NOWHERE },
		{ "*", ROUTE_NOWHERE },
		{ "/v1/", ROUTE_NOWHERE },
		{ "/v2x", ROUTE_NOWHERE },
		{ "/v2/_catalog/", ROUTE_NOWHERE },
		{ "/v2/a", ROUTE_NOWHERE },
		{ "/v2/manifests/7", ROUTE_NOWHERE },
		{ "/v2/a/manifests", ROUTE_NOWHERE },
		{ "/v2/a/manifests/7/8", ROUTE_NOWHERE },
		{ "/v2/a/tags/list/", ROUTE_NOWHERE },
		{ "/v2/%00/manifests/7", ROUTE_NOWHERE },
		{ "/v2/a/manifests/%", ROUTE_NOWHERE },
		{ "/v2/a/manifests/%4", ROUTE_NOWHERE },
		{ "/v2/a/manifests/%zz", ROUTE_NOWHERE },
		{ "ftp://h/v2/", ROUTE_NOWHERE },
		{ "/v2//manifests/7", ROUTE_BAD_NAME },
		{ "/v2/A/manifests/7", ROUTE_BAD_NAME },
		{ "/v2/../manifests/7", ROUTE_BAD_NAME },
		{ "/v2/a/../../etc/manifests/7", ROUTE_BAD_NAME },
		{ "/v2/a%20b/tags/list", ROUTE_BAD_NAME },
		{ "/v2/" LONG_100 LONG_100 LONG_100 "/tags/list",
		  ROUTE_BAD_NAME },
		{ "/v2/a/manifests/", ROUTE_BAD_REFERENCE },
		{ "/v2/a/manifests/-x", ROUTE_BAD_REFERENCE },
		{ "/v2/a/manifests/" LONG_100 LONG_100, ROUTE_BAD_REFERENCE },
		{ "/v2/a/manifests/sha256:0", ROUTE_BAD_DIGEST },
		{ "/v2/a/manifests/sha512:" HEX HEX, ROUTE_BAD_DIGEST },
		{ "/v2/a/blobs/x", ROUTE_BAD_DIGEST },
		{ "/v2/a/blobs/", ROUTE_BAD_DIGEST },
		{ "/v2/a/blobs/" DIGEST "0", ROUTE_BAD_DIGEST },
		{ "/v2/a/referrers/7", ROUTE_BAD_DIGEST },
		{ "/v2/_catalog?n=x", ROUTE_BAD_PAGE },
		{ "/v2/_catalog?n=-1", ROUTE_BAD_PAGE },
		{ "/v2/_catalog?n=", ROUTE_BAD_PAGE },
		{ "/v2/a/tags/list?n", ROUTE_BAD_PAGE },
		{ "/v2/a/tags/list?last=%", ROUTE_BAD_PAGE },
		{ "/v2/a/tags/list?last=" LONG_100 LONG_100 LONG_100,
		  ROUTE_BAD_PAGE },
	};
	struct route route;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		route_parse(&route, table[i].uri);
		if (route.kind != table[i].kind)
			fail_msg("%s: %d", table[i].uri, route.kind);
	}
}

static void
pages_have_bounds(void **state)
{
	static const struct {
		const char *uri;
		size_t n;
		const char *last;
	} table[] = {
		{ "/v2/_catalog", ROUTE_PAGE_MAX, "" },
		{ "/v2/_catalog?n=0", 0, "" },
		{ "/v2/_catalog?n=5&last=a%2Fb", 5, "a/b" },
		{ "/v2/_catalog?x=y&last=c&", ROUTE_PAGE_MAX, "c" },
		{ "/v2/_catalog?n=18446744073709551615", ROUTE_PAGE_MAX, "" },
		{ "/v2/a/tags/list?last=v1.0&n=2", 2, "v1.0" },
	};
	struct route route;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		route_parse(&route, table[i].uri);
		assert_int_equal(route.n, table[i].n);
		assert_string_equal(route.last, table[i].last);
	}
}

static void
ranges_are_read(void **state)
{
	static const struct {
		const char *header;
		uint64_t size;
		enum range_kind kind;
		uint64_t first, length;
	} table[] = {
		{ NULL, 10, RANGE_NONE, 0, 0 },
		{ "bytes=0-", 10, RANGE_PART, 0, 10 },
		{ "bytes=0-0", 10, RANGE_PART, 0, 1 },
		{ "bytes=2-5", 10, RANGE_PART, 2, 4 },
		{ "Bytes= 2-5 ", 10, RANGE_PART, 2, 4 },
		{ "bytes=9-", 10, RANGE_PART, 9, 1 },
		{ "bytes=5-99", 10, RANGE_PART, 5, 5 },
		{ "bytes=5-99999999999999999999999", 10, RANGE_PART, 5, 5 },
		{ "bytes=-3", 10, RANGE_PART, 7, 3 },
		{ "bytes=-10", 10, RANGE_PART, 0, 10 },
		{ "bytes=-99999999999999999999999", 10, RANGE_PART, 0, 10 },
		{ "bytes=10-", 10, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=10-12", 10, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=18446744073709551616-", 10, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-0", 10, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=0-", 0, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-1", 0, RANGE_OUTSIDE, 0, 0 },
		/* Ignored: RFC 9110 14.2. */
		{ "", 10, RANGE_NONE, 0, 0 },
		{ "bytes", 10, RANGE_NONE, 0, 0 },
		{ "bytes=", 10, RANGE_NONE, 0, 0 },
		{ "bytes=-", 10, RANGE_NONE, 0, 0 },
		{ "bytes=5", 10, RANGE_NONE, 0, 0 },
		{ "bytes=5-4", 10, RANGE_NONE, 0, 0 },
		{ "bytes=a-b", 10, RANGE_NONE, 0, 0 },
		{ "bytes=0x1-5", 10, RANGE_NONE, 0, 0 },
		{ "bytes=1-2,4-5", 10, RANGE_NONE, 0, 0 },
		{ "bytes=--1", 10, RANGE_NONE, 0, 0 },
		{ "items=0-1", 10, RANGE_NONE, 0, 0 },
	};
	struct range range;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		enum range_kind kind;

		range = (struct range){ 0 };
		kind = range_parse(&range, table[i].header, table[i].size);
		if (kind != table[i].kind || range.first != table[i].first ||
		    range.length != table[i].length)
			fail_msg("%s of %d: %d %d %d", table[i].header,
				 (int)table[i].size, kind, (int)range.first,
				 (int)range.length);
	}
}

static void
entity_tags_are_compared(void **state)
{
	static const struct {
		const char *header;
		bool match, same;
	} table[] = {
		{ "\"" DIGEST "\"", true, true },
		{ DIGEST, true, false },
		{ "W/\"" DIGEST "\"", true, false },
		{ "\"x\", \"" DIGEST "\"", true, false },
		{ "\"x\" ,\t\"" DIGEST "\" , \"y\"", true, false },
		{ "*", true, false },
		{ "", false, false },
		{ "\"x\"", false, false },
		{ "\"" DIGEST, false, false },
		{ "W/", false, false },
		{ ",,,", false, false },
		{ "Tue, 24 Nov 2026 00:00:00 GMT", false, false },
	};
	const struct digest digest = { DIGEST };

	(void)state;
	assert_false(conditions_match(NULL, &digest));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *header = table[i].header;

		if (conditions_match(header, &digest) != table[i].match ||
		    conditions_same(header, &digest) != table[i].same)
			fail_msg("%s", header);
	}
}

static void
accept_is_heeded(void **state)
{
	static const struct {
		const char *header;
		bool accepted;
	} table[] = {
		{ NULL, true },
		{ "", true },
		{ " , ", true },
		{ "*/*", true },
		{ "application/*", true },
		{ "application/a+json", true },
		{ "Application/A+JSON", true },
		{ "text/html, application/a+json;q=0.5", true },
		{ "application/b+json", false },
		{ "application/a", false },
		{ "text/*", false },
		{ "*/*;q=0", false },
		{ "application/a+json;q=0, */*", false },
		{ "application/a+json; q=0.000, */*", false },
		{ "*/*;q=0, application/a+json", true },
		{ "application/a+json;q=0.001", true },
		{ "application/a+json;version=1;q=0", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (conditions_accept(table[i].header, "application/a+json") !=
		    table[i].accepted)
			fail_msg("%s", table[i].header);
}

static void
addresses_to_listen_at(void **state)
{
	static const struct {
		const char *text, *shown;
		bool local;
	} table[] = {
		{ "127.0.0.1:5000", "127.0.0.1:5000", true },
		{ "127.8.9.1:0", "127.8.9.1:0", true },
		{ "localhost:80", "127.0.0.1:80", true },
		{ "[::1]:5000", "[::1]:5000", true },
		{ ":5000", "[::]:5000", false },
		{ "0.0.0.0:65535", "0.0.0.0:65535", false },
		{ "[::]:1", "[::]:1", false },
		{ "10.0.0.5:443", "10.0.0.5:443", false },
		{ "[fe80::1]:5000", "[fe80::1]:5000", false },
	};
	static const char *const bad[] = {
		"",	     "5000",	   "127.0.0.1",	     "127.0.0.1:",
		"host:5000", "1.2.3:5000", "::1:5000",	     "[::1]",
		"[::1]5000", "[x]:5000",   "1.2.3.4:65536",  "1.2.3.4:-1",
		"[]:5000",   "[:5000",	   "[1.2.3.4]:5000", "1.2.3.4:5000 ",
	};
	struct listen_address address;
	struct ferry_error err = { 0 };
	char text[LISTEN_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (listen_parse(&address, table[i].text, &err))
			fail_msg("%s: %s", table[i].text, err.message);
		listen_text(text, (struct sockaddr *)&address.address);
		assert_string_equal(text, table[i].shown);
		assert_int_equal(listen_is_local(&address), table[i].local);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (listen_parse(&address, bad[i], &err) != FERRY_E_USAGE)
			fail_msg("%s is taken", bad[i]);
		assert_non_null(strstr(err.message, ": nowhere to listen, "));
	}
}

static void
hosts_go_into_commands(void **state)
{
	static const struct {
		const char *header;
		bool tls;
		const char *host; /* NULL: it is not taken */
	} table[] = {
		{ "10.0.0.1:5000", false, "10.0.0.1:5000" },
		{ "ferry.example", false, "ferry.example:80" },
		{ "ferry", true, "ferry:443" },
		{ "[::1]:5000", false, "[::1]:5000" },
		{ "[::1]", true, "[::1]:443" },
		{ NULL, false, NULL },
		{ "", false, NULL },
		{ ":5000", false, NULL },
		{ "a;rm -rf /", false, NULL },
		{ "a$(id):5000", false, NULL },
		{ "<b>:80", false, NULL },
		{ "a/b:80", false, NULL },
		{ "a:80:81", false, NULL },
		{ "a:99999", false, NULL },
		{ "[::1", false, NULL },
		{ "-a:80", false, NULL },
		{ LONG_100 "." LONG_100 "." LONG_100 ":5000", false, NULL },
	};
	char host[REFERENCE_HOST_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		bool taken = page_host(host, table[i].header, table[i].tls);

		if (taken != (table[i].host != NULL) ||
		    (taken && strcmp(host, table[i].host) != 0))
			fail_msg("%s: %s", table[i].header,
				 taken ? host : "refused");
	}
}

static void
text_is_escaped(void **state)
{
	AUTO_BUFFER out = BUFFER(1000);
	struct ferry_error err = { 0 };
	const char *text;

	(void)state;
	assert_int_equal(page_escape(&out, "a<b>&\"'c&amp;", &err), 0);
	assert_int_equal(buffer_text(&out, &text, &err), 0);
	assert_string_equal(text, "a&lt;b&gt;&amp;&quot;&#39;c&amp;amp;");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_lead_somewhere),
		cmocka_unit_test(odd_requests_lead_nowhere),
		cmocka_unit_test(pages_have_bounds),
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(entity_tags_are_compared),
		cmocka_unit_test(accept_is_heeded),
		cmocka_unit_test(addresses_to_listen_at),
		cmocka_unit_test(hosts_go_into_commands),
		cmocka_unit_test(text_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
