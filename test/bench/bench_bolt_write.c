#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/time.h"
#include "etcd/etcd_bolt_writer.h"

/*
 * bench_bolt_write DIR MIB VALUE: a database of about MIB, of values of VALUE
 * bytes, written into a file in DIR; sealed; and beside it as many bytes
 * written plainly, a mebibyte at a time.  The best of five rounds.
 */
#define PIECE (1u << 20)
#define PAGE 4096
#define ROUNDS 5
#define RECORD_MAX (PIECE / 2)

struct bench {
	char *path;
	uint64_t bytes;
	size_t value;
	uint8_t data[PIECE];
};

struct times {
	int64_t plain, bolt, seal; /* Milliseconds. */
	uint64_t size;
};

static int
open_new(const struct bench *b, int *fd, struct err *err)
{
	*fd = open(b->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_errno(err, errno, "cannot make '%s'", b->path);
	return 0;
}

/* The revision of a put, as etcd has it: u64 main, '_', u64 sub, big endian. */
static void
revision_key(uint8_t key[17], uint64_t main)
{
	int i;

	memset(key, 0, 17);
	for (i = 0; i < 8; i++)
		key[7 - i] = (uint8_t)(main >> 8 * i);
	key[8] = '_';
}

static int
put_all(const struct bench *b, struct etcd_bolt_writer *w, struct err *err)
{
	uint64_t i, n = b->bytes / (b->value + 33);
	uint8_t key[17];
	int rc;

	for (i = 0; i < n; i++) {
		revision_key(key, i + 1);
		rc = etcd_bolt_writer_put(w, key, sizeof(key),
		    b->data + i % RECORD_MAX, b->value, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
write_bolt(const struct bench *b, struct times *t, struct err *err)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	CLEANUP(freep_fd) int fd = -1;
	int64_t start;
	int rc;

	if ((rc = open_new(b, &fd, err)) < 0)
		return rc;
	start = time_mono_ms();
	if ((rc = etcd_bolt_writer_new(fd, b->path, PAGE, &w, err)) < 0 ||
	    (rc = etcd_bolt_writer_bucket(w, "key", 3, 0, err)) < 0 ||
	    (rc = put_all(b, w, err)) < 0 ||
	    (rc = etcd_bolt_writer_finish(w, &t->size, err)) < 0)
		return rc;
	t->bolt = time_mono_ms() - start;
	start = time_mono_ms();
	if ((rc = etcd_bolt_seal(fd, b->path, t->size, err)) < 0)
		return rc;
	t->seal = time_mono_ms() - start;
	return 0;
}

static int
write_plain(const struct bench *b, struct times *t, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	uint64_t left = t->size, behind = 0;
	int64_t start;
	size_t n;
	int rc;

	if ((rc = open_new(b, &fd, err)) < 0)
		return rc;
	start = time_mono_ms();
	for (; left > 0; left -= n) {
		n = left < PIECE ? (size_t)left : PIECE;
		if ((rc = file_write_full(fd, b->data, n, err)) < 0)
			return rc;
		file_write_behind(fd, &behind, t->size - left + n);
	}
	t->plain = time_mono_ms() - start;
	return 0;
}

static int
run(struct bench *b, struct err *err)
{
	struct times t, best = { INT64_MAX, INT64_MAX, INT64_MAX, 0 };
	int i, rc;

	for (i = 0; i < ROUNDS; i++) {
		if ((rc = write_bolt(b, &t, err)) < 0 ||
		    (rc = write_plain(b, &t, err)) < 0)
			return rc;
		best.bolt = t.bolt < best.bolt ? t.bolt : best.bolt;
		best.seal = t.seal < best.seal ? t.seal : best.seal;
		best.plain = t.plain < best.plain ? t.plain : best.plain;
		best.size = t.size;
	}
	(void)printf("%.1f MB; plain %lld ms, bolt %lld ms (%.0f MB/s, %.2f "
		     "times), seal %lld ms\n",
	    (double)best.size / 1e6, (long long)best.plain,
	    (long long)best.bolt,
	    (double)best.size / 1e3 / (double)(best.bolt + !best.bolt),
	    (double)best.bolt / (double)(best.plain + !best.plain),
	    (long long)best.seal);
	return 0;
}

int
main(int argc, char *argv[])
{
	static struct bench b;
	struct err err = ERR_INIT;
	size_t i;

	if (argc != 4 || strtoull(argv[3], NULL, 10) > RECORD_MAX) {
		(void)fprintf(
		    stderr, "usage: bench_bolt_write DIR MIB VALUE\n");
		return 2;
	}
	b.bytes = strtoull(argv[2], NULL, 10) << 20;
	b.value = strtoull(argv[3], NULL, 10);
	for (i = 0; i < sizeof(b.data); i++)
		b.data[i] = (uint8_t)(i * i >> 7);
	if (str_printf(&b.path, &err, "%s/bench_bolt.db", argv[1]) < 0 ||
	    run(&b, &err) < 0)
		(void)fprintf(stderr, "bench_bolt_write: %s\n", err.msg);
	if (b.path != NULL)
		(void)unlink(b.path);
	free(b.path);
	return err.code < 0;
}
