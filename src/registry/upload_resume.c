/*
 * What a session has, as the registry tells it and as the last run wrote it
 * down.
 */
#include <string.h>

#include "base/text.h"
#include "registry/chunks.h"

struct call
chunks_call(const struct chunks *chunks, const char *method)
{
	const struct upload *upload = chunks->upload;

	return (struct call){
		.method = method,
		.url = upload->session,
		.scope = call_scope(upload->registry, upload->repository),
	};
}

void
chunks_open_record(struct chunks *chunks)
{
	struct registry *registry = chunks->upload->registry;
	struct ferry_error why;

	if (!registry->options.state)
		return;
	upload_record_open(&chunks->record, registry->options.state,
			   &chunks->name, &why);
	if (why.code && !atomic_exchange(&registry->forgetful, true))
		context_notice(registry->context,
			       "uploads are not remembered: %s", why.message);
}

/* A record that cannot be written is not worth a failure. */
void
chunks_remember(struct chunks *chunks)
{
	struct upload_progress progress = { chunks->upload->session,
					    chunks->accepted, chunks->size };
	struct ferry_error why;

	if (upload_record_write(&chunks->record, &chunks->name, &progress,
				&why))
		upload_record_remove(&chunks->record);
}

void
chunks_forget(struct chunks *chunks)
{
	upload_cancel(chunks->upload);
	upload_record_remove(&chunks->record);
}

/*
 * What "0-N" says of a session with at least `least` bytes.  "0-0" is what
 * some say of an empty one, so that is what it means there.
 */
static bool
read_range(const struct http_response *response, uint64_t least, uint64_t *out)
{
	const char *range = http_response_header(response, "Range", 0);
	uint64_t last;

	if (range && text_starts(range, "bytes="))
		range += strlen("bytes=");
	if (!range || !text_starts(range, "0-") ||
	    !text_to_u64(range + 2, &last) || last == UINT64_MAX)
		return false;
	*out = last || least ? last + 1 : 0;
	return true;
}

int
chunks_ask(struct chunks *chunks, uint64_t least, uint64_t most, bool *found,
	   struct ferry_error *err)
{
	struct upload *upload = chunks->upload;
	AUTO_FREE char *url = NULL;
	struct call call = chunks_call(chunks, "GET");
	uint64_t has = 0;
	int rc = text_copy(&url, upload->session, err);

	*found = false;
	if (!rc)
		rc = call_run(upload->registry, upload->worker, &call,
			      &upload->response, err);
	if (rc || upload->response.status / 100 != 2 ||
	    !read_range(&upload->response, least, &has) || has < least ||
	    has > most)
		return rc;
	if (http_response_header(&upload->response, "Location", 0))
		rc = upload_take_session(upload, url, err);
	if (rc)
		return rc;
	*found = true;
	chunks->accepted = has;
	return 0;
}

int
chunks_resume(struct chunks *chunks, struct ferry_error *err)
{
	AUTO(upload_progress_release) struct upload_progress left = { 0 };
	struct upload *upload = chunks->upload;
	const struct registry *registry = upload->registry;
	uint64_t most = chunks->name.size;
	struct ferry_error why;
	bool found = false;
	char had[TEXT_SIZE_MAX];
	int rc;

	if (!upload_record_read(&chunks->record, &chunks->name, &left))
		return 0;
	if (client_ready(upload->registry, upload->worker, err))
		return err->code;
	if (left.chunk < most - left.accepted)
		most = left.accepted + left.chunk;
	rc = call_resolve(&upload->session, registry, registry->base,
			  left.session, &why);
	if (!rc)
		rc = chunks_ask(chunks, left.accepted, most, &found, &why);
	if (rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM) {
		*err = why;
		return rc;
	}
	if (rc || !found) {
		chunks_forget(chunks);
		return 0;
	}
	context_notice(registry->context,
		       "%s: going on with the upload of %s, of which %s are "
		       "there",
		       chunks->what, chunks->name.digest->text,
		       text_size(had, sizeof(had), chunks->accepted));
	return 0;
}
