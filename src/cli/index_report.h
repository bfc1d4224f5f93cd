/*
 * Indexes that are carried, for people and as JSON.
 */
#ifndef CLI_INDEX_REPORT_H
#define CLI_INDEX_REPORT_H

#include <stdio.h>

#include "ferry/index.h"
#include "json/json.h"

/* A line of a plan for each: what it is called by, and for which platforms. */
void index_report_print(const struct ferry_index *indexes, size_t count,
			FILE *file);

/* A list; NULL: no memory. */
json_t *index_report_json(const struct ferry_index *indexes, size_t count);

#endif
