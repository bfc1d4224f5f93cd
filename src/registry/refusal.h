/*
 * What a registry said, in words.
 */
#ifndef REGISTRY_REFUSAL_H
#define REGISTRY_REFUSAL_H

#include "net/http.h"

/* How we came, which decides what a refusal means. */
enum refusal_role {
	REFUSAL_AWAY,	   /* at another host, which the registry sent us to */
	REFUSAL_UPLOAD,	   /* to an upload that was open before */
	REFUSAL_TAG,	   /* to a tag for what it has by its digest */
	REFUSAL_TOKENS,	   /* at the token server: what it has is no image */
	REFUSAL_OPEN,	   /* nobody asked who we are */
	REFUSAL_STRANGER,  /* without credentials, and not to pull */
	REFUSAL_ANONYMOUS, /* asked, and we had no credentials */
	REFUSAL_KNOWN,	   /* credentials were shown */
};

/*
 * Turns an answer that is not the one hoped for into an error: FERRY_E_DENIED
 * for 401 and 403, FERRY_E_NOT_FOUND for 404, else FERRY_E_FAILED.  Quotes
 * what the registry says in errors[] (distribution-spec, "Error Codes").
 */
int refusal_error(const struct http_response *response, const char *host,
		  enum refusal_role role, struct ferry_error *err);

/* What Harbor (412), ECR (400) and others say who keep a tag as it is. */
bool refusal_is_of_tag(int status);

/* FERRY_E_FAILED for a web page where a registry should have spoken. */
int refusal_check_type(const struct http_response *response, const char *host,
		       struct ferry_error *err) MUST_CHECK;

#endif
