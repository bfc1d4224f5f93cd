#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "registry/call.h"

/* "bytes=" and 20 digits. */
#define RANGE_TEXT 40

/* A blob on its way in, over as many answers as it takes. */
struct download {
	struct sink sink;
	struct proof *proof;
	struct registry *registry;
	struct http_response response;
	bool ranged;	/* this request asked for what is missing only */
	bool begun;	/* this answer's first bytes have been seen */
	bool bad_range; /* this answer's range is not what was asked for */
	bool whole;	/* Range is not to be trusted here */
	uint64_t skip;	/* bytes of this answer that were delivered before */
};

static void
download_release(struct download *download)
{
	http_response_release(&download->response);
}

/* Digits up to `end`, and what follows it. */
static const char *
parse_number(const char *at, char end, uint64_t *out)
{
	char digits[24];
	size_t length = strspn(at, "0123456789");

	if (length >= sizeof(digits) || at[length] != end)
		return NULL;
	memcpy(digits, at, length);
	digits[length] = '\0';
	return text_to_u64(digits, out) ? at + length + (end != '\0') : NULL;
}

/* Content-Range: "bytes FIRST-LAST/TOTAL", TOTAL may be '*' (RFC 9110, 14.4).
 */
static bool
range_fits(const char *value, uint64_t first, uint64_t total)
{
	uint64_t from = 0;
	uint64_t last = 0;
	uint64_t all = total;

	if (!value || strncmp(value, "bytes ", 6))
		return false;
	value = parse_number(value + 6, '-', &from);
	if (value)
		value = parse_number(value, '/', &last);
	if (value && strcmp(value, "*"))
		value = parse_number(value, '\0', &all);
	return value && from == first && last >= first && last < total &&
	       all == total;
}

static int
begin_answer(struct download *download, struct ferry_error *err)
{
	const struct http_response *response = &download->response;
	int rc;

	download->begun = true;
	retry_host_moved(&download->registry->peer);
	if (response->status != 206) {
		rc = refusal_check_type(response, download->registry->host,
					err);
		download->skip = download->proof->seen;
		return rc;
	}
	if (download->ranged &&
	    range_fits(http_response_header(response, "Content-Range", 0),
		       download->proof->seen, download->proof->size))
		return 0;
	download->bad_range = true;
	return error_set(err, FERRY_E_FAILED,
			 "%s sent another range than was asked for",
			 download->registry->host);
}

static int
write_download(struct sink *sink, const void *data, size_t size,
	       struct ferry_error *err)
{
	struct download *download = (struct download *)sink;
	const uint8_t *bytes = data;
	size_t skip = size;
	int rc = download->begun ? 0 : begin_answer(download, err);

	if (rc)
		return rc;
	if (download->skip < skip)
		skip = (size_t)download->skip;
	download->skip -= skip;
	if (skip == size)
		return 0;
	return sink_write(&download->proof->sink, bytes + skip, size - skip,
			  err);
}

/*
 * Without a length, the end of the connection is the end of the answer, and
 * looks like a broken one.
 */
static bool
is_cut(const struct download *download)
{
	const struct http_response *response = &download->response;

	return download->proof->seen < download->proof->size &&
	       !http_response_header(response, "Content-Length", 0) &&
	       !http_response_header(response, "Transfer-Encoding", 0);
}

static int
try_download(struct download *download, unsigned worker, struct call *call,
	     struct ferry_error *err)
{
	struct proof *proof = download->proof;
	char range[RANGE_TEXT];
	int rc;

	download->begun = false;
	download->bad_range = false;
	download->skip = 0;
	download->ranged = proof->seen && !download->whole;
	snprintf(range, sizeof(range), "bytes=%" PRIu64 "-", proof->seen);
	call->range = download->ranged ? range : NULL;
	rc = call_try(download->registry, worker, call, &download->response,
		      err);
	call->range = NULL;
	if (!rc && download->response.status / 100 == 2 && is_cut(download)) {
		download->response.broken = true;
		rc = error_set(err, FERRY_E_FAILED,
			       "%s: the connection broke after %" PRIu64
			       " of %" PRIu64 " bytes",
			       download->registry->host, proof->seen,
			       proof->size);
	}
	return rc;
}

/*
 * Whether another request is due at once: the answer was about Range, or
 * held only a part of what it could.
 */
static bool
goes_on(struct download *download, int rc, uint64_t before)
{
	struct proof *proof = download->proof;
	bool refused = !rc && download->response.status == 416;

	if (download->ranged && (download->bad_range || refused)) {
		download->whole = true;
		return true;
	}
	return !rc && download->response.status == 206 &&
	       proof->seen > before && proof->seen < proof->size;
}

static bool
is_complete(const struct download *download, int rc)
{
	const struct http_response *response = &download->response;

	if (!rc)
		return response->status / 100 == 2;
	/* Broken, but behind the last byte. */
	return response->broken && download->proof->size &&
	       download->proof->seen == download->proof->size;
}

static int
run_download(struct download *download, unsigned worker, struct call *call,
	     struct ferry_error *err)
{
	struct registry *registry = download->registry;
	struct proof *proof = download->proof;
	char name[CALL_NAME];
	struct retry retry;
	bool again = true;
	int rc;

	call_begin(&retry, registry, call, name);
	do {
		uint64_t before = proof->seen;

		rc = try_download(download, worker, call, err);
		if (goes_on(download, rc, before)) {
			rc = 0;
			continue;
		}
		if (is_complete(download, rc))
			return proof_finish(proof, err);
		retry_moved(&retry, proof->seen - before, true);
		rc = retry_next(&retry, rc, &download->response, &again, err);
	} while (again && !rc);
	return rc ? rc : call_refused(registry, call, &download->response, err);
}

static int
get_blob(struct registry *registry, unsigned worker, const char *repository,
	 const struct descriptor *descriptor, struct proof *proof,
	 struct ferry_error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO(download_release)
	struct download download = { .sink = { .write = write_download },
				     .proof = proof,
				     .registry = registry };
	struct call call = { .method = "GET",
			     .scope = call_scope(registry, repository),
			     .sink = &download.sink };
	int rc = text_format(&path, err, "/v2/%s/blobs/%s", repository,
			     descriptor->digest.text);

	call.path = path;
	return rc ? rc : run_download(&download, worker, &call, err);
}

int
client_get_blob(struct registry *registry, unsigned worker,
		const char *repository, const struct descriptor *descriptor,
		struct proof *proof, struct ferry_error *err)
{
	uint64_t before = proof->seen;
	int rc = get_blob(registry, worker, repository, descriptor, proof, err);

	if (rc == FERRY_E_NOT_FOUND && proof->seen != before)
		rc = err->code = FERRY_E_FAILED;
	return rc ? error_wrap(err, "blob %s", descriptor->digest.text) : 0;
}
