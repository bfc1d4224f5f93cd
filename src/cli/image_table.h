/*
 * The closing table of pack and load: image, platform, digest, size, result.
 */
#ifndef CLI_IMAGE_TABLE_H
#define CLI_IMAGE_TABLE_H

#include <stdint.h>

#include "cli/table.h"

void image_table_init(struct table *table);

/* `platform` and `digest` may be NULL, and `size` UINT64_MAX: not known. */
int image_table_add(struct table *table, const char *name, const char *platform,
		    const char *digest, uint64_t size, const char *result,
		    struct ferry_error *err) MUST_CHECK;

#endif
