#include "cli/quota_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/output.h"

/* "6 h", "30 min", "45 s". */
static void
span(char *out, size_t size, uint64_t seconds)
{
	if (seconds % 3600 == 0)
		snprintf(out, size, "%" PRIu64 " h", seconds / 3600);
	else if (seconds % 60 == 0)
		snprintf(out, size, "%" PRIu64 " min", seconds / 60);
	else
		snprintf(out, size, "%" PRIu64 " s", seconds);
}

void
quota_report_print(const struct ferry_pack_plan *plan, FILE *file)
{
	for (size_t i = 0; i < plan->quota_count; i++) {
		const struct ferry_quota *quota = &plan->quotas[i];
		char window[32] = "";

		if (quota->window_seconds)
			span(window, sizeof(window), quota->window_seconds);
		output_line(file,
			    "  %-10s %s: %" PRIu64 " of %" PRIu64
			    " pulls left%s%s",
			    "quota", quota->host, quota->remaining,
			    quota->limit, *window ? " in " : "", window);
	}
}

static json_t *
quota_json(const struct ferry_quota *quota)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o}", "host", output_text(quota->host),
		"limit", output_number(quota->limit), "remaining",
		output_number(quota->remaining), "window_seconds",
		quota->window_seconds ? output_number(quota->window_seconds)
				      : json_null(),
		"source", output_text(*quota->source ? quota->source : NULL));
}

json_t *
quota_report_json(const struct ferry_pack_plan *plan)
{
	AUTO_JSON *quotas = json_array();

	for (size_t i = 0; i < plan->quota_count; i++)
		if (json_array_append_new(quotas, quota_json(&plan->quotas[i])))
			return NULL;
	return STEAL(&quotas);
}
