#ifndef ETCD_ETCD_URL_H_
#define ETCD_ETCD_URL_H_

#include <stdbool.h>
#include <stddef.h>

/* Opaque types. */
struct buf;
struct err;

/*
 * The URLs of etcd's servers: a scheme, a host and a port, nothing else.
 */

/**
 * etcd_url_host(s):
 * Return how long the host at ${s} is (RFC 3986: an IPv6 address stands in
 * brackets), or 0 if there is none.
 */
size_t etcd_url_host(const char *);

/**
 * etcd_url_port(s, n):
 * Are the ${n} bytes at ${s} a port, 1 to 65535?
 */
bool etcd_url_port(const char *, size_t);

/**
 * etcd_url_peer(option, s, n, ret, err):
 * Give the caller a copy of the ${n} bytes at ${s}, which are not followed by
 * anything that belongs to a URL, if they are a URL at which a member can be
 * reached by others.  HF_EUSAGE, naming the ${option} they came with, if not:
 * http or https, a host and a port are needed, and a path or a user name are
 * refused, as etcd refuses them.
 */
int etcd_url_peer(const char *, const char *, size_t, char **, struct err *);

/**
 * etcd_url_listen(url, b, err):
 * Append where a member that others reach at ${url}, a peer's URL, can listen.
 * For that, etcd takes addresses, and of all names localhost alone: in the
 * place of another name stand all addresses of the host.
 */
int etcd_url_listen(const char *, struct buf *, struct err *);

#endif /* !ETCD_ETCD_URL_H_ */
