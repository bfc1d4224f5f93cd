#include "registry/retry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"
#include "ferry/registry.h"

/* How often somebody who waits for a host looks whether it is back. */
#define RETRY_LOOK 100
/* Before that: a host that answers others all the time may refuse us. */
#define RETRY_REST 1000

bool
retry_status(int status)
{
	static const int statuses[] = { 408, 425, 429, 500, 502, 503, 504 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i] == status)
			return true;
	return false;
}

bool
retry_after(const char *value, time_t now, uint64_t *out)
{
	const uint64_t most = RETRY_AFTER_MAX / 1000;
	uint64_t seconds = 0;
	int64_t date;

	if (!text_to_u64(value, &seconds)) {
		/* Digits that overflow are "very long", a sign is not legal. */
		if (*value && strspn(value, "0123456789") == strlen(value))
			seconds = most;
		else if (!http_parse_date(value, &date))
			return false;
		else if (date > now)
			seconds = (uint64_t)(date - now);
	}
	*out = (seconds < most ? seconds : most) * 1000;
	return true;
}

uint64_t
retry_backoff(unsigned nth, uint32_t random)
{
	uint64_t wait = RETRY_FIRST;

	while (nth-- && wait < RETRY_LONGEST)
		wait *= 2;
	if (wait > RETRY_LONGEST)
		wait = RETRY_LONGEST;
	return wait / 2 + (wait / 2 * random) / UINT32_MAX;
}

void
retry_host_init(struct retry_host *host, unsigned give_up_seconds)
{
	unsigned seconds =
		give_up_seconds ? give_up_seconds : FERRY_GIVE_UP_AFTER_DEFAULT;

	*host = (struct retry_host){ .patience = seconds * UINT64_C(1000) };
}

void
retry_host_moved(struct retry_host *host)
{
	atomic_fetch_add(&host->answers, 1);
	atomic_store(&host->moved_at, clock_milliseconds());
}

void
retry_moved(struct retry *retry, uint64_t bytes, bool lasts)
{
	if (lasts && bytes >= RETRY_PROGRESS)
		atomic_store(&retry->host->moved_at, clock_milliseconds());
	if (lasts && bytes >= RETRY_PROGRESS)
		retry->done = 0;
	retry->at_once = bytes >= RETRY_AT_ONCE;
}

/* Jitter keeps workers apart; nothing secret hangs on it. */
static uint32_t
any_number(void)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = (uint32_t)clock_milliseconds() * 2654435761U;
	return number;
}

static uint64_t
next_wait(const struct retry *retry, int rc,
	  const struct http_response *response)
{
	uint64_t wait = retry_backoff(retry->done, any_number());
	const char *value = http_response_header(response, "Retry-After", 0);
	uint64_t asked;

	if (rc)
		return retry->at_once ? 0 : wait;
	if (value && retry_after(value, time(NULL), &asked) && asked > wait)
		wait = asked;
	return wait;
}

static bool
is_worth_it(const struct retry *retry, int rc,
	    const struct http_response *response)
{
	if (!rc)
		return retry_status(response->status);
	if (rc == FERRY_E_INTERRUPTED)
		return false;
	/* A host that never answered is a wrong name, or off. */
	if (response->unreachable)
		return atomic_load(&retry->host->answers) > 0;
	return response->broken;
}

static void
tell(const struct retry *retry, const char *why, uint64_t wait)
{
	char when[32] = "at once";

	if (wait)
		snprintf(when, sizeof(when), "in %" PRIu64 ".%" PRIu64 " s",
			 wait / 1000, wait % 1000 / 100);
	context_notice(retry->context, "%s: %s; trying again %s (%u of %u)",
		       retry->what, why, when, retry->done, retry->limit);
}

/* Who is back for one is back for all that wait. */
static int
wait_for_host(const struct retry *retry, uint64_t wait, struct ferry_error *err)
{
	unsigned before = atomic_load(&retry->host->answers);
	uint64_t until = clock_milliseconds() + wait;
	uint64_t rest = wait < RETRY_REST ? wait : RETRY_REST;
	int rc = context_sleep(retry->context, rest, err);

	while (!rc && clock_milliseconds() < until &&
	       atomic_load(&retry->host->answers) == before)
		rc = context_sleep(retry->context, RETRY_LOOK, err);
	return rc;
}

/* Whether waiting for so long would be too long without anything. */
static bool
is_too_long(const struct retry *retry, uint64_t wait)
{
	uint64_t since = atomic_load(&retry->host->moved_at);

	if (since < retry->began)
		since = retry->began;
	return retry->host->patience &&
	       clock_milliseconds() + wait > since + retry->host->patience;
}

static int
give_up(const struct retry *retry, int rc, const struct http_response *response,
	struct ferry_error *err)
{
	unsigned long long seconds = retry->host->patience / 1000;

	if (!rc)
		return error_set(err, FERRY_E_FAILED,
				 "%s: answered %d, and nothing has come of it "
				 "for %llu s (--give-up-after)",
				 retry->what, response->status, seconds);
	return error_add(err,
			 "; nothing has come of it for %llu s "
			 "(--give-up-after)",
			 seconds);
}

/* The host is there, and if it does not only put us off, it does its work. */
static void
note_answer(const struct retry *retry, int rc,
	    const struct http_response *response)
{
	if (!rc || response->broken)
		atomic_fetch_add(&retry->host->answers, 1);
	if (!rc && !retry_status(response->status))
		atomic_store(&retry->host->moved_at, clock_milliseconds());
}

int
retry_next(struct retry *retry, int rc, const struct http_response *response,
	   bool *again, struct ferry_error *err)
{
	char status[32];
	uint64_t wait;

	note_answer(retry, rc, response);
	*again = is_worth_it(retry, rc, response) && retry->done < retry->limit;
	if (!*again)
		return rc;
	wait = next_wait(retry, rc, response);
	if (is_too_long(retry, wait)) {
		*again = false;
		return give_up(retry, rc, response, err);
	}
	snprintf(status, sizeof(status), "answered %d", response->status);
	retry->done++;
	tell(retry, rc ? err->message : status, wait);
	return rc && response->unreachable
		       ? wait_for_host(retry, wait, err)
		       : context_sleep(retry->context, wait, err);
}
