#include "serve/page.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "codec/base64.h"

/* Of one image: its names are short, its platforms may be many. */
#define PIECE_MAX ((size_t)4 << 20)

static const char style[] =
	":root{color-scheme:light dark;--line:#8884;--soft:#8881;--dim:#767676}"
	"body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:2rem 1rem;"
	"max-width:60rem}"
	"h1{font-size:1.5rem;margin:0}"
	"p{margin:.25rem 0 1.5rem;color:var(--dim)}"
	"details{border-top:1px solid var(--line);padding:.5rem 0}"
	"details:last-of-type{border-bottom:1px solid var(--line)}"
	"summary{cursor:pointer;display:flex;flex-wrap:wrap;gap:0 1rem;"
	"align-items:baseline}"
	"summary b{flex:1 1 16rem;overflow-wrap:anywhere}"
	"summary span{color:var(--dim);font-size:.875rem}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;"
	"margin:.75rem 0;font-size:.875rem}"
	"dt{color:var(--dim)}"
	"dd{margin:0;overflow-wrap:anywhere}"
	"code{font:.875em ui-monospace,monospace;background:var(--soft);"
	"padding:.1em .3em;border-radius:.25em}";

struct page {
	const struct shelf *shelf;
	char host[REFERENCE_HOST_MAX];
	bool tls;
	size_t next; /* image; 0 is the head, behind the last comes the foot */
	size_t at;   /* in the piece */
	uint64_t length;
	struct buffer piece;
};

bool
page_host(char out[REFERENCE_HOST_MAX], const char *header, bool tls)
{
	char host[REFERENCE_HOST_MAX];
	const char *end = header;
	int length;

	if (!header || strlen(header) + sizeof(":443") > sizeof(host))
		return false;
	if (*header == '[')
		end = strchr(header, ']');
	length = snprintf(host, sizeof(host), "%s%s", header,
			  end && strchr(end, ':') ? ""
			  : tls			  ? ":443"
						  : ":80");
	if (length < 0 || !reference_is_host(host))
		return false;
	strcpy(out, host);
	return true;
}

int
page_escape(struct buffer *out, const char *text, struct ferry_error *err)
{
	static const struct {
		char plain;
		const char *shown;
	} specials[] = {
		{ '&', "&amp;" },  { '<', "&lt;" },   { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" },
	};
	int rc = 0;

	while (*text && !rc) {
		size_t plain = strcspn(text, "&<>\"'");

		rc = buffer_append(out, text, plain, err);
		text += plain;
		for (size_t i = 0; *text && !rc && i < ARRAY_SIZE(specials);
		     i++)
			if (*text == specials[i].plain) {
				rc = buffer_format(out, err, "%s",
						   specials[i].shown);
				text++;
				break;
			}
	}
	return rc;
}

int
page_policy(char out[PAGE_POLICY_TEXT], struct ferry_error *err)
{
	AUTO_BUFFER hash = BUFFER(128);
	struct digest digest;
	uint8_t bytes[DIGEST_HEX / 2];
	const char *text;
	int rc = digest_of(&digest, style, strlen(style), err);

	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		const char pair[3] = { digest_hex(&digest)[2 * i],
				       digest_hex(&digest)[2 * i + 1], '\0' };

		bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	rc = base64_encode(&hash, bytes, sizeof(bytes), err);
	if (!rc)
		rc = buffer_text(&hash, &text, err);
	if (!rc)
		snprintf(out, PAGE_POLICY_TEXT,
			 "default-src 'none'; style-src 'sha256-%s'; "
			 "base-uri 'none'; form-action 'none'; "
			 "frame-ancestors 'none'",
			 text);
	return rc;
}

static int
write_head(struct page *page, struct ferry_error *err)
{
	const struct shelf *shelf = page->shelf;
	struct buffer *to = &page->piece;
	int rc = buffer_format(
		to, err,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		"<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" "
		"content=\"width=device-width, initial-scale=1\">\n"
		"<title>Images at ");

	if (!rc)
		rc = page_escape(to, page->host, err);
	if (!rc)
		rc = buffer_format(to, err,
				   "</title>\n<style>%s</style>\n</head>\n"
				   "<body>\n<h1>Images at ",
				   style);
	if (!rc)
		rc = page_escape(to, page->host, err);
	if (!rc)
		rc = buffer_format(
			to, err,
			"</h1>\n<p>%zu image%s from %zu bundle%s, to be pulled "
			"only. Click one for its commands.</p>\n",
			shelf->image_count, shelf->image_count == 1 ? "" : "s",
			shelf->bundle_count,
			shelf->bundle_count == 1 ? "" : "s");
	return rc;
}

/* How each client is asked; "" over TLS, `plain` without. */
static const struct {
	const char *title;
	const char *before;
	const char *plain;
	const char *between;
	const char *after;
} commands[] = {
	{ "Docker", "docker pull ", "", "", "" },
	{ "Podman", "podman pull ", "--tls-verify=false ", "", "" },
	{ "containerd", "ctr images pull ", "--plain-http ", "", "" },
	{ "skopeo", "skopeo copy ", "--src-tls-verify=false ", "docker://",
	  " oci:image" },
};

static int
write_field(struct buffer *to, const char *title, const char *text,
	    struct ferry_error *err)
{
	int rc = buffer_format(to, err, "<dt>%s</dt><dd>", title);

	if (!rc)
		rc = page_escape(to, text, err);
	return rc ? rc : buffer_format(to, err, "</dd>\n");
}

static int
write_command(struct page *page, size_t which, const char *reference,
	      struct ferry_error *err)
{
	struct buffer *to = &page->piece;
	int rc = buffer_format(to, err, "<dt>%s</dt><dd><code>%s%s%s",
			       commands[which].title, commands[which].before,
			       page->tls ? "" : commands[which].plain,
			       commands[which].between);

	if (!rc)
		rc = page_escape(to, reference, err);
	return rc ? rc
		  : buffer_format(to, err, "%s</code></dd>\n",
				  commands[which].after);
}

static int
write_image(struct page *page, const struct shown_image *image,
	    struct ferry_error *err)
{
	struct buffer *to = &page->piece;
	const char *digest = image->document.descriptor.digest.text;
	char name[REFERENCE_HOST_MAX + REFERENCE_TEXT];
	char size[TEXT_SIZE_MAX];
	size_t host;
	int rc;

	snprintf(name, sizeof(name), "%s/%s%s%s", page->host, image->repository,
		 image->tag[0] ? ":" : "@",
		 image->tag[0] ? image->tag : digest);
	host = strlen(page->host) + 1;
	text_size(size, sizeof(size), image->size);
	rc = buffer_format(to, err, "<details>\n<summary><b>");
	if (!rc)
		rc = page_escape(to, name + host, err);
	if (!rc)
		rc = buffer_format(to, err, "</b><span>");
	if (!rc)
		rc = page_escape(to, image->platforms, err);
	if (!rc)
		rc = buffer_format(to, err,
				   "</span><span>%s</span></summary>\n<dl>\n",
				   size);
	for (size_t i = 0; i < ARRAY_SIZE(commands) && !rc; i++)
		rc = write_command(page, i, name, err);
	if (!rc)
		rc = write_field(to, "Digest", digest, err);
	if (!rc)
		rc = write_field(to, "Source", image->reference, err);
	return rc ? rc : buffer_format(to, err, "</dl>\n</details>\n");
}

/* The next piece; an empty one ends the page. */
static int
make_piece(struct page *page, struct ferry_error *err)
{
	const struct shelf *shelf = page->shelf;
	size_t next = page->next++;

	page->piece.size = 0;
	page->at = 0;
	if (next == 0)
		return write_head(page, err);
	if (next <= shelf->image_count)
		return write_image(page, &shelf->images[next - 1], err);
	if (next == shelf->image_count + 1)
		return buffer_format(&page->piece, err, "</body>\n</html>\n");
	return 0;
}

/* Whether there is something in the piece, now or by making the next one. */
static int
have_piece(struct page *page, struct ferry_error *err)
{
	return page->at == page->piece.size ? make_piece(page, err) : 0;
}

ssize_t
page_read(struct page *page, void *data, size_t size)
{
	struct ferry_error ignored;
	size_t done = 0;

	while (done < size) {
		size_t part;

		if (have_piece(page, &ignored))
			return -1;
		part = page->piece.size - page->at;
		if (!part)
			break;
		if (part > size - done)
			part = size - done;
		memcpy((char *)data + done, page->piece.data + page->at, part);
		page->at += part;
		done += part;
	}
	return (ssize_t)done;
}

/* Made once for its length alone: libmicrohttpd 0.9.75 ends HEAD in a chunk. */
static int
measure(struct page *page, struct ferry_error *err)
{
	int rc;

	do {
		rc = make_piece(page, err);
		page->length += page->piece.size;
	} while (!rc && page->piece.size);
	page->next = 0;
	return rc;
}

int
page_new(struct page **out, const struct shelf *shelf, const char *host,
	 bool tls, struct ferry_error *err)
{
	struct page *page = calloc(1, sizeof(*page));
	int rc;

	if (!page)
		return error_nomem(err);
	page->shelf = shelf;
	page->tls = tls;
	page->piece.limit = PIECE_MAX;
	snprintf(page->host, sizeof(page->host), "%s", host);
	rc = measure(page, err);
	if (rc)
		page_free(page);
	else
		*out = page;
	return rc;
}

void
page_free(struct page *page)
{
	if (!page)
		return;
	buffer_release(&page->piece);
	free(page);
}

uint64_t
page_length(const struct page *page)
{
	return page->length;
}
