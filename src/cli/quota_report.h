/*
 * How often registries may still be asked, for people and in JSON.
 */
#ifndef CLI_QUOTA_REPORT_H
#define CLI_QUOTA_REPORT_H

#include <stdio.h>

#include "ferry/pack.h"
#include "json/json.h"

void quota_report_print(const struct ferry_pack_plan *plan, FILE *file);

/* An array; NULL when memory is short. */
json_t *quota_report_json(const struct ferry_pack_plan *plan);

#endif
