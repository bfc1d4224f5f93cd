#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/table.h"

#define BUNDLES_MAX 1000
#define JSON_TEXT ((size_t)256 << 20)

struct values {
	const char *listen;
	const char *certificate;
	const char *key;
	unsigned timeout;
	unsigned connections;
};

static const struct flag flags[] = {
	{ .name = "listen",
	  .argument = "ADDRESS:PORT",
	  .help = "where to listen (default " FERRY_SERVE_LISTEN
		  "); :PORT is all addresses, port 0 any port",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, listen) },
	{ .name = "cert",
	  .argument = "FILE",
	  .help = "serve over TLS with this certificate and its chain (PEM)",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, certificate) },
	{ .name = "key",
	  .argument = "FILE",
	  .help = "the certificate's key (PEM, without a password)",
	  .kind = FLAG_TEXT,
	  .offset = offsetof(struct values, key) },
	{ .name = "timeout",
	  .argument = "SECONDS",
	  .help = "end a connection on which nothing moves for so long "
		  "(default 120)",
	  .kind = FLAG_NUMBER,
	  .offset = offsetof(struct values, timeout),
	  .initial = FERRY_SERVE_TIMEOUT,
	  .least = 1,
	  .most = 86400 },
	{ .name = "connections",
	  .argument = "N",
	  .help = "answer so many connections at once (default 512)",
	  .kind = FLAG_NUMBER,
	  .offset = offsetof(struct values, connections),
	  .initial = FERRY_SERVE_CONNECTIONS,
	  .least = 1,
	  .most = 16384 },
};

static void
free_serve(struct ferry_serve **serve)
{
	ferry_serve_free(*serve);
}

/* Over TLS a connection takes three files, and each bundle one. */
static void
allow_files(unsigned connections, size_t bundles)
{
	struct rlimit limit;
	rlim_t wanted = 3 * (rlim_t)connections + bundles + 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int
print_table(const struct ferry_serve_info *info, struct ferry_error *err)
{
	static const struct column columns[] = {
		{ "IMAGE", false },
		{ "PLATFORM", false },
		{ "DIGEST", false },
		{ "SIZE", true },
	};
	AUTO(table_release)
	struct table table = { columns, ARRAY_SIZE(columns), NULL, 0 };

	for (size_t i = 0; i < info->image_count; i++) {
		const struct ferry_serve_image *image = &info->images[i];
		char digest[OUTPUT_DIGEST_MAX];
		char size[TEXT_SIZE_MAX];
		const char *cells[] = { image->name, image->platforms, digest,
					size };

		output_digest(digest, sizeof(digest), image->digest);
		text_size(size, sizeof(size), image->size);
		if (table_add(&table, cells, err))
			return err->code;
	}
	table_print(&table, stdout);
	return 0;
}

static json_t *
image_json(const struct ferry_serve_image *image)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
			 output_text(image->name), "reference",
			 output_text(image->reference), "platforms",
			 output_text(image->platforms), "media_type",
			 output_text(image->media_type), "digest",
			 output_text(image->digest), "bundle",
			 output_text(image->bundle), "size",
			 output_number(image->size));
}

static json_t *
images_json(const struct ferry_serve_info *info)
{
	AUTO_JSON *images = json_array();

	for (size_t i = 0; i < info->image_count; i++)
		if (json_array_append_new(images, image_json(&info->images[i])))
			return NULL;
	return STEAL(&images);
}

/* At once, and not at the end: who reads it waits for the address. */
static int
print_json(struct session *session, const struct ferry_serve_info *info,
	   struct ferry_error *err)
{
	AUTO_JSON *document =
		json_pack("{s:o, s:b, s:o}", "url", output_text(info->url),
			  "tls", info->tls, "images", images_json(info));
	AUTO_BUFFER buffer = BUFFER(JSON_TEXT);
	const char *text;

	if (!document)
		return error_nomem(err);
	if (json_write(document, &buffer, err) ||
	    buffer_text(&buffer, &text, err))
		return err->code;
	output_json(text);
	session->printed = true;
	return 0;
}

static int
print_start(struct session *session, const struct ferry_serve_info *info,
	    struct ferry_error *err)
{
	char count[OUTPUT_COUNT_MAX];
	int reason;

	if (session->common.json) {
		if (print_json(session, info, err))
			return err->code;
	} else {
		if (!session->common.quiet && print_table(info, err))
			return err->code;
		output_line(stdout, "serving %s at %s",
			    output_count(count, sizeof(count),
					 info->image_count, "image"),
			    info->url);
	}
	if (!info->local && !info->tls)
		output_line(stderr,
			    "warning: without --cert and --key whoever is "
			    "between %s and a client can read and change what "
			    "is pulled",
			    info->url);
	reason = output_close();
	return reason ? error_set(err, FERRY_E_FAILED, "standard output: %s",
				  strerror(reason))
		      : 0;
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	const struct values *values = data;
	struct ferry_serve_options options = {
		.bundles = session->operands.items,
		.bundle_count = session->operands.count,
		.listen = values->listen,
		.certificate = values->certificate,
		.key = values->key,
		.timeout = values->timeout,
		.connections = values->connections,
	};
	AUTO(free_serve) struct ferry_serve *serve = NULL;

	allow_files(values->connections, session->operands.count);
	if (ferry_serve_open(session->context, &options, &serve, err))
		return err->code;
	progress_clear(&session->progress);
	if (print_start(session, ferry_serve_get_info(serve), err))
		return err->code;
	return ferry_serve_run(serve, err);
}

const struct command command_serve = {
	.name = "serve",
	.summary = "serve bundles as a registry to pull from",
	.synopsis = "BUNDLE... [OPTION...]",
	.about = "Answer docker, podman, ctr, skopeo and whoever else pulls "
		 "from a registry, straight out of the file.  Each blob is "
		 "proved before its last byte leaves.  Runs until it is "
		 "interrupted.  A page at / lists the images.",
	.flags = flags,
	.flag_count = ARRAY_SIZE(flags),
	.values_size = sizeof(struct values),
	.operand = "BUNDLE",
	.operands_least = 1,
	.operands_most = BUNDLES_MAX,
	.run = run,
};
