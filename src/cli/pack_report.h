/*
 * What `ferry pack` says: the plan, the refusals, what was written.
 */
#ifndef CLI_PACK_REPORT_H
#define CLI_PACK_REPORT_H

#include <stdio.h>

#include "base/error.h"
#include "ferry/pack.h"
#include "json/json.h"

void pack_report_plan(const struct ferry_pack_plan *plan, const char *output,
		      FILE *file);

/* The images as a table on standard output; `result` is what became of them. */
int pack_report_table(const struct ferry_pack_plan *plan, const char *result,
		      struct ferry_error *err) MUST_CHECK;

/* What cannot be packed and why, a line each, to standard error. */
void pack_report_refusals(const struct ferry_pack_plan *plan);

/* NULL when memory is short. */
json_t *pack_report_json(const struct ferry_pack_plan *plan,
			 const char *output);

#endif
