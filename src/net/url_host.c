#include "net/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Literals, with room for a trailing dot and brackets around them. */
#define LITERAL_MAX (INET6_ADDRSTRLEN + 8)

struct net4 {
	uint32_t address;
	unsigned bits;
};

struct net6 {
	uint8_t address[2];
	uint8_t mask[2];
};

/*
 * IANA's special-purpose registry, what of it reaches machines nearby; the
 * shared space of RFC 6598 too, where a cloud keeps its metadata service.
 */
static const struct net4 private4[] = {
	{ 0x00000000, 8 },  /* unspecified, this network */
	{ 0x0a000000, 8 },  /* 10.0.0.0 */
	{ 0x64400000, 10 }, /* 100.64.0.0 */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local */
	{ 0xac100000, 12 }, /* 172.16.0.0 */
	{ 0xc0a80000, 16 }, /* 192.168.0.0 */
};

static const struct net6 private6[] = {
	{ { 0xfc, 0x00 }, { 0xfe, 0x00 } }, /* unique local */
	{ { 0xfe, 0x80 }, { 0xff, 0xc0 } }, /* link-local */
	{ { 0xfe, 0xc0 }, { 0xff, 0xc0 } }, /* site-local, RFC 3879 */
};

static bool
is_private4(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_SIZE(private4); i++)
		if ((address ^ private4[i].address) >>
			    (32 - private4[i].bits) ==
		    0)
			return true;
	return false;
}

/* The IPv4 address inside: ::a.b.c.d, ::ffff:a.b.c.d, 64:ff9b::a.b.c.d. */
static bool
embedded4(const uint8_t address[16], uint32_t *out)
{
	static const uint8_t fronts[][12] = {
		{ 0 },
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff },
		{ 0x00, 0x64, 0xff, 0x9b },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fronts); i++) {
		if (memcmp(address, fronts[i], sizeof(fronts[i])) != 0)
			continue;
		*out = (uint32_t)address[12] << 24 |
		       (uint32_t)address[13] << 16 |
		       (uint32_t)address[14] << 8 | address[15];
		return true;
	}
	return false;
}

static bool
is_private6(const uint8_t address[16])
{
	uint32_t inner;

	/* Unspecified and ::1 are among these: 0.0.0.0 and 0.0.0.1. */
	if (embedded4(address, &inner))
		return is_private4(inner);
	for (size_t i = 0; i < ARRAY_SIZE(private6); i++) {
		const struct net6 *net = &private6[i];

		if ((address[0] & net->mask[0]) == net->address[0] &&
		    (address[1] & net->mask[1]) == net->address[1])
			return true;
	}
	return false;
}

/* `host` without brackets, zone and the dot that ends an absolute name. */
static void
bare_literal(char out[LITERAL_MAX], const char *host)
{
	size_t length;

	if (*host == '[')
		host++;
	length = strcspn(host, "]%");
	if (length && host[length - 1] == '.')
		length--;
	out[0] = '\0';
	if (length < LITERAL_MAX)
		snprintf(out, LITERAL_MAX, "%.*s", (int)length, host);
}

/* The address a literal means, IPv4 as ::ffff:a.b.c.d; false for a name. */
static bool
read_literal(uint8_t out[16], const char *host)
{
	static const uint8_t front[12] = { [10] = 0xff, [11] = 0xff };
	char literal[LITERAL_MAX];
	struct in_addr address4;

	bare_literal(literal, host);
	if (inet_pton(AF_INET6, literal, out) == 1)
		return true;
	/* As resolvers read them: 127.1, 0x7f000001 and 017700000001 too. */
	if (!inet_aton(literal, &address4))
		return false;
	memcpy(out, front, sizeof(front));
	memcpy(out + sizeof(front), &address4.s_addr, sizeof(uint32_t));
	return true;
}

bool
url_host_is_private(const char *host)
{
	uint8_t address[16];

	return read_literal(address, host) && is_private6(address);
}

bool
url_host_is_link_local(const char *host)
{
	uint8_t address[16];
	uint32_t inner;

	if (!read_literal(address, host))
		return false;
	if (embedded4(address, &inner))
		return inner >> 16 == 0xa9fe;
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool
url_host_is_loopback(const char *host)
{
	char literal[LITERAL_MAX];
	struct in6_addr address6;
	struct in_addr address4;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	bare_literal(literal, host);
	/* Only as commonly written: here trust is given, there it is refused.
	 */
	if (*host && host[strlen(host) - 1] == '.')
		return false;
	if (inet_pton(AF_INET6, literal, &address6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&address6);
	return inet_pton(AF_INET, literal, &address4) == 1 &&
	       ntohl(address4.s_addr) >> 24 == 127;
}
