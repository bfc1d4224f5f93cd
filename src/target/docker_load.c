#include "target/docker_load.h"

#include "base/text.h"
#include "target/docker_stream.h"

/*
 * Docker unpacks after the last byte, and tells little while it does so on a
 * slow disk.  Should it die, the socket closes: nobody waits so long then.
 */
#define STALL_SECONDS 1800

static void
upload_release(struct http_upload **upload)
{
	if (*upload)
		http_upload_free(*upload);
}

static int
begin(struct engine *engine, const struct archive_stream *archive,
      struct docker_stream *stream, struct http_upload **out,
      struct ferry_error *err)
{
	static const char *const headers[] = {
		"Content-Type: application/x-tar"
	};
	AUTO_FREE char *url = NULL;
	struct http_request request = {
		.method = "POST",
		.headers = headers,
		.header_count = ARRAY_SIZE(headers),
		.sink = &stream->sink,
		.stall_seconds = STALL_SECONDS,
	};

	if (text_format(&url, err, "%s/images/load?quiet=0",
			engine->endpoint->url))
		return err->code;
	request.url = url;
	return http_upload_begin(engine->http, &request,
				 archive_stream_size(archive), out, err);
}

/* The answer, and what it says: 200 does not mean that it worked. */
static int
read_answer(struct http_upload *upload, struct docker_stream *stream,
	    struct ferry_error *err)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	int rc = http_upload_finish(upload, &response, err);

	if (rc) {
		docker_stream_tell(stream, err);
		return error_wrap(err, "Docker broke off while it loaded");
	}
	if (response.status / 100 != 2)
		return engine_refused(&response, err);
	return docker_stream_finish(stream, err);
}

void
docker_answer_release(struct docker_answer *answer)
{
	json_decref(answer->broken);
	json_decref(answer->names);
	*answer = (struct docker_answer){ 0 };
}

int
docker_load(struct engine *engine, const struct archive_stream *archive,
	    struct source *source, struct docker_answer *out,
	    struct ferry_error *err)
{
	AUTO(docker_stream_release) struct docker_stream stream = { 0 };
	AUTO(upload_release) struct http_upload *upload = NULL;
	struct ferry_error cut;
	int stopped;
	int rc;

	*out = (struct docker_answer){ 0 };
	docker_stream_init(&stream, engine->context);
	rc = begin(engine, archive, &stream, &upload, err);
	if (rc)
		return rc;
	stopped = archive_stream_write(archive, source,
				       http_upload_sink(upload), &cut);
	out->reached = !stopped || http_upload_answered(upload);
	if (!stopped)
		context_notice(engine->context,
			       "Docker has all of it and unpacks the layers");
	if (out->reached)
		rc = read_answer(upload, &stream, err);
	out->broken = STEAL(&stream.broken);
	out->names = STEAL(&stream.names);
	if (rc || !stopped)
		return rc;
	*err = cut;
	return stopped;
}
