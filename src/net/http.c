#include "net/exchange.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

/* A registry, its token service and the storage it redirects to. */
#define KEPT_CONNECTIONS 8L

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global;

static void
init_libcurl(void)
{
	global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void
cleanup_http(struct http **http)
{
	http_free(*http);
}

int
http_new(struct http **out, const struct http_settings *settings,
	 struct ferry_error *err)
{
	AUTO(cleanup_http) struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return error_nomem(err);
	pthread_once(&once, init_libcurl);
	if (global != CURLE_OK)
		return error_set(err, FERRY_E_FAILED, "libcurl: %s",
				 curl_easy_strerror(global));
	http->settings = *settings;
	http->multi = curl_multi_init();
	http->easy = curl_easy_init();
	if (!http->multi || !http->easy ||
	    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
			      KEPT_CONNECTIONS))
		return error_nomem(err);
	*out = STEAL(&http);
	return 0;
}

void
http_free(struct http *http)
{
	if (!http)
		return;
	assert(!http->busy);
	curl_easy_cleanup(http->easy);
	curl_multi_cleanup(http->multi);
	free(http);
}

/* POST, PUT and PATCH say how long their body is even if there is none. */
static bool
has_body(const struct http_request *request)
{
	return request->body || strcmp(request->method, "POST") == 0 ||
	       strcmp(request->method, "PUT") == 0 ||
	       strcmp(request->method, "PATCH") == 0;
}

static int
set_body(CURL *easy, const struct http_request *request,
	 struct ferry_error *err)
{
	curl_off_t size = (curl_off_t)request->body_size;
	int failed = 0;

	if (strcmp(request->method, "HEAD") == 0) {
		failed |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (has_body(request)) {
		failed |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
		failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
					   request->body ? size : 0);
		failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
					   request->body ? request->body : "");
		failed |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
					   request->method);
	} else {
		failed |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		failed |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
					   request->method);
	}
	return failed ? error_nomem(err) : 0;
}

int
http_perform(struct http *http, const struct http_request *request,
	     struct http_response *response, struct ferry_error *err)
{
	struct exchange exchange;
	int rc = exchange_begin(&exchange, http, request, response, err);

	rc = rc ? rc : set_body(http->easy, request, err);
	rc = rc ? rc : exchange_start(&exchange, err);
	rc = rc ? rc : exchange_run(&exchange, NULL, err);
	exchange_end(&exchange);
	return rc;
}

void
http_response_release(struct http_response *response)
{
	buffer_release(&response->body);
	buffer_release(&response->headers);
}

/* The value, if `line` is the header called `name`. */
static const char *
value_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	if (strncasecmp(line, name, length) != 0)
		return NULL;
	line += length;
	/* RFC 9112 5.1 wants no space before the colon: such a line is not
	 * taken for the header it resembles. */
	if (*line != ':')
		return NULL;
	return line + 1 + strspn(line + 1, " \t");
}

const char *
http_response_header(const struct http_response *response, const char *name,
		     size_t nth)
{
	const char *at = (const char *)response->headers.data;
	const char *end = NULL;

	if (!at)
		return NULL;
	end = at + response->headers.size;
	for (; at < end; at += strlen(at) + 1) {
		const char *value = value_of(at, name);

		if (value && nth-- == 0)
			return value;
	}
	return NULL;
}

bool
http_parse_date(const char *text, int64_t *out)
{
	/* Unlike strptime(), this does not follow the program's locale. */
	time_t date = curl_getdate(text, NULL);

	if (date < 0)
		return false;
	*out = date;
	return true;
}
