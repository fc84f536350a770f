#ifndef CRED_CRED_H_
#define CRED_CRED_H_

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct params;
struct secret;

/*
 * Who we are to a service that is reached with AWS signatures.  Looked for
 * where Amazon's own tools look, in their order, so that whoever has set
 * those up has set up holdfast:
 *
 * 1. params "access_key", "secret_key" and "session_token", each a reference
 *    for secret_load();
 * 2. the profile of params "profile";
 * 3. the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 *    AWS_SESSION_TOKEN;
 * 4. the profile AWS_PROFILE, or else "default".
 *
 * A profile is read from AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials) and
 * AWS_CONFIG_FILE (~/.aws/config); for a value in both the former counts.
 * Both are configuration that holds secrets: they are read into struct
 * secret, and no value of theirs is ever part of a message.
 */
struct cred {
	char *access_key; /* The id; not a secret, but nobody's business. */
	struct secret *secret_key;
	struct secret *session_token; /* NULL for a lasting key. */
	char *region;                 /* What came along, or NULL. */
	char *from; /* For messages: "profile 'x' of '/root/.aws/...'" */
};

/**
 * cred_find(params, ret, err):
 * Find credentials.  HF_ECONFIG if there are none, or half of them, naming
 * the places that were looked at.
 */
int cred_find(const struct params *, struct cred **, struct err *);
void cred_free(struct cred *);
CLEANUP_DEFINE(cred);

#endif /* !CRED_CRED_H_ */
