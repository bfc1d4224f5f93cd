/*
 * The options of every command that talks to a registry.
 */
#ifndef CLI_REGISTRY_FLAGS_H
#define CLI_REGISTRY_FLAGS_H

#include "cli/environment.h"
#include "cli/options.h"
#include "ferry/registry.h"

struct registry_values {
	const char *authfile;
	struct text_list plain_http;
	struct text_list mirrors;
	const char *ca, *cert, *key;
	unsigned retries;
	unsigned connect_timeout, stall_timeout, give_up_after;
};

/* A row of those that pull: nothing is pushed to a mirror. */
#define MIRROR_FLAG(values)                                                    \
	{                                                                      \
		.name = "mirror", .argument = "HOST=URL",                      \
		.help = "ask URL[/PREFIX] for HOST's images first, and HOST "  \
			"where that fails (may be repeated)",                  \
		.kind = FLAG_LIST,                                             \
		.offset = offsetof(values, registry.mirrors)                   \
	}

/* Rows of an option table; `values` is a struct with .jobs and .registry. */
#define REGISTRY_FLAGS(values)                                                 \
	{ .heading = "Registries and transfers",                               \
	  .name = "jobs",                                                      \
	  .argument = "N",                                                     \
	  .help = "move so many blobs at once (1 to 64, default 8)",           \
	  .kind = FLAG_NUMBER,                                                 \
	  .offset = offsetof(values, jobs),                                    \
	  .initial = FERRY_JOBS_DEFAULT,                                       \
	  .least = 1,                                                          \
	  .most = FERRY_JOBS_MAX },                                            \
		{ .name = "authfile",                                          \
		  .argument = "FILE",                                          \
		  .help = "credentials for registries, as docker login "       \
			  "or podman login write them",                        \
		  .kind = FLAG_TEXT,                                           \
		  .offset = offsetof(values, registry.authfile) },             \
		{ .name = "plain-http",                                        \
		  .argument = "HOST[:PORT]",                                   \
		  .help = "speak to this registry without TLS "                \
			  "(may be repeated)",                                 \
		  .kind = FLAG_LIST,                                           \
		  .offset = offsetof(values, registry.plain_http) },           \
		{ .name = "ca",                                                \
		  .argument = "FILE",                                          \
		  .help = "trust these authorities (PEM), not the system's",   \
		  .kind = FLAG_TEXT,                                           \
		  .offset = offsetof(values, registry.ca) },                   \
		{ .name = "cert",                                              \
		  .argument = "FILE",                                          \
		  .help = "show this client certificate (PEM)",                \
		  .kind = FLAG_TEXT,                                           \
		  .offset = offsetof(values, registry.cert) },                 \
		{ .name = "key",                                               \
		  .argument = "FILE",                                          \
		  .help = "the key of --cert (PEM)",                           \
		  .kind = FLAG_TEXT,                                           \
		  .offset = offsetof(values, registry.key) },                  \
		{ .name = "retries",                                           \
		  .argument = "N",                                             \
		  .help = "try a broken transfer again so often (0 to 100, "   \
			  "default 5)",                                        \
		  .kind = FLAG_NUMBER,                                         \
		  .offset = offsetof(values, registry.retries),                \
		  .initial = FERRY_RETRIES_DEFAULT,                            \
		  .least = 0,                                                  \
		  .most = 100 },                                               \
		{ .name = "connect-timeout",                                   \
		  .argument = "SECONDS",                                       \
		  .help = "wait no longer for a connection (1 to 3600, "       \
			  "default 15)",                                       \
		  .kind = FLAG_NUMBER,                                         \
		  .offset = offsetof(values, registry.connect_timeout),        \
		  .initial = FERRY_CONNECT_TIMEOUT_DEFAULT,                    \
		  .least = 1,                                                  \
		  .most = 3600 },                                              \
		{ .name = "stall-timeout",                                     \
		  .argument = "SECONDS",                                       \
		  .help = "give up on a transfer that moves less than 1 "      \
			  "KiB/s for so long (1 to 3600, default 60)",         \
		  .kind = FLAG_NUMBER,                                         \
		  .offset = offsetof(values, registry.stall_timeout),          \
		  .initial = FERRY_STALL_TIMEOUT_DEFAULT,                      \
		  .least = 1,                                                  \
		  .most = 3600 },                                              \
	{                                                                      \
		.name = "give-up-after", .argument = "SECONDS",                \
		.help = "end when nothing has come from a host for so long, "  \
			"whatever --retries says (default 900)",               \
		.kind = FLAG_NUMBER,                                           \
		.offset = offsetof(values, registry.give_up_after),            \
		.initial = FERRY_GIVE_UP_AFTER_DEFAULT, .least = 1,            \
		.most = 86400                                                  \
	}

/*
 * Fills *out from `values`, which it borrows from.  *found is what the
 * environment named, if the options do not; the caller releases it.  A file
 * that is named and cannot be read is FERRY_E_USAGE.
 */
int registry_flags_options(struct ferry_registry_options *out,
			   const struct registry_values *values,
			   struct environment_files *found,
			   struct ferry_error *err) MUST_CHECK;

#endif
