/*
 * What `ferry load` says: the plan, and what is where in the end.
 */
#ifndef CLI_LOAD_REPORT_H
#define CLI_LOAD_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "ferry/load.h"
#include "json/json.h"

void load_report_plan(const struct ferry_load_plan *plan, FILE *file);

/* The images as a table on standard output, with what became of each. */
int load_report_table(const struct ferry_load_plan *plan, bool dry_run,
		      struct ferry_error *err) MUST_CHECK;

/* The line below the table. */
void load_report_totals(const struct ferry_load_plan *plan, uint64_t sent);

/*
 * Names each image that is not in place, on standard error; those that failed
 * only if that has not been said before.
 */
void load_report_missing(const struct ferry_load_plan *plan, bool failed_too);

/* Names each image that the target would refuse, on standard error. */
void load_report_refused(const struct ferry_load_plan *plan);

/* NULL when memory is short. */
json_t *load_report_json(const struct ferry_load_plan *plan, const char *bundle,
			 uint64_t sent);

#endif
