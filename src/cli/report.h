/*
 * How the end is told: the error line, the exit status.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "ferry/error.h"

/* "platform": what scripts read in the JSON document of an error. */
const char *report_code(enum ferry_code code);

/* The error on standard error; `command`: whose help to point to, or NULL. */
void report_error(const struct ferry_error *err, const char *command);

/* Says on standard error why standard output could not be written. */
void report_output(int number);

/* The exit status: 128+N if signal N ended it. */
int report_status(enum ferry_code code);

#endif
