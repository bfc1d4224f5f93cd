#include "serve/listen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define WAITING 512 /* connections that nobody has accepted yet */

static int
refuse(const char *text, struct ferry_error *err)
{
	return error_set(err, FERRY_E_USAGE,
			 "%s: nowhere to listen, which is ADDRESS:PORT, "
			 "[ADDRESS]:PORT or :PORT",
			 text);
}

static void
set_v4(struct listen_address *out, struct in_addr address, uint16_t port)
{
	struct sockaddr_in *to = (struct sockaddr_in *)&out->address;

	*to = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr = address };
	out->length = sizeof(*to);
}

static void
set_v6(struct listen_address *out, struct in6_addr address, uint16_t port)
{
	struct sockaddr_in6 *to = (struct sockaddr_in6 *)&out->address;

	*to = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				     .sin6_port = htons(port),
				     .sin6_addr = address };
	out->length = sizeof(*to);
}

static bool
set_address(struct listen_address *out, const char *host, uint16_t port)
{
	size_t length = strlen(host);
	char inside[INET6_ADDRSTRLEN];
	struct in_addr v4 = { .s_addr = htonl(INADDR_LOOPBACK) };
	struct in6_addr v6 = in6addr_any;

	if (!length) {
		set_v6(out, v6, port);
		return true;
	}
	if (strcmp(host, "localhost") == 0 ||
	    inet_pton(AF_INET, host, &v4) == 1) {
		set_v4(out, v4, port);
		return true;
	}
	if (*host != '[' || host[length - 1] != ']' ||
	    length - 2 >= sizeof(inside))
		return false;
	memcpy(inside, host + 1, length - 2);
	inside[length - 2] = '\0';
	if (inet_pton(AF_INET6, inside, &v6) != 1)
		return false;
	set_v6(out, v6, port);
	return true;
}

int
listen_parse(struct listen_address *out, const char *text,
	     struct ferry_error *err)
{
	const char *colon = strrchr(text, ':');
	struct listen_address found = { 0 };
	char host[INET6_ADDRSTRLEN + 2];
	size_t length = colon ? (size_t)(colon - text) : 0;
	uint64_t port;

	if (!colon || length >= sizeof(host) ||
	    !text_to_u64(colon + 1, &port) || port > UINT16_MAX)
		return refuse(text, err);
	memcpy(host, text, length);
	host[length] = '\0';
	if (!set_address(&found, host, (uint16_t)port))
		return refuse(text, err);
	*out = found;
	return 0;
}

bool
listen_is_local(const struct listen_address *address)
{
	const struct sockaddr_in *v4 =
		(const struct sockaddr_in *)&address->address;
	const struct sockaddr_in6 *v6 =
		(const struct sockaddr_in6 *)&address->address;

	if (address->address.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

const char *
listen_text(char out[LISTEN_TEXT], const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	char text[INET6_ADDRSTRLEN] = "?";

	if (address->sa_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
		snprintf(out, LISTEN_TEXT, "%s:%u", text, ntohs(v4->sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text,
			  sizeof(text));
		snprintf(out, LISTEN_TEXT, "%s:%u", text, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
		snprintf(out, LISTEN_TEXT, "[%s]:%u", text,
			 ntohs(v6->sin6_port));
	}
	return out;
}

/* A machine without IPv6 has all its addresses in IPv4. */
static int
open_socket(struct listen_address *address, struct ferry_error *err)
{
	const struct sockaddr_in6 *v6 =
		(const struct sockaddr_in6 *)&address->address;
	const struct in_addr any = { .s_addr = htonl(INADDR_ANY) };
	int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(address->address.ss_family, kind, 0);

	if (fd < 0 && address->address.ss_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
		set_v4(address, any, ntohs(v6->sin6_port));
		fd = socket(AF_INET, kind, 0);
	}
	return fd < 0 ? error_errno(err, "socket") : fd;
}

int
listen_open(int *out, struct listen_address *address, struct ferry_error *err)
{
	struct sockaddr *bound = (struct sockaddr *)&address->address;
	AUTO_CLOSE int fd = open_socket(address, err);
	char text[LISTEN_TEXT];
	const int on = 1;
	const int off = 0;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, bound, address->length) || listen(fd, WAITING) ||
	    getsockname(fd, bound, &address->length)) {
		return error_errno(err, "cannot listen at %s",
				   listen_text(text, bound));
	}
	*out = fd;
	fd = -1;
	return 0;
}
