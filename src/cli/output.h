/*
 * What goes out: lines that are safe to print, and the document of --json.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "json/json.h"

/* Prints one line, escaping what a terminal would act on. */
void output_line(FILE *file, const char *format, ...) PRINTF_LIKE(2, 3);

/* A line of a plan: "  to send     125 MiB at most". */
void output_size(FILE *file, const char *label, uint64_t bytes,
		 const char *more);

/* What a plan has to say besides. */
void output_warnings(FILE *file, const char *const *warnings, size_t count);

/* To the byte; output_close() tells whether they got out. */
void output_bytes(const void *data, size_t size);

/* Sees to it that all of standard output is out; returns 0 or errno. */
int output_close(void) MUST_CHECK;

/* "1 image", "13 images"; returns `out`. */
char *output_count(char *out, size_t size, uint64_t count, const char *noun);
#define OUTPUT_COUNT_MAX 48

/* "13 images, 41 blobs, 112 MiB"; returns `out`. */
char *output_totals(char *out, size_t size, uint64_t images, uint64_t blobs,
		    uint64_t bytes);
#define OUTPUT_TOTALS_MAX 128

/* A digest as the tables show it: short where a person looks. */
char *output_digest(char *out, size_t size, const char *digest);
#define OUTPUT_DIGEST_MAX 160

/*
 * Text from anywhere as a JSON string; NULL becomes null.  As with jansson's
 * own, the result is NULL when memory is short.
 */
json_t *output_text(const char *text);
json_t *output_texts(const char *const *texts, size_t count);
/* UINT64_MAX, which stands for "not known", becomes null. */
json_t *output_number(uint64_t number);

/* Prints JSON text and a newline, control characters written as \u00NN. */
void output_json(const char *text);

/* Replaces `*document` by `take_value`, or fails if that is NULL. */
int output_document(json_t **document, json_t *take_value,
		    struct ferry_error *err) MUST_CHECK;

/* Prints *document with what `failure` tells, if it does, as "error". */
int output_finish(json_t **document, const struct ferry_error *failure,
		  struct ferry_error *err) MUST_CHECK;

#endif
