#ifndef NET_NET_POLICY_H_
#define NET_NET_POLICY_H_

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>

/* Opaque types. */
struct err;

/*
 * How holdfast talks to any server, in one place: http and https alone, no
 * redirects (a signature or a token must not follow one), no signals, TLS 1.2
 * or later, certificates always checked, and a dead peer noticed by silence,
 * not by the clock: a large object may take as long as it takes.
 */
struct net_policy {
	const char *ca_file;   /* PEM; NULL: what the system trusts. */
	const char *cert_file; /* Client certificate chain, PEM, or NULL. */
	const char *key_file;  /* Its key, PEM; NULL: in ${cert_file}. */
	const char *proxy;     /* URL; NULL: the environment's; "": none. */
	long connect_ms;       /* To connect, TLS included; 0: 15 s. */
	long silence_s;        /* Without a byte either way; 0: 60 s. */
};

/**
 * net_init(err):
 * Initialise libcurl, once for all callers of all threads.  The program must
 * ignore SIGPIPE: OpenSSL may write to a peer that has hung up.
 */
int net_init(struct err *);

/**
 * net_cancel(flag):
 * From now on every transfer, and every wait before another try, ends with
 * HF_EINTR once ${*flag} is not 0; NULL ends that.  For main(), which has the
 * signal handler, before there are threads.
 */
void net_cancel(const volatile sig_atomic_t *);

/**
 * net_cancelled():
 * Return true if the operator has asked to stop.
 */
bool net_cancelled(void);

/**
 * net_policy_check(p, err):
 * HF_ECONFIG, naming the option, if a file of ${p} cannot be read.
 */
int net_policy_check(const struct net_policy *, struct err *);

/**
 * net_policy_apply(p, curl, err):
 * Make ${curl} obey ${p}.  The strings of ${p} are copied.
 */
int net_policy_apply(const struct net_policy *, CURL *, struct err *);

/**
 * net_fail(err, code, where, detail):
 * Say why a transfer with ${where} ("http://host:port") ended with libcurl's
 * ${code}: HF_EUNAVAIL (worth another try) if the network or the peer is to
 * blame, HF_ECONFIG if what we were told is.  ${detail} is what libcurl wrote
 * to its CURLOPT_ERRORBUFFER, or "".  Return the negative code.
 */
int net_fail(struct err *, CURLcode, const char *, const char *);

#endif /* !NET_NET_POLICY_H_ */
