#ifndef ETCD_ETCD_BOLT_FORMAT_H_
#define ETCD_ETCD_BOLT_FORMAT_H_

/*
 * The numbers of bbolt's file, which etcd keeps its database in.  All of it
 * is little endian.
 *
 * page     u64 id | u16 flags | u16 count | u32 overflow: pages that follow
 *          and belong to this one; then the elements, then what they point to
 * branch   element: u32 pos | u32 ksize | u64 child
 * leaf     element: u32 flags | u32 pos | u32 ksize | u32 vsize
 *          ${pos} counts from the element's own first byte to its key; the
 *          value lies behind the key
 * bucket   the value of a leaf element with BOLT_BUCKET: u64 root |
 *          u64 sequence; root 0: a leaf follows at once, in no page
 * meta     page 0 or 1: u32 magic | u32 version | u32 page size | u32 flags |
 *          bucket of all buckets | u64 freelist | u64 pages in use | u64 txid |
 *          u64 FNV-1a of all that; the higher txid counts
 */
#define BOLT_MAGIC 0xED0CDAEDU
#define BOLT_VERSION 2U
#define BOLT_NO_FREELIST UINT64_MAX /* It is found anew by a scan. */

enum {
	BOLT_BRANCH = 0x01, /* Flags of a page. */
	BOLT_LEAF = 0x02,
	BOLT_META = 0x04,
	BOLT_FREELIST = 0x10,

	BOLT_BUCKET = 0x01, /* Flag of a leaf's element. */

	BOLT_HEADER_LEN = 16, /* Of a page. */
	BOLT_ELEM_LEN = 16,
	BOLT_BUCKET_LEN = 16,
	BOLT_META_LEN = 64, /* Without the page's header. */

	BOLT_KEY_MAX = 32768,
	BOLT_VALUE_MAX = 0x7FFFFFFE,
	BOLT_PAGE_MIN = 512,
	BOLT_PAGE_MAX = 65536,
};

#endif /* !ETCD_ETCD_BOLT_FORMAT_H_ */
