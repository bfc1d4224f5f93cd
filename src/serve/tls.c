#include "serve/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct tls {
	SSL_CTX *context;
};

struct tls_session {
	SSL *ssl;
};

static int
tls_error(const char *path, const char *what, struct ferry_error *err)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return error_set(err, FERRY_E_FAILED, "%s: %s%s%s", path, what,
			 reason ? ": " : "", reason ? reason : "");
}

/* A key that asks for a password is an error: nobody is there to type it. */
static int
no_password(char *out, int size, int writing, void *data)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)data;
	return 0;
}

/* HTTP/1.1 is what is spoken; clients that offer HTTP/2 are told so. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
		const unsigned char *offered, unsigned offered_length,
		void *data)
{
	static const unsigned char spoken[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)data;
	if (SSL_select_next_proto(&chosen, out_length, spoken,
				  sizeof(spoken) - 1, offered,
				  offered_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void
set_up(SSL_CTX *context)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(context, no_password);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
}

static int
load(SSL_CTX *context, const char *certificate, const char *key,
     struct ferry_error *err)
{
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return tls_error(certificate, "no certificate in PEM", err);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return tls_error(key, "no key in PEM for this certificate",
				 err);
	if (SSL_CTX_check_private_key(context) != 1)
		return tls_error(key, "not the certificate's key", err);
	return 0;
}

int
tls_new(struct tls **out, const char *certificate, const char *key,
	struct ferry_error *err)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	int rc;

	if (tls)
		tls->context = SSL_CTX_new(TLS_server_method());
	if (!tls || !tls->context) {
		tls_free(tls);
		return error_nomem(err);
	}
	set_up(tls->context);
	rc = load(tls->context, certificate, key, err);
	if (rc)
		tls_free(tls);
	else
		*out = tls;
	return rc;
}

void
tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

struct tls_session *
tls_session_new(struct tls *tls, int fd)
{
	struct tls_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->ssl = SSL_new(tls->context);
	if (!session->ssl || SSL_set_fd(session->ssl, fd) != 1) {
		tls_session_free(session);
		return NULL;
	}
	SSL_set_accept_state(session->ssl);
	return session;
}

void
tls_session_free(struct tls_session *session)
{
	if (!session)
		return;
	SSL_free(session->ssl);
	free(session);
}

static int
result_of(const struct tls_session *session, int rc)
{
	int result = TLS_FAILED;

	switch (SSL_get_error(session->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		result = TLS_WANTS_READ;
		break;
	case SSL_ERROR_WANT_WRITE:
		result = TLS_WANTS_WRITE;
		break;
	case SSL_ERROR_ZERO_RETURN:
		result = TLS_ENDED;
		break;
	default:
		break;
	}
	return result;
}

int
tls_handshake(struct tls_session *session)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(session->ssl);
	return rc == 1 ? 0 : result_of(session, rc);
}

ssize_t
tls_read(struct tls_session *session, void *data, size_t size)
{
	int rc;

	ERR_clear_error();
	rc = SSL_read(session->ssl, data, size < INT_MAX ? (int)size : INT_MAX);
	return rc > 0 ? rc : result_of(session, rc);
}

ssize_t
tls_write(struct tls_session *session, const void *data, size_t size)
{
	int rc;

	ERR_clear_error();
	rc = SSL_write(session->ssl, data,
		       size < INT_MAX ? (int)size : INT_MAX);
	return rc > 0 ? rc : result_of(session, rc);
}

void
tls_end(struct tls_session *session)
{
	ERR_clear_error();
	(void)SSL_shutdown(session->ssl);
	ERR_clear_error();
}
