#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cred/cred.h"
#include "crypto/secret.h"
#include "net/redact.h"
#include "store/s3/store_s3_call.h"

/* What the operator is told to do about a class of failures. */
enum remedy {
	NOTHING,
	RIGHTS,      /* Grant the action. */
	CREDENTIALS, /* They are wrong. */
	BUCKET,      /* It is named wrongly, or missing. */
	REGION,
	CLOCK,
	KMS,
	SPACE,
};

/*
 * S3's codes, and what each means to our caller; from
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 * A code that ends with '*' stands for all that begin so.
 */
static const struct meaning {
	const char *code;
	enum hf_code hf;
	bool retry;
	enum remedy remedy;
} meanings[] = {
	{ "AccessDenied", HF_EDENIED, false, RIGHTS },
	{ "AccountProblem", HF_EDENIED, false, RIGHTS },
	{ "AllAccessDisabled", HF_EDENIED, false, RIGHTS },
	{ "AuthorizationHeaderMalformed", HF_ECONFIG, false, REGION },
	{ "BadDigest", HF_EUNAVAIL, false, NOTHING },
	{ "BucketRegionError", HF_ECONFIG, false, REGION },
	{ "ConditionalRequestConflict", HF_EUNAVAIL, true, NOTHING },
	{ "EntityTooLarge", HF_ENOSPC, false, NOTHING },
	{ "ExpiredToken", HF_EDENIED, false, CREDENTIALS },
	{ "IllegalLocationConstraintException", HF_ECONFIG, false, REGION },
	{ "IncompleteBody", HF_EUNAVAIL, true, NOTHING },
	{ "InsufficientStorage", HF_ENOSPC, false, SPACE },
	{ "InternalError", HF_EUNAVAIL, true, NOTHING },
	{ "InvalidAccessKeyId", HF_EDENIED, false, CREDENTIALS },
	{ "InvalidBucketName", HF_ECONFIG, false, BUCKET },
	{ "InvalidToken", HF_EDENIED, false, CREDENTIALS },
	{ "KMS*", HF_EDENIED, false, KMS },
	{ "NoSuchBucket", HF_ENOTFOUND, false, BUCKET },
	{ "NoSuchKey", HF_ENOTFOUND, false, NOTHING },
	{ "OperationAborted", HF_EUNAVAIL, true, NOTHING },
	{ "PermanentRedirect", HF_ECONFIG, false, REGION },
	{ "PreconditionFailed", HF_EEXISTS, false, NOTHING },
	{ "QuotaExceeded", HF_ENOSPC, false, SPACE },
	{ "RequestLimitExceeded", HF_EUNAVAIL, true, NOTHING },
	{ "RequestTimeTooSkewed", HF_ECLOCK, false, CLOCK },
	{ "RequestTimeout", HF_EUNAVAIL, true, NOTHING },
	{ "ServiceUnavailable", HF_EUNAVAIL, true, NOTHING },
	{ "SignatureDoesNotMatch", HF_EDENIED, false, CREDENTIALS },
	{ "SlowDown*", HF_EUNAVAIL, true, NOTHING },
	{ "TemporaryRedirect", HF_EUNAVAIL, true, NOTHING },
	{ "Throttl*", HF_EUNAVAIL, true, NOTHING },
	{ "TooManyRequests", HF_EUNAVAIL, true, NOTHING },
	{ "XAmzContentSHA256Mismatch", HF_EUNAVAIL, true, NOTHING },
	{ "XMinioStorageFull", HF_ENOSPC, false, SPACE },
};

/* Without a code that we know, the status must do. */
static struct meaning
by_status(int status)
{
	static const struct meaning unknown = { "", HF_EUNAVAIL, false,
		NOTHING };
	static const struct meaning statuses[] = {
		{ "301", HF_ECONFIG, false, REGION },
		{ "401", HF_EDENIED, false, CREDENTIALS },
		{ "403", HF_EDENIED, false, RIGHTS },
		{ "404", HF_ENOTFOUND, false, NOTHING },
		{ "408", HF_EUNAVAIL, true, NOTHING },
		{ "409", HF_EEXISTS, false, NOTHING },
		{ "412", HF_EEXISTS, false, NOTHING },
		{ "416", HF_ECORRUPT, false, NOTHING },
		{ "429", HF_EUNAVAIL, true, NOTHING },
		{ "500", HF_EUNAVAIL, true, NOTHING },
		{ "502", HF_EUNAVAIL, true, NOTHING },
		{ "503", HF_EUNAVAIL, true, NOTHING },
		{ "504", HF_EUNAVAIL, true, NOTHING },
		{ "507", HF_ENOSPC, false, SPACE },
	};
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (strtol(statuses[i].code, NULL, 10) == status)
			return statuses[i];
	return unknown;
}

static bool
code_is(const char *code, const char *pattern)
{
	size_t n = strcspn(pattern, "*");

	return strncmp(code, pattern, n) == 0 &&
	       (pattern[n] == '*' || code[n] == '\0');
}

static struct meaning
meaning_of(const struct s3_call *c)
{
	struct meaning m = by_status(c->res.status);
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (code_is(c->error.code, meanings[i].code))
			return meanings[i];
	/* An <Error> in a 200: the work was not done; it may be next time. */
	if (c->res.status / 100 == 2)
		m.retry = true;
	return m;
}

static void
add_hint(
    struct s3 *s, const struct s3_call *c, enum remedy remedy, struct err *err)
{
	char region[64];

	switch (remedy) {
	case NOTHING:
		break;
	case RIGHTS:
		(void)err_hint(err,
		    "the keys come from %s; are they right, and is their "
		    "owner allowed %s on bucket '%s'?",
		    s->cred->from, c->action, s->place.bucket);
		break;
	case CREDENTIALS:
		(void)err_hint(err,
		    "the keys come from %s: correct or renew them",
		    s->cred->from);
		break;
	case BUCKET:
		(void)err_hint(
		    err, "make the bucket, or correct its name in the place");
		break;
	case REGION:
		(void)err_hint(err,
		    "we asked in region '%s': correct the option 'region' or "
		    "'endpoint'",
		    s3_region(s, region));
		break;
	case CLOCK:
		(void)err_hint(
		    err, "set this host's clock, by NTP for instance");
		break;
	case KMS:
		(void)err_hint(err,
		    "the bucket's key needs kms:GenerateDataKey to write and "
		    "kms:Decrypt to read");
		break;
	case SPACE:
		(void)err_hint(err, "free or buy space, or raise the quota");
		break;
	}
}

/* Who is in the way, if it is a thing of ours with a name. */
static int
set_cause(struct s3 *s, const struct s3_call *c, const struct meaning *m,
    const char *said, struct err *err)
{
	int64_t skew;

	if (strcmp(c->error.code, "NoSuchBucket") == 0)
		return err_set(
		    err, m->hf, "there is no bucket '%s'", s->place.bucket);
	if (m->hf == HF_ENOTFOUND)
		return err_set(err, m->hf, "there is no such object");
	if (m->hf == HF_EEXISTS && c->res.status == 412)
		return err_set(err, m->hf, "it exists already");
	if (m->hf == HF_ECLOCK) {
		(void)pthread_mutex_lock(&s->lock);
		skew = s->skew_known ? s->skew_ms / 1000 : 0;
		(void)pthread_mutex_unlock(&s->lock);
		return err_set(err, m->hf,
		    "this host's clock is %lld s %s the server's",
		    (long long)(skew < 0 ? -skew : skew),
		    skew < 0 ? "ahead of" : "behind");
	}
	return err_set(
	    err, m->hf, "the server answers %d%s", c->res.status, said);
}

int
s3_fail(struct s3 *s, const struct s3_call *c, struct err *err)
{
	const struct secret *secrets[] = { s->cred->secret_key,
		s->cred->session_token };
	struct meaning m = meaning_of(c);
	char raw[384], said[400];

	(void)snprintf(raw, sizeof(raw), "%s%s%s%s",
	    c->error.code[0] != '\0' ? " " : "", c->error.code,
	    c->error.message[0] != '\0' ? ": " : "", c->error.message);
	redact(said, sizeof(said), raw, secrets, 2);
	(void)set_cause(s, c, &m, said, err);
	err->retry = m.retry;
	add_hint(s, c, m.remedy, err);
	return err->code;
}
