#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "base/params.h"
#include "bench_data.h"
#include "crypto/aead.h"
#include "repo/repo_squeeze.h"
#include "store/fs/store_fs.h"
#include "unit/repo_stand.h"

/*
 * The data path beside its parts, in one run: how much processor time the
 * writer and the reader take over zstd, AEAD and SHA-256 alone.
 *
 *	BENCH_MIB=2048 bench_pack	(256 unless told)
 *
 * The input is a file, read as a source reads it; the store is a folder
 * beside it, and nothing at all for the figures without a disk.
 */
#define MIB (1u << 20)
#define LEVEL 1

struct bench {
	const char *dir;
	char input[PATH_MAX];
	uint64_t mib;
	uint64_t sealed;                /* What is left of it. */
	double parts_write, parts_read; /* CPU seconds of the primitives. */
	double put;                     /* And of the store. */
};

static double
cpu(void)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static double
wall(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Forget the largest resident size so far, then read it again (MiB). */
static void
peak_reset(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (fd >= 0 && write(fd, "5", 1) != 1)
		(void)fprintf(stderr, "the peak of memory is the program's\n");
	(void)close(fd);
}

static double
peak(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	unsigned long kib = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	if (f != NULL)
		(void)fclose(f);
	return (double)kib / 1024;
}

struct lap {
	double wall, cpu;
};

static struct lap
lap_start(void)
{
	peak_reset();
	return (struct lap){ wall(), cpu() };
}

/* Print a line; ${parts} are the CPU seconds to compare with, or 0. */
static void
lap_end(const struct bench *b, const char *what, struct lap from, double parts)
{
	double w = wall() - from.wall, c = cpu() - from.cpu;

	printf("%-28s %7.2f s %7.0f MB/s %7.2f CPU s %5.1f MiB", what, w,
	    (double)b->mib * MIB / 1e6 / w, c, peak());
	if (parts > 0)
		printf("  %.2f x parts", c / parts);
	printf("\n");
}

static void
make_input(const struct bench *b)
{
	CLEANUP(freep_mem) uint8_t *p = malloc(MIB);
	FILE *f = fopen(b->input, "w");
	struct bench_data d;
	uint64_t i;

	CHECK(p != NULL && f != NULL);
	bench_data_init(&d);
	for (i = 0; i < b->mib; i++) {
		bench_data_fill(&d, p, MIB);
		CHECK(fwrite(p, 1, MIB, f) == MIB);
	}
	CHECK(fclose(f) == 0);
}

/* What the primitives take, each alone and warm, on the same frames. */
struct parts {
	double read, sha, zstd, seal, sha2, open, unzstd;
	uint64_t sealed;
};

static void
part(double *sum, double *from)
{
	double now = cpu();

	*sum += now - *from;
	*from = now;
}

static void
one_frame(struct parts *t, int fd, uint8_t *p, uint8_t *z,
    struct repo_squeezer *sq, ZSTD_DCtx *zd, struct aead *a, struct sha256 *sha,
    double *from)
{
	struct err err = ERR_INIT;
	enum repo_codec codec;
	const uint8_t *squeezed;
	size_t n;

	CHECK(read(fd, p, MIB) == MIB);
	part(&t->read, from);
	CHECK_OK(sha256_update(sha, p, MIB, &err), &err);
	part(&t->sha, from);
	CHECK_OK(repo_squeeze(sq, p, MIB, &squeezed, &n, &codec, &err), &err);
	CHECK(codec == REPO_ZSTD);
	part(&t->zstd, from);
	CHECK_OK(aead_seal(a, t->sealed, "", 0, squeezed, n, z, &err), &err);
	part(&t->seal, from);
	CHECK_OK(sha256_update(sha, z, n + 16, &err), &err);
	part(&t->sha2, from);
	CHECK_OK(aead_open(a, t->sealed, "", 0, z, n + 16, z, &err), &err);
	part(&t->open, from);
	CHECK(ZSTD_decompressDCtx(zd, p, MIB, z, n) == MIB);
	part(&t->unzstd, from);
	t->sealed += n + 16;
}

static void
run_parts(struct bench *b)
{
	CLEANUP(freep_mem) uint8_t *p = malloc(MIB), *z = malloc(MIB + 16);
	CLEANUP(freep_secret) struct secret *key = NULL;
	CLEANUP(freep_aead) struct aead *a = NULL;
	CLEANUP(freep_sha256) struct sha256 *sha = NULL;
	CLEANUP(freep_repo_squeezer) struct repo_squeezer *sq = NULL;
	ZSTD_DCtx *zd = ZSTD_createDCtx();
	struct parts t = { 0 };
	struct err err = ERR_INIT;
	uint8_t prefix[16] = { 0 };
	int fd = open(b->input, O_RDONLY);
	double from;
	uint64_t i;

	CHECK(fd >= 0 && p != NULL && z != NULL && zd != NULL);
	CHECK_OK(repo_squeezer_new(LEVEL, &sq, &err), &err);
	CHECK_OK(secret_random(32, &key, &err), &err);
	CHECK_OK(aead_new(key, prefix, &a, &err), &err);
	CHECK_OK(sha256_new(&sha, &err), &err);
	from = cpu();
	for (i = 0; i < b->mib; i++)
		one_frame(&t, fd, p, z, sq, zd, a, sha, &from);
	(void)close(fd);
	(void)ZSTD_freeDCtx(zd);
	b->sealed = t.sealed;
	b->parts_write = t.read + t.sha + t.zstd + t.seal + t.sha2;
	b->parts_read = t.open + t.unzstd + t.sha;
	printf("%" PRIu64 " MiB, compressible %.2f : 1\n"
	       "parts, CPU s: read %.2f, sha256 %.2f, zstd -%d %.2f, "
	       "seal %.2f, sha256 sealed %.2f = %.2f; "
	       "open %.2f, zstd -d %.2f, sha256 = %.2f\n",
	    b->mib, (double)b->mib * MIB / (double)t.sealed, t.read, t.sha,
	    LEVEL, t.zstd, t.seal, t.sha2, b->parts_write, t.open, t.unzstd,
	    b->parts_read);
}

/* Back the input up, as one file. */
static void
run_writer(
    const struct bench *b, struct stand *s, const char *what, double parts)
{
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	int fd = open(b->input, O_RDONLY);
	char path[] = "db";
	struct entry e = { .path = path, .type = ENTRY_FILE };
	struct err err = ERR_INIT;
	struct lap from = lap_start();
	uint8_t *p;
	ssize_t got;
	size_t n;

	CHECK(fd >= 0);
	w = stand_writer(s, 0, 0);
	e.size = b->mib * MIB;
	CHECK_OK(repo_writer_begin(w, e.size, true, &err), &err);
	for (;;) {
		CHECK_OK(repo_writer_space(w, &p, &n, &err), &err);
		if ((got = read(fd, p, n)) <= 0)
			break;
		CHECK_OK(repo_writer_wrote(w, (size_t)got, &err), &err);
	}
	CHECK(got == 0);
	CHECK_OK(repo_writer_add(w, &e, &err), &err);
	stand_finish(s, w);
	lap_end(b, what, from, parts);
	(void)close(fd);
}

/* Read it back and hash it, as a verification does. */
static void
run_reader(const struct bench *b, struct stand *s)
{
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	CLEANUP(freep_sha256) struct sha256 *sha = NULL;
	struct err err = ERR_INIT;
	struct lap from = lap_start();
	const uint8_t *p;
	uint64_t pos;
	size_t n;

	CHECK_OK(sha256_new(&sha, &err), &err);
	rd = stand_reader(s, 0, 0);
	CHECK_OK(repo_reader_want(rd, 0, b->mib * MIB, &err), &err);
	do {
		CHECK_OK(repo_reader_read(rd, &pos, &p, &n, &err), &err);
		CHECK_OK(sha256_update(sha, p, n, &err), &err);
	} while (n > 0);
	lap_end(b, "reader, from a folder", from, b->parts_read);
}

static int
nothing_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	(void)s, (void)name, (void)blob, (void)err;
	return 0;
}

static const struct store_ops nothing_ops = {
	.name = "nothing",
	.put = nothing_put,
	.now = gate_now,
};

static void
run_nothing(const struct bench *b)
{
	CLEANUP(stand_clear) struct stand s;

	stand_init(&s);
	s.gate.base.ops = &nothing_ops;
	run_writer(b, &s, "writer, to nowhere", b->parts_write);
}

#define SMALL 4096 /* Bytes in each of many files. */

static void
run_small(const struct bench *b)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_mem) uint8_t *data = malloc(MIB);
	char path[32], what[64];
	struct entry e = { .path = path, .type = ENTRY_FILE, .size = SMALL };
	uint64_t i, nfiles = b->mib * MIB / SMALL;
	struct err err = ERR_INIT;
	struct bench_data d;
	struct lap from;
	uint8_t *p;
	size_t n;

	CHECK(data != NULL);
	bench_data_init(&d);
	bench_data_fill(&d, data, MIB);
	stand_init(&s);
	s.gate.base.ops = &nothing_ops;
	(void)snprintf(
	    what, sizeof(what), "writer, %" PRIu64 " small files", nfiles);
	from = lap_start();
	w = stand_writer(&s, 0, 0);
	for (i = 0; i < nfiles; i++) {
		(void)snprintf(path, sizeof(path), "d/f%09" PRIu64, i);
		CHECK_OK(repo_writer_begin(w, SMALL, true, &err), &err);
		CHECK_OK(repo_writer_space(w, &p, &n, &err), &err);
		CHECK(n >= SMALL);
		memcpy(p, data + i * SMALL % MIB, SMALL);
		CHECK_OK(repo_writer_wrote(w, SMALL, &err), &err);
		CHECK_OK(repo_writer_add(w, &e, &err), &err);
	}
	stand_finish(&s, w);
	lap_end(b, what, from, b->parts_write);
}

/* Put objects like packs, as many bytes as the writer will. */
static void
run_put(struct bench *b, struct store *fs)
{
	CLEANUP(freep_mem) uint8_t *p = calloc(1, 8 * MIB);
	const struct store_blob blob = { .p = p, .len = 8 * MIB };
	struct err err = ERR_INIT;
	struct lap from = lap_start();
	char name[32];
	uint64_t i;

	CHECK(p != NULL);
	for (i = 0; i < b->sealed / blob.len + 1; i++) {
		(void)snprintf(name, sizeof(name), "put/%" PRIu64, i);
		CHECK_OK(store_put(fs, name, &blob, &err), &err);
	}
	b->put = cpu() - from.cpu;
	lap_end(b, "store alone, those packs", from, 0);
}

static void
run_folder(struct bench *b)
{
	CLEANUP(freep_params) struct params *params = NULL;
	CLEANUP(freep_store) struct store *fs = NULL;
	CLEANUP(stand_clear) struct stand s;
	struct err err = ERR_INIT;
	char url[PATH_MAX];

	(void)snprintf(url, sizeof(url), "file:%s/repo", b->dir);
	CHECK_OK(params_new(&params, &err), &err);
	CHECK_OK(params_add(params, "url", url, &err), &err);
	CHECK_OK(
	    store_fs_driver.open(params, STORE_READ | STORE_WRITE, &fs, &err),
	    &err);
	stand_init(&s);
	s.repo.store = fs;
	run_put(b, fs);
	run_writer(b, &s, "writer, to a folder", b->parts_write + b->put);
	run_reader(b, &s);
}

TEST(bench__data_path)
{
	const char *mib = getenv("BENCH_MIB");
	struct bench b = { .dir = test_dir() };

	b.mib = mib != NULL ? strtoull(mib, NULL, 10) : 256;
	(void)snprintf(b.input, sizeof(b.input), "%s/input", b.dir);
	make_input(&b);
	run_parts(&b);
	run_nothing(&b);
	run_small(&b);
	run_folder(&b);
}
