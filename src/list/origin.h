/*
 * Where an image is: "redis:7", "docker-daemon:redis:7",
 * "oci-archive:FILE:NAME".  Transports are called as containers-transports(5)
 * calls them.
 */
#ifndef LIST_ORIGIN_H
#define LIST_ORIGIN_H

#include "oci/reference.h"

enum transport {
	TRANSPORT_REGISTRY,	  /* [docker://]REFERENCE */
	TRANSPORT_DOCKER_DAEMON,  /* docker-daemon:REFERENCE or :IMAGE-ID */
	TRANSPORT_OCI,		  /* oci:FOLDER[:NAME] */
	TRANSPORT_OCI_ARCHIVE,	  /* oci-archive:FILE[:NAME] */
	TRANSPORT_DOCKER_ARCHIVE, /* docker-archive:FILE[:NAME] */
	TRANSPORT_BUNDLE,	  /* bundle:FILE[:NAME] */
};

struct origin {
	enum transport transport;
	/* Of the folder or file; NULL where the transport has none. */
	char *path;
	/*
	 * Which image there, as it was written: a reference in full or in
	 * part, a name that is none, an image ID.  NULL: all that there are.
	 */
	char *selector;
	/* In a registry: the image; its digest, if set, is the pin. */
	struct reference reference;
	/*
	 * Of other transports the pin: the digest of the manifest or index
	 * that this must turn out to be, or not set.
	 */
	struct digest pin;
};

/*
 * FERRY_E_USAGE with the text and what is wrong with it.  A path ends at the
 * first ':', as with skopeo.
 */
int origin_parse(struct origin *out, const char *text, struct ferry_error *err)
	MUST_CHECK;
int origin_copy(struct origin *out, const struct origin *origin,
		struct ferry_error *err) MUST_CHECK;
void origin_release(struct origin *origin);

/* By what `text` begins with alone. */
enum transport origin_transport(const char *text);

/* Whether it has to be found in a file or folder that the origin names. */
bool transport_has_path(enum transport transport);

/* The digest that it must turn out to be, whatever the transport. */
const struct digest *origin_pin(const struct origin *origin);

/* FERRY_E_USAGE when it has another one. */
int origin_set_pin(struct origin *origin, const struct digest *pin,
		   struct ferry_error *err) MUST_CHECK;

/* By place and name there, whatever the pins; 0: the same image. */
int origin_compare(const struct origin *a, const struct origin *b);

/* As it would be written, pin included; for messages.  Cuts; returns `out`. */
#define ORIGIN_TEXT 1024
const char *origin_text(char out[ORIGIN_TEXT], const struct origin *origin);

/* "docker-archive"; a registry's is "docker". */
const char *transport_name(enum transport transport);

#endif
