/*
 * What went wrong, as every call of the library reports it.
 *
 * Functions return 0, or a negative enum ferry_code and the story in the
 * caller's struct ferry_error.  On success the object is left untouched.
 * docs/errors.md is the contract at length.
 */
#ifndef FERRY_ERROR_H
#define FERRY_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Codes exist where a caller acts differently; the message tells the rest. */
enum ferry_code {
	FERRY_OK = 0,
	FERRY_E_FAILED = -1, /* I/O, network, a peer that said no */
	FERRY_E_NOMEM = -2,
	FERRY_E_USAGE = -3,	  /* the caller asked for something senseless */
	FERRY_E_DAMAGED = -4,	  /* the bundle is damaged, or is none */
	FERRY_E_PLATFORM = -5,	  /* an image or this host does not fit */
	FERRY_E_PARTIAL = -6,	  /* some images are done, others are not */
	FERRY_E_INTERRUPTED = -7, /* ferry_interrupt() was called */
	FERRY_E_NOT_FOUND = -8,	  /* no such image, blob or file */
	FERRY_E_DENIED = -9,	  /* credentials missing or refused */
	FERRY_E_DIGEST = -10, /* bytes arrived that are not the ones named */
};

/* One line, no full stop, control characters escaped, always terminated. */
struct ferry_error {
	enum ferry_code code;
	char message[2048];
};

#ifdef __cplusplus
}
#endif
#endif
