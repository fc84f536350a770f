#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_mvcc.h"
#include "etcd/etcd_pb.h"
#include "test.h"
#include "test_etcd_db.h"

static void
put_record(struct etcd_bolt_writer *w, const struct test_db_change *c)
{
	const struct etcd_record r = { .main = c->main,
		.tombstone = c->value == NULL };
	CLEANUP(freep_buf) struct buf kv = BUF_INIT;
	uint8_t key[ETCD_MVCC_KEY_MAX];
	struct err e = ERR_INIT;
	size_t n = etcd_mvcc_key(&r, key);

	CHECK_OK(pb_add_bytes(&kv, 1, c->key, strlen(c->key), &e), &e);
	if (c->value != NULL) {
		CHECK_OK(pb_add_uint(&kv, 2, c->main, &e), &e);
		CHECK_OK(pb_add_uint(&kv, 3, c->main, &e), &e);
		CHECK_OK(pb_add_uint(&kv, 4, 1, &e), &e);
		CHECK_OK(
		    pb_add_bytes(&kv, 5, c->value, strlen(c->value), &e), &e);
	}
	CHECK_OK(etcd_bolt_writer_put(w, key, n, kv.p, kv.len, &e), &e);
}

static void
put_compact(struct etcd_bolt_writer *w, const char *name, uint64_t main)
{
	const struct etcd_record r = { .main = main };
	uint8_t key[ETCD_MVCC_KEY_MAX];
	struct err e = ERR_INIT;
	size_t n = etcd_mvcc_key(&r, key);

	if (main > 0)
		CHECK_OK(
		    etcd_bolt_writer_put(w, name, strlen(name), key, n, &e),
		    &e);
}

static void
bucket(struct etcd_bolt_writer *w, const char *name)
{
	struct err e = ERR_INIT;

	CHECK_OK(etcd_bolt_writer_bucket(w, name, strlen(name), 0, &e), &e);
}

static void
write_file(int fd, const struct test_db_plan *p, uint64_t *size)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(etcd_bolt_writer_new(fd, "db", 4096, &w, &e), &e);
	bucket(w, "key");
	for (i = 0; i < p->n; i++)
		if ((int)i != p->leave_out)
			put_record(w, &p->changes[i]);
	bucket(w, "lease");
	bucket(w, "meta");
	put_compact(w, "finishedCompactRev", p->finished);
	put_compact(w, "scheduledCompactRev", p->scheduled);
	if (p->extra != NULL)
		bucket(w, p->extra);
	CHECK_OK(etcd_bolt_writer_finish(w, size, &e), &e);
}

void
test_db(const struct test_db_plan *p, struct buf *ret)
{
	CLEANUP(freep_fd) int fd = -1;
	struct err e = ERR_INIT;
	char path[4096];
	uint64_t size;

	(void)snprintf(path, sizeof(path), "%s/db", test_dir());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	write_file(fd, p, &size);
	CHECK_OK(buf_reserve(ret, (size_t)size, &e), &e);
	CHECK(pread(fd, ret->p + ret->len, (size_t)size, 0) == (ssize_t)size);
	ret->len += (size_t)size;
}
