#ifndef ETCD_ETCD_CONN_ERR_H_
#define ETCD_ETCD_CONN_ERR_H_

#include <curl/curl.h>
#include <stdbool.h>

/* Opaque types. */
struct err;

/**
 * etcd_conn_err(err, code, url, detail, cert, answered):
 * net_fail, with etcd's own traps put first: a server that rejects the
 * client's certificate or the lack of one (${cert} tells which) does so,
 * under TLS 1.3, only after the handshake (HF_EDENIED); and a server
 * certificate that is not trusted concerns the option 'ca' (HF_ECONFIG, as
 * of any other server).  A server that
 * hangs up before it has ${answered} may speak, or want, TLS.
 */
int etcd_conn_err(
    struct err *, CURLcode, const char *, const char *, bool, bool);

#endif /* !ETCD_ETCD_CONN_ERR_H_ */
