/*
 * What other verbs may see of a pack.
 */
#ifndef OP_PACK_H
#define OP_PACK_H

#include "ferry/pack.h"
#include "oci/release.h"

/* What the plan would write; lives as long as `pack`. */
const struct release *pack_release(const struct ferry_pack *pack);

#endif
