#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_pb.h"
#include "test_bolt_disk.h"

/*
 * bolt_copy FROM TO: write the buckets of the snapshot FROM into a fresh one.
 * bolt_copy -b BUCKET FROM TO: write those of the database FROM into a fresh
 * one that has one of that name, too.
 * bolt_copy RECORDS VALUE TO [PAGE]: write one of so many puts, all of them
 * of another key and with that many bytes, and the buckets that etcd wants.
 */
static int
copy_bucket(const struct etcd_bolt *b, const struct etcd_bolt_item *bucket,
    struct etcd_bolt_writer *w, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	int k, rc;

	if ((rc = etcd_bolt_writer_bucket(w, bucket->key, bucket->nkey,
		 le64_get(bucket->value + 8), err)) < 0 ||
	    (rc = etcd_bolt_cursor_new(b, bucket, &c, err)) < 0)
		return rc;
	while ((k = etcd_bolt_next(c, &item, err)) == 1) {
		rc = etcd_bolt_writer_put(
		    w, item.key, item.nkey, item.value, item.nvalue, err);
		if (rc < 0)
			return rc;
	}
	return k;
}

static int
seal(struct etcd_bolt_writer *w, int fd, const char *to, struct err *err)
{
	uint64_t size;
	int rc;

	if ((rc = etcd_bolt_writer_finish(w, &size, err)) < 0)
		return rc;
	return etcd_bolt_seal(fd, to, size, err);
}

/* With a bucket ${extra}, if there is one; without, as a snapshot. */
static int
copy(const char *from, const char *extra, const char *to, int fd,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *root = NULL;
	CLEANUP(freep_test_bolt_disk) struct test_bolt_disk *disk = NULL;
	struct etcd_bolt_item bucket;
	struct etcd_bolt b;
	uint64_t size;
	int k, rc;

	if ((rc = test_bolt_disk_open(from, &disk, err)) < 0 ||
	    (rc = etcd_bolt_open(&b, test_bolt_disk_file(disk), err)) < 0 ||
	    (rc = etcd_bolt_cursor_new(&b, NULL, &root, err)) < 0 ||
	    (rc = etcd_bolt_writer_new(fd, to, b.page_size, &w, err)) < 0)
		return rc;
	while ((k = etcd_bolt_next(root, &bucket, err)) == 1)
		if ((rc = copy_bucket(&b, &bucket, w, err)) < 0)
			return rc;
	if (k < 0)
		return k;
	if (extra == NULL)
		return seal(w, fd, to, err);
	rc = etcd_bolt_writer_bucket(w, extra, strlen(extra), 0, err);
	return rc < 0 ? rc : etcd_bolt_writer_finish(w, &size, err);
}

/* u64 main, '_', u64 sub, big endian. */
static void
revision_key(uint8_t key[17], uint64_t main)
{
	int i;

	memset(key, 0, 17);
	for (i = 0; i < 8; i++)
		key[7 - i] = (uint8_t)(main >> 8 * i);
	key[8] = '_';
}

/* KeyValue: key 1, create 2, mod 3, version 4, value 5. */
static int
put(struct etcd_bolt_writer *w, uint64_t main, size_t len, struct err *err)
{
	CLEANUP(freep_buf) struct buf kv = BUF_INIT;
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	uint8_t rev[17];
	char key[32];
	size_t i;
	int n, rc;

	n = snprintf(
	    key, sizeof(key), "/made/%08llu", (unsigned long long)main);
	for (i = 0; i < len; i++)
		if ((rc = buf_add_u8(&value, (uint8_t)(i * main), err)) < 0)
			return rc;
	if ((rc = pb_add_bytes(&kv, 1, key, (size_t)n, err)) < 0 ||
	    (rc = pb_add_uint(&kv, 2, main, err)) < 0 ||
	    (rc = pb_add_uint(&kv, 3, main, err)) < 0 ||
	    (rc = pb_add_uint(&kv, 4, 1, err)) < 0 ||
	    (rc = pb_add_bytes(&kv, 5, value.p, value.len, err)) < 0)
		return rc;
	revision_key(rev, main);
	return etcd_bolt_writer_put(w, rev, sizeof(rev), kv.p, kv.len, err);
}

static int
make(char *argv[], const char *to, int fd, struct err *err)
{
	/* "key" in the midst: their order is the writer's to make. */
	static const char *const before[] = { "meta", "lease", "auth",
		"authRoles", "authUsers", "cluster" };
	static const char *const after[] = { "members", "members_removed",
		"alarm" };
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	const uint64_t records = strtoull(argv[1], NULL, 10);
	const size_t len = strtoull(argv[2], NULL, 10);
	size_t page = argv[4] == NULL ? 4096 : strtoull(argv[4], NULL, 10);
	uint64_t i;
	int rc;

	if ((rc = etcd_bolt_writer_new(fd, to, page, &w, err)) < 0)
		return rc;
	for (i = 0; i < sizeof(before) / sizeof(*before); i++)
		if ((rc = etcd_bolt_writer_bucket(
			 w, before[i], strlen(before[i]), 0, err)) < 0)
			return rc;
	if ((rc = etcd_bolt_writer_bucket(w, "key", 3, 0, err)) < 0)
		return rc;
	/* The first revision of a database is 2; sizes go up and down. */
	for (i = 0; i < records; i++)
		if ((rc = put(w, 2 + i, len * (i % 7), err)) < 0)
			return rc;
	for (i = 0; i < sizeof(after) / sizeof(*after); i++)
		if ((rc = etcd_bolt_writer_bucket(
			 w, after[i], strlen(after[i]), 0, err)) < 0)
			return rc;
	return seal(w, fd, to, err);
}

int
main(int argc, char *argv[])
{
	const bool with = argc == 5 && strcmp(argv[1], "-b") == 0;
	const char *to = argv[with ? 4 : argc == 3 ? 2 : 3];
	CLEANUP(freep_fd) int fd = -1;
	struct err err = ERR_INIT;
	int rc;

	if (argc < 3 || argc > 5) {
		(void)fprintf(stderr,
		    "usage: bolt_copy FROM TO | -b BUCKET FROM TO | "
		    "RECORDS VALUE TO [PAGE]\n");
		return 2;
	}
	fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		rc = err_errno(&err, errno, "cannot make '%s'", to);
	else if (with)
		rc = copy(argv[3], argv[2], to, fd, &err);
	else if (argc == 3)
		rc = copy(argv[1], NULL, to, fd, &err);
	else
		rc = make(argv, to, fd, &err);
	if (rc < 0)
		(void)fprintf(stderr, "bolt_copy: %s\n", err.msg);
	return rc < 0;
}
