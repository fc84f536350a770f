#ifndef CRYPTO_OPENSSL_ERR_H_
#define CRYPTO_OPENSSL_ERR_H_

/* Opaque types. */
struct err;

/**
 * openssl_err(err, what):
 * Record that OpenSSL failed to do ${what}, with its reason, and empty its
 * queue of errors.  HF_EIO: only a broken or restricted (FIPS) installation
 * refuses what src/crypto asks for.
 */
int openssl_err(struct err *, const char *);

#endif /* !CRYPTO_OPENSSL_ERR_H_ */
