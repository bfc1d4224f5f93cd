/*
 * Arguments that were taken for images of a registry, and look like a slip.
 */
#ifndef CLI_IMAGE_HINTS_H
#define CLI_IMAGE_HINTS_H

#include "cli/options.h"

/*
 * Says on standard error what those of `operands` that `told`, a message or
 * the name of a refused image, has in it may have been meant to be.
 */
void image_hints_print(const struct text_list *operands, const char *told);

#endif
