/*
 * What has changed between two releases, as `ferry diff` and `pack --since`
 * say it.
 */
#ifndef CLI_DIFF_REPORT_H
#define CLI_DIFF_REPORT_H

#include <stdio.h>

#include "base/error.h"
#include "ferry/diff.h"
#include "json/json.h"

/* Images that changed as a table, then the sums. */
int diff_report_print(const struct ferry_diff_info *info, FILE *file,
		      struct ferry_error *err) MUST_CHECK;

/* NULL when memory is short. */
json_t *diff_report_json(const struct ferry_diff_info *info);

#endif
