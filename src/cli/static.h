/*
 * What is different in the one static file (FERRY_STATIC, docs/static.md).
 * In any other build nothing here does anything.
 */
#ifndef CLI_STATIC_H
#define CLI_STATIC_H

/* First thing in main(), before another thread or library does anything. */
void static_begin(void);

/* Where this system has its authorities, in PEM; NULL: leave it to libcurl. */
const char *static_authorities(void);

/* What is linked in, a line each, for --version; "" in any other build. */
const char *static_versions(void);

#endif
