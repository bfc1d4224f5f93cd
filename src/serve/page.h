/*
 * The page for people: what is served, and the commands that pull it.
 *
 * Made image by image as it is sent, so that a page of any length takes the
 * same memory.  All that comes from a bundle is escaped; the host is the
 * client's own word and must have been checked.
 */
#ifndef SERVE_PAGE_H
#define SERVE_PAGE_H

#include <sys/types.h>

#include "serve/shelf.h"

struct page;

/* `host` as it stands in a reference: "10.0.0.1:5000". */
int page_new(struct page **out, const struct shelf *shelf, const char *host,
	     bool tls, struct ferry_error *err) MUST_CHECK;
void page_free(struct page *page);

/* In bytes. */
uint64_t page_length(const struct page *page);

/* Up to `size` bytes; 0: that was all.  Negative: memory is short. */
ssize_t page_read(struct page *page, void *data, size_t size);

/*
 * The host of a Host header, with the port that a reference needs; false if it
 * is none that could stand in a command.
 */
bool page_host(char out[REFERENCE_HOST_MAX], const char *header, bool tls);

/* The value of Content-Security-Policy: nothing but the page's own style. */
#define PAGE_POLICY_TEXT 256
int page_policy(char out[PAGE_POLICY_TEXT], struct ferry_error *err) MUST_CHECK;

/* Appends `text` so that HTML shows it as it is. */
int page_escape(struct buffer *out, const char *text, struct ferry_error *err)
	MUST_CHECK;

#endif
