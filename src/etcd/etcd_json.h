#ifndef ETCD_ETCD_JSON_H_
#define ETCD_ETCD_JSON_H_

/* Opaque types. */
struct buf;
struct err;

/**
 * etcd_json_string(b, s, err):
 * Append ${s} as a string in JSON, byte for byte as Go's encoding/json does:
 * it also escapes what would mean something in HTML or JavaScript.  ${s} is
 * UTF-8 without control characters.
 */
int etcd_json_string(struct buf *, const char *, struct err *);

#endif /* !ETCD_ETCD_JSON_H_ */
