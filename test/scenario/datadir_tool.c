#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/file.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_bump.h"
#include "etcd/etcd_datadir.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_wal.h"

/*
 * What a scenario asks of src/etcd's data directories:
 *
 *	datadir_tool new DIR DB NAME CLUSTER URLS TOKEN
 *				make DIR with a copy of DB as its database
 *	datadir_tool members NAME CLUSTER URLS TOKEN
 *				the pairs of the bucket "members", a line each
 *	datadir_tool bump LAST BY
 *				the pair that bump-revision adds to "meta", and
 *				the key that it adds to "key", as they are
 *	datadir_tool wal FILE	what a log says
 *	datadir_tool snap FILE	what a .snap file says
 */

#define FILE_MAX (1 << 30)

static int
copy(const char *from, int to, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = file_read(from, FILE_MAX, &b, err)) < 0)
		return rc;
	return file_write_full(to, b.p, b.len, err);
}

static int
membership(char *const argv[], struct etcd_membership **ret, struct err *err)
{
	const struct etcd_membership_opts opts = { argv[0], argv[1], argv[2],
		argv[3] };

	return etcd_membership_new(&opts, ret, err);
}

static int new (char *const argv[], struct err *err)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	CLEANUP(freep_etcd_datadir) struct etcd_datadir *d = NULL;
	int rc;

	if ((rc = membership(argv + 2, &s, err)) < 0 ||
	    (rc = etcd_datadir_new(argv[0], s, &d, err)) < 0 ||
	    (rc = copy(argv[1], etcd_datadir_db(d), err)) < 0)
		return rc;
	return etcd_datadir_commit(d, err);
}

static int
members(char *const argv[], struct err *err)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	size_t i;
	int rc;

	if ((rc = membership(argv, &s, err)) < 0 ||
	    (rc = etcd_membership_fill_members(s, &b, err)) < 0)
		return rc;
	for (i = 0; i < b.n; i++)
		printf("%.*s%.*s\n", (int)b.v[i].nkey, (const char *)b.v[i].key,
		    (int)b.v[i].nval, (const char *)b.v[i].val);
	return 0;
}

static int
bump(char *const argv[], struct err *err)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	uint8_t key[ETCD_REVISION_LEN];
	int rc;

	if ((rc = etcd_bump_revision(strtoull(argv[0], NULL, 10),
		 strtoull(argv[1], NULL, 10), key, &b, err)) < 0)
		return rc;
	(void)fwrite(b.v[0].key, 1, b.v[0].nkey, stdout);
	(void)fwrite(b.v[0].val, 1, b.v[0].nval, stdout);
	(void)fwrite(key, 1, sizeof(key), stdout);
	return 0;
}

static int
wal(char *const argv[], struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_wal_facts f;
	int rc;

	if ((rc = file_read(argv[0], FILE_MAX, &b, err)) < 0 ||
	    (rc = etcd_wal_check(b.p, b.len, &f, err)) < 0)
		return rc;
	printf("size=%zu node=%" PRIx64 " cluster=%" PRIx64 "\n", b.len,
	    f.node_id, f.cluster_id);
	printf("term=%" PRIu64 " vote=%" PRIx64 " commit=%" PRIu64 "\n", f.term,
	    f.vote, f.commit);
	printf("last=%" PRIu64 " snapshot=%" PRIu64 "/%" PRIu64 " torn=%d\n",
	    f.last_index, f.snap_term, f.snap_index, f.torn);
	return 0;
}

/* The URLs of each member in the v2 store, in the order of the ids. */
static int
print_store(const uint8_t *p, size_t n, struct err *err)
{
	json_t *doc = json_loadb((const char *)p, n, 0, NULL), *v;
	json_t *at = json_object_get(doc, "Root");
	const char *const path[] = { "0", "members" };
	const char *key;
	size_t i;

	for (i = 0; i < 2; i++)
		at = json_object_get(json_object_get(at, "Children"), path[i]);
	at = json_object_get(at, "Children");
	json_object_foreach(at, key, v)
	{
		v = json_object_get(
		    json_object_get(v, "Children"), "raftAttributes");
		printf("%s %s\n", key,
		    json_string_value(json_object_get(v, "Value")));
	}
	i = json_object_size(at);
	json_decref(doc);
	return i > 0 ? 0 : err_set(err, HF_ECORRUPT, "no members in the store");
}

static void
print_numbers(const char *name, const uint8_t *p, size_t n)
{
	struct pb r;

	pb_init(&r, p, n);
	while (pb_next(&r) == 1)
		/* 3.7 leaves out what is 0. */
		if (r.wire == PB_VARINT && r.val != 0)
			printf("%s.%" PRIu32 "=%" PRIx64 "\n", name, r.field,
			    r.val);
		else if (r.wire == PB_BYTES)
			print_numbers("conf_state", r.ptr, r.len);
}

static int
snap(char *const argv[], struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct pb r, in;
	uint64_t crc = 0;
	int rc;

	if ((rc = file_read(argv[0], FILE_MAX, &b, err)) < 0)
		return rc;
	pb_init(&r, b.p, b.len);
	while (pb_next(&r) == 1 && r.field != 2)
		crc = r.val;
	if (r.field != 2 || crc != crc32c(0, r.ptr, r.len))
		return err_set(err, HF_ECORRUPT, "a wrong checksum");
	pb_init(&in, r.ptr, r.len);
	while (rc == 0 && pb_next(&in) == 1)
		if (in.field == 1)
			rc = print_store(in.ptr, in.len, err);
		else
			print_numbers("metadata", in.ptr, in.len);
	return rc;
}

int
main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		int (*fn)(char *const *, struct err *);
		int args;
	} verbs[] = {
		{ "new", new, 6 },
		{ "members", members, 4 },
		{ "bump", bump, 2 },
		{ "wal", wal, 1 },
		{ "snap", snap, 1 },
	};
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (argc < 2 || strcmp(argv[1], verbs[i].name) != 0 ||
		    argc - 2 != verbs[i].args)
			continue;
		if (verbs[i].fn(argv + 2, &err) == 0)
			return 0;
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	(void)fprintf(stderr, "usage: datadir_tool VERB ARGUMENT...\n");
	return 2;
}
