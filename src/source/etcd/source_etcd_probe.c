#include <errno.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "source/etcd/source_etcd_survey.h"

#define EXPIRY_WARN_DAYS 14
#define SLOW_SECONDS 1.0

/*
 * Add a finding; if there are any in the end, the probe returns HF_EWARN with
 * all of them.
 */

static int find(struct buf *, struct err *, const char *, ...)
    __attribute__((format(printf, 3, 4)));
static int
find(struct buf *findings, struct err *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return buf_printf(
	    findings, err, "%s%s", findings->len > 0 ? "; " : "", text);
}

static void
freep_x509(X509 **p)
{
	X509_free(*p);
}

/* How many days is our certificate still good?  Negative: it is over. */
static int
days_left(const char *path, int *days, struct err *err)
{
	CLEANUP(freep_x509) X509 *cert = NULL;
	FILE *f;
	int seconds;

	if ((f = fopen(path, "re")) == NULL)
		return err_errno(err, errno, "read '%s'", path);
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	(void)fclose(f);
	if (cert == NULL ||
	    !ASN1_TIME_diff(days, &seconds, NULL, X509_get0_notAfter(cert)))
		return err_set(err, HF_ECONFIG,
		    "'cert': '%s' is not a certificate in PEM", path);
	if (seconds < 0 && *days == 0)
		*days = -1;
	return 0;
}

static int
probe_certificate(
    const struct source_etcd *s, struct buf *findings, struct err *err)
{
	int days, rc;

	if (s->cert == NULL)
		return 0;
	if ((rc = days_left(s->cert, &days, err)) < 0)
		return rc;
	if (days < 0) {
		(void)err_set(err, HF_EDENIED,
		    "the client certificate '%s' has expired", s->cert);
		return err_hint(err, "renew the certificate");
	}
	if (days < EXPIRY_WARN_DAYS)
		return find(findings, err,
		    "the client certificate '%s' expires in %d days", s->cert,
		    days);
	return 0;
}

/* 3.4 to 3.7 are what the tests have. */
static bool
version_known(const char *version)
{
	return strncmp(version, "3.", 2) == 0 && version[2] >= '4' &&
	       version[2] <= '7' && (version[3] == '.' || version[3] == '-');
}

static int
probe_member(const struct source_etcd_survey *v, size_t i, struct buf *findings,
    struct err *err)
{
	const struct source_etcd_member *m = &v->members[i];
	const char *url = etcd_client_url(m->client);
	int rc;

	if (!m->answered)
		return find(findings, err, "%s", m->cause.msg);
	if (!version_known(m->status.version) &&
	    (rc = find(findings, err,
		 "'%s' is etcd %s; this program knows 3.4 to 3.7", url,
		 m->status.version)) < 0)
		return rc;
	if (m->status.learner &&
	    (rc = find(findings, err,
		 "'%s' is a learner, which cannot vouch for a backup", url)) <
		0)
		return rc;
	if (m->status.errors[0] != '\0' &&
	    (rc = find(findings, err, "'%s': %s", url, m->status.errors)) < 0)
		return rc;
	if (source_etcd_lag(v, i) > SOURCE_ETCD_LAG_MAX &&
	    (rc = find(findings, err, "'%s' is %" PRIu64 " log entries behind",
		 url, source_etcd_lag(v, i))) < 0)
		return rc;
	if (m->status.seconds > SLOW_SECONDS)
		return find(findings, err, "'%s' took %.1f seconds to answer",
		    url, m->status.seconds);
	return 0;
}

static int
probe_alarms(const struct etcd_alarms *a, struct buf *findings, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < a->n; i++)
		if ((rc = find(findings, err,
			 "the alarm %s is raised for the member %" PRIx64,
			 a->at[i].type == ETCD_ALARM_NOSPACE   ? "NOSPACE"
			 : a->at[i].type == ETCD_ALARM_CORRUPT ? "CORRUPT"
							       : "(unknown)",
			 a->at[i].member_id)) < 0)
			return rc;
	return 0;
}

/*
 * Check the rights.  A backup takes a snapshot and asks for HashKV, and etcd
 * allows both to the same users.  It checks rights before the revision: so a
 * revision that no store ever reaches is asked for, which costs the member
 * nothing.
 */
static int
probe_rights(
    const struct source_etcd_member *m, struct buf *findings, struct err *err)
{
	struct err cause = ERR_INIT;
	enum etcd_revision gone;
	struct etcd_hashkv h;
	int rc;

	if (m->status.learner)
		return 0;
	rc = etcd_client_hashkv(m->client, INT64_MAX, &h, &gone, &cause);
	if (rc == 0 || gone == ETCD_REVISION_FUTURE)
		return 0;
	if (rc != -HF_EDENIED)
		return find(findings, err, "ask for HashKV: %s", cause.msg);
	*err = cause;
	(void)err_wrap(err, "no backup can be taken");
	return err_hint(err, "a snapshot needs a user with the role 'root': "
			     "etcdctl user grant-role USER root");
}

int
source_etcd_probe(struct source *base, struct err *err)
{
	CLEANUP(source_etcd_survey_clear) struct source_etcd_survey v = { 0 };
	CLEANUP(freep_buf) struct buf findings = BUF_INIT;
	const struct source_etcd *s = (struct source_etcd *)base;
	char note[128];
	size_t i, picked;
	int rc;

	if ((rc = probe_certificate(s, &findings, err)) < 0 ||
	    (rc = source_etcd_survey_make(s, &v, err)) < 0 ||
	    (rc = source_etcd_pick(&v, &picked, note, sizeof(note), err)) < 0 ||
	    (rc = probe_rights(&v.members[picked], &findings, err)) < 0)
		return rc;
	for (i = 0; i < v.n; i++)
		if ((rc = probe_member(&v, i, &findings, err)) < 0)
			return rc;
	if ((rc = probe_alarms(&v.alarms, &findings, err)) < 0)
		return rc;
	if (findings.len > 0)
		return err_set(err, HF_EWARN, "%s", (const char *)findings.p);
	return 0;
}
