#ifndef STORE_S3_STORE_S3_H_
#define STORE_S3_STORE_S3_H_

#include "store/store.h"

/*
 * Buckets of Amazon S3 and of what speaks its protocol: "s3://BUCKET" or
 * "s3://BUCKET/PREFIX".  Proven against Ceph's RADOS gateway and versitygw.
 *
 * Params: "url"; "endpoint" (the server, if it is not Amazon's), "region"
 * (else AWS_REGION, AWS_DEFAULT_REGION, the profile's; a wrong one is
 * corrected by what the server says), "path_style" (default: yes with an
 * endpoint, no with Amazon's unless the name has a dot, which no wildcard
 * certificate covers), "ca_file", "proxy", "connect_ms" and "silence_ms" (0: as
 * net_policy.h says), and those of cred/cred.h.
 *
 * How the promises of store.h are kept:
 * - Create-only is the header If-None-Match: *.  If a server says that it
 *   does not know it, we look with HEAD before each put: then two writers
 *   that store one name at the same time can both succeed, which holdfast's
 *   random names make harmless.  A server that ignores the header without a
 *   word cannot be told from one that obeys it without storing a thing.
 * - Nothing is half stored: the SHA-256 of the body is part of what is
 *   signed, always, and the server checks it.  Beside it goes the header
 *   x-amz-checksum-sha256, which the server keeps and head returns; to a
 *   server that refuses that, Content-MD5; to one that refuses both, neither.
 * - What comes in parts is a multipart upload: its completion carries the
 *   condition, and the name is looked at before, for servers that ignore the
 *   header there.  It is aborted when it is given up; if the program dies, the
 *   server keeps the parts, unseen, until a rule of the bucket drops them.
 * - A put whose answer was lost is sent again, by us or unseen by libcurl; each
 *   carries a mark of its own, which the server keeps (x-amz-meta-), so if the
 *   name is then taken, one look tells whether by us.  Who may not look is told
 *   HF_EEXISTS.
 */
extern const struct store_driver store_s3_driver;

#endif /* !STORE_S3_STORE_S3_H_ */
