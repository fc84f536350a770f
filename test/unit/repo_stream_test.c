#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "repo/repo_stream.h"
#include "repo/repo_stream_header.h"
#include "test.h"

#define FRAME STREAM_FRAME_MAX
#define FRAME_SEALED (STREAM_FRAME_HEADER_LEN + FRAME + AEAD_TAG_LEN)

static int
one_key(char name, struct key **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	int rc;

	if ((rc = secret_new(32, &s, err)) < 0)
		return rc;
	memset(secret_w(s), name, 32);
	return key_file_new(s, "file:test", ret, err);
}

/* Give the file keys whose master is ${arg}'s characters, one a key. */
static int
keys(void *arg, const uint8_t salt[16], struct key ***ret, size_t *n,
    struct err *err)
{
	const char *names = arg;
	struct key **v;
	size_t i;

	(void)salt;
	if ((v = calloc(strlen(names) + 1, sizeof(struct key *))) == NULL)
		return err_nomem(err);
	for (i = 0; names[i] != '\0'; i++)
		if (one_key(names[i], &v[i], err) < 0) {
			while (i-- > 0)
				key_free(v[i]);
			free(v);
			return err->code;
		}
	*ret = v;
	*n = i;
	return 0;
}

static struct repo_stream_opts
opts(const char *names)
{
	return (struct repo_stream_opts){
		.keys = keys, .keys_arg = (void *)(uintptr_t)names, .level = 1
	};
}

/* A file in memory that holds ${n} bytes and is read from its start. */
static int
file_with(const void *p, size_t n)
{
	struct err e = ERR_INIT;
	int fd = memfd_create("test", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_OK(file_write_full(fd, p, n, &e), &e);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void
contents(int fd, struct buf *b)
{
	struct err e = ERR_INIT;
	off_t n = lseek(fd, 0, SEEK_END);
	size_t got;

	b->len = 0;
	CHECK(n >= 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK_OK(buf_reserve(b, (size_t)n, &e), &e);
	CHECK_OK(file_read_full(fd, b->p, (size_t)n, &got, &e), &e);
	b->len = got;
}

typedef int run_fn(
    int, int, const struct repo_stream_opts *, uint64_t *, struct err *);

/* Run ${fn} over bytes; ${out} gets what was written, whatever happens. */
static int
run(run_fn *fn, const char *names, const void *p, size_t n, struct buf *out,
    struct err *err)
{
	const struct repo_stream_opts o = opts(names);
	CLEANUP(freep_fd) int from = file_with(p, n);
	CLEANUP(freep_fd) int to = file_with("", 0);
	uint64_t bytes = 0;
	int rc = fn(from, to, &o, &bytes, err);

	contents(to, out);
	if (rc == 0)
		CHECK(bytes == (fn == repo_stream_seal ? n : out->len));
	return rc;
}

static int
seal(const char *names, const void *p, size_t n, struct buf *out)
{
	struct err e = ERR_INIT;

	CHECK_OK(run(repo_stream_seal, names, p, n, out, &e), &e);
	return 0;
}

/* Bytes that do not compress, the same for every test. */
static void
noise(struct buf *b, size_t n)
{
	struct err e = ERR_INIT;

	CHECK(sodium_init() >= 0);
	CHECK_OK(buf_reserve(b, n + 1, &e), &e);
	randombytes_buf_deterministic(b->p, n, (uint8_t[32]){ 7 });
	b->len = n;
}

/* Where the frames begin. */
static size_t
header_len(const struct buf *sealed)
{
	struct cur c;
	size_t n;
	uint32_t k;

	cur_init(&c, sealed->p, sealed->len);
	(void)cur_take(&c, 88);
	for (k = cur_u32(&c); k > 0; k--)
		(void)cur_bytes(&c, &n);
	(void)cur_take(&c, AEAD_TAG_LEN);
	CHECK(!c.bad);
	return sealed->len - c.left;
}

static void
is_refused(const void *p, size_t n, const char *word)
{
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_FAIL(run(repo_stream_open, "a", p, n, &out, &e), &e, HF_ECORRUPT);
	if (strstr(e.msg, word) == NULL)
		test_fail(__FILE__, __LINE__, word, &e);
}

static void
there_and_back(const uint8_t *p, size_t n)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	seal("a", p, n, &sealed);
	CHECK_OK(
	    run(repo_stream_open, "a", sealed.p, sealed.len, &out, &e), &e);
	CHECK(out.len == n && (n == 0 || memcmp(out.p, p, n) == 0));
}

TEST(stream__comes_back_at_every_length)
{
	static const size_t lengths[] = { 0, 1, 2, 1000, FRAME - 1, FRAME,
		FRAME + 1, 2 * FRAME, 9 * FRAME + 12345 };
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	size_t i;

	noise(&plain, 10 * FRAME);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		there_and_back(plain.p, lengths[i]);
	memset(plain.p, 'x', plain.len);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		there_and_back(plain.p, lengths[i]);
}

TEST(stream__compresses_what_can_be_and_leaves_the_rest)
{
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;

	noise(&plain, 2 * FRAME);
	seal("a", plain.p, plain.len, &sealed);
	CHECK(sealed.len == header_len(&sealed) + 2 * FRAME_SEALED +
				STREAM_FRAME_HEADER_LEN + AEAD_TAG_LEN);
	memset(plain.p, 'x', plain.len);
	seal("a", plain.p, plain.len, &sealed);
	CHECK(sealed.len < 2000);
}

TEST(stream__opens_with_each_of_its_keys_and_with_no_other)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	seal("abc", "plain", 5, &sealed);
	CHECK_OK(
	    run(repo_stream_open, "b", sealed.p, sealed.len, &out, &e), &e);
	CHECK_OK(
	    run(repo_stream_open, "xc", sealed.p, sealed.len, &out, &e), &e);
	CHECK_FAIL(run(repo_stream_open, "xyz", sealed.p, sealed.len, &out, &e),
	    &e, HF_EKEY);
	CHECK(strstr(e.msg, "sealed for file ") != NULL);
	CHECK_FAIL(run(repo_stream_open, "", sealed.p, sealed.len, &out, &e),
	    &e, HF_EUSAGE);
	CHECK(out.len == 0);
}

TEST(stream__tells_when_it_was_cut_off_at_any_byte)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	size_t n, header;

	seal("a", "plain", 5, &sealed);
	header = header_len(&sealed);
	for (n = 0; n < header; n++)
		is_refused(sealed.p, n, "ends inside its header, at byte");
	is_refused(sealed.p, n++, "after 0 frames the final one is missing");
	for (; n < sealed.len; n++)
		is_refused(sealed.p, n, "inside frame 0, which begins at");
}

TEST(stream__tells_when_whole_frames_are_missing_at_the_end)
{
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;

	noise(&plain, 3 * FRAME);
	seal("a", plain.p, plain.len, &sealed);
	is_refused(sealed.p, header_len(&sealed) + 2 * FRAME_SEALED,
	    "after 2 frames the final one is missing");
}

TEST(stream__tells_when_something_follows_it)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	struct err e = ERR_INIT;
	char word[64];

	seal("a", "plain", 5, &sealed);
	(void)snprintf(word, sizeof(word),
	    "follows the final frame, at byte %zu", sealed.len);
	CHECK_OK(buf_add_u8(&sealed, 0, &e), &e);
	is_refused(sealed.p, sealed.len, word);
}

TEST(stream__tells_when_another_was_hung_behind_it)
{
	CLEANUP(freep_buf) struct buf one = BUF_INIT;
	CLEANUP(freep_buf) struct buf two = BUF_INIT;
	struct err e = ERR_INIT;

	seal("a", "one", 3, &one);
	seal("a", "two", 3, &two);
	CHECK_OK(buf_add(&one, two.p, two.len, &e), &e);
	is_refused(one.p, one.len, "follows the final frame");
}

/* A stream of four frames and an empty one, cut and pasted. */
static void
pasted(const int *order, size_t n, const char *word)
{
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i, header;

	noise(&plain, 4 * FRAME);
	seal("a", plain.p, plain.len, &sealed);
	header = header_len(&sealed);
	CHECK_OK(buf_add(&b, sealed.p, header, &e), &e);
	for (i = 0; i < n; i++)
		CHECK_OK(
		    buf_add(&b,
			sealed.p + header + (size_t)order[i] * FRAME_SEALED,
			order[i] == 4 ? 26 : FRAME_SEALED, &e),
		    &e);
	is_refused(b.p, b.len, word);
}

TEST(stream__tells_when_frames_were_reordered)
{
	pasted((const int[]){ 0, 2, 1, 3, 4 }, 5, "is frame 2: frames were");
}

TEST(stream__tells_when_a_frame_was_repeated)
{
	pasted((const int[]){ 0, 1, 1, 2, 3, 4 }, 6,
	    "where frame 2 belongs, at byte");
	pasted((const int[]){ 0, 1, 1, 2, 3, 4 }, 6, "is frame 1: frames");
}

TEST(stream__tells_when_a_frame_was_left_out)
{
	pasted((const int[]){ 0, 1, 3, 4 }, 4, "is frame 3: frames were");
}

TEST(stream__tells_when_the_end_was_moved_forward)
{
	pasted((const int[]){ 0, 1, 4 }, 3, "is frame 4: frames were");
}

TEST(stream__refuses_every_flipped_bit)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	size_t i, header;

	seal("a", "plain text, text, text, text", 28, &sealed);
	header = header_len(&sealed);
	for (i = 0; i < 8 * sealed.len; i++) {
		sealed.p[i / 8] ^= 1 << i % 8;
		/* Of a length in between, whatever the lie comes to. */
		is_refused(sealed.p, sealed.len,
		    i / 8 >= header        ? "frame 0"
		    : i / 8 >= header - 16 ? "header, its first"
		    : i / 8 >= 88          ? "stream"
		    : i / 8 >= 8           ? "header"
					   : "stream");
		sealed.p[i / 8] ^= 1 << i % 8;
	}
}

TEST(stream__writes_all_that_is_good_before_the_damage)
{
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t off;
	char word[64];

	noise(&plain, 8 * FRAME);
	seal("a", plain.p, plain.len, &sealed);
	off = header_len(&sealed) + 5 * FRAME_SEALED;
	sealed.p[off + 1000] ^= 1;
	sealed.p[off + FRAME_SEALED + 1000] ^= 1;
	CHECK_FAIL(run(repo_stream_open, "a", sealed.p, sealed.len, &out, &e),
	    &e, HF_ECORRUPT);
	(void)snprintf(word, sizeof(word), "bytes at byte %zu", off);
	CHECK(strstr(e.msg, "frame 5 is damaged") != NULL);
	CHECK(strstr(e.msg, word) != NULL);
	CHECK(out.len == 5 * FRAME && memcmp(out.p, plain.p, out.len) == 0);
}

TEST(stream__refuses_the_wrapped_key_of_another)
{
	CLEANUP(freep_buf) struct buf one = BUF_INIT;
	CLEANUP(freep_buf) struct buf two = BUF_INIT;
	size_t header;

	seal("a", "one", 3, &one);
	seal("a", "two", 3, &two);
	CHECK((header = header_len(&one)) == header_len(&two));
	memcpy(one.p + 92, two.p + 92, header - 92 - AEAD_TAG_LEN);
	is_refused(one.p, one.len, "belongs to another stream");
}

TEST(stream__refuses_the_frames_of_another)
{
	CLEANUP(freep_buf) struct buf one = BUF_INIT;
	CLEANUP(freep_buf) struct buf two = BUF_INIT;
	size_t header;

	seal("a", "one", 3, &one);
	seal("a", "two", 3, &two);
	header = header_len(&one);
	memcpy(one.p + header, two.p + header, one.len - header);
	is_refused(one.p, one.len, "frame 0 is damaged");
}

TEST(stream__says_that_something_else_is_none)
{
	static const char pgp[] = "-----BEGIN PGP MESSAGE-----";

	is_refused(pgp, sizeof(pgp), "this is no sealed stream");
}

/* What a hostile header may ask for. */
static void
asks_for(size_t off, uint32_t v, const char *word)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;

	seal("a", "plain", 5, &sealed);
	le32_put(sealed.p + off, v);
	is_refused(sealed.p, sealed.len, word);
}

TEST(stream__allocates_no_more_than_is_sane)
{
	asks_for(76, 0, "out of range");
	asks_for(76, UINT32_MAX, "out of range");
	asks_for(76, STREAM_FRAME_LIMIT + 1, "out of range");
	asks_for(88, 0, "0 wrapped keys");
	asks_for(88, UINT32_MAX, "4294967295 wrapped keys");
	asks_for(92, UINT32_MAX, "says that it has 4294967295 bytes");
}

/* Who has a key can make a stream of any frames: they must do no harm. */
static void
forged(uint32_t plain, uint8_t codec, const void *p, size_t n, const char *word)
{
	CLEANUP(repo_stream_header_clear) struct repo_stream_header h = { 0 };
	CLEANUP(freep_aead) struct aead *a = NULL;
	const struct repo_stream_opts o = opts("a");
	uint8_t aad[STREAM_AAD_LEN], sealed[256];
	struct err e = ERR_INIT;

	CHECK_OK(repo_stream_header_make(&o, &h, &e), &e);
	CHECK_OK(aead_new(h.object_key, h.oid, &a, &e), &e);
	repo_stream_aad(aad, h.oid, 0, plain, codec, 1);
	CHECK_OK(aead_seal(a, 0, aad, sizeof(aad), p, n, sealed, &e), &e);
	n += AEAD_TAG_LEN;
	CHECK_OK(buf_add_u32(&h.bytes, (uint32_t)n, &e), &e);
	CHECK_OK(buf_add_u32(&h.bytes, plain, &e), &e);
	CHECK_OK(buf_add_u8(&h.bytes, codec, &e), &e);
	CHECK_OK(buf_add_u8(&h.bytes, 1, &e), &e);
	CHECK_OK(buf_add(&h.bytes, sealed, n, &e), &e);
	is_refused(h.bytes.p, h.bytes.len, word);
}

TEST(stream__survives_frames_that_lie_about_their_length)
{
	/* Fifteen x in a zstd frame, as zstd(1) makes it. */
	static const char zstd[] = "\x28\xb5\x2f\xfd\x20\x0f\x45\x00\x00\x10"
				   "\x78\x78\x01\x00\xa5\xd7\x02";

	forged(200, 1, zstd, sizeof(zstd) - 1, "does not decompress to");
	forged(14, 1, "no zstd", 7, "does not decompress to");
	forged(14, 0, "15 bytes of text", 15, "says what cannot be");
	forged(4, 1, "more than plain", 15, "says what cannot be");
	forged(15, 2, "another codec..", 15, "says what cannot be");
	forged(FRAME + 1, 1, zstd, sizeof(zstd) - 1, "says what cannot be");
}

/* Feeds a pipe in odd pieces. */
struct feeder {
	int fd;
	const struct buf *b;
};

static void *
feed(void *arg)
{
	const struct feeder *f = arg;
	struct err e = ERR_INIT;
	size_t off, n;

	for (off = 0; off < f->b->len; off += n) {
		n = f->b->len - off < 4097 ? f->b->len - off : 4097;
		if (file_write_full(f->fd, f->b->p + off, n, &e) < 0)
			break;
	}
	(void)close(f->fd);
	return NULL;
}

static void
through_pipe(run_fn *fn, const struct buf *from, struct buf *to)
{
	const struct repo_stream_opts o = opts("a");
	CLEANUP(freep_fd) int out = file_with("", 0);
	struct err e = ERR_INIT;
	struct feeder f = { .b = from };
	pthread_t thread;
	uint64_t bytes;
	int fds[2];

	CHECK(pipe(fds) == 0);
	f.fd = fds[1];
	CHECK(pthread_create(&thread, NULL, feed, &f) == 0);
	CHECK_OK(fn(fds[0], out, &o, &bytes, &e), &e);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(close(fds[0]) == 0);
	contents(out, to);
}

TEST(stream__goes_through_pipes)
{
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	CLEANUP(freep_buf) struct buf back = BUF_INIT;

	noise(&plain, 3 * FRAME + 17);
	through_pipe(repo_stream_seal, &plain, &sealed);
	through_pipe(repo_stream_open, &sealed, &back);
	CHECK(back.len == plain.len);
	CHECK(memcmp(back.p, plain.p, plain.len) == 0);
}

TEST(stream__reports_a_full_disk)
{
	CLEANUP(freep_fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CLEANUP(freep_fd) int in = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const struct repo_stream_opts o = opts("a");
	struct err e = ERR_INIT;
	uint64_t bytes;

	CHECK_FAIL(repo_stream_seal(in, full, &o, &bytes, &e), &e, HF_ENOSPC);
}

/* A pipe that is open to be written and says nothing more than ${n} bytes. */
static int
silent_pipe(int fds[2], const void *p, size_t n)
{
	struct err e = ERR_INIT;

	CHECK(pipe(fds) == 0);
	CHECK_OK(file_write_full(fds[1], p, n, &e), &e);
	return fds[0];
}

TEST(stream__ends_when_asked_to_while_its_input_is_silent)
{
	struct repo_stream_opts o = opts("a");
	CLEANUP(freep_fd) int out = file_with("", 0);
	volatile sig_atomic_t cancel = 1;
	struct err e = ERR_INIT;
	uint64_t bytes;
	int fds[2];

	o.cancel = &cancel;
	(void)silent_pipe(fds, "x", 1);
	CHECK_FAIL(repo_stream_seal(fds[0], out, &o, &bytes, &e), &e, HF_EINTR);
	CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
}

/* Read a little, and go away. */
static void *
lose_interest(void *arg)
{
	const int *fd = arg;
	uint8_t some[10];
	size_t got;
	struct err e = ERR_INIT;

	(void)file_read_full(*fd, some, sizeof(some), &got, &e);
	(void)close(*fd);
	return NULL;
}

TEST(stream__ends_when_its_reader_goes_away_while_its_input_is_silent)
{
	CLEANUP(freep_buf) struct buf some = BUF_INIT;
	const struct repo_stream_opts o = opts("a");
	struct err e = ERR_INIT;
	struct feeder f = { .b = &some };
	pthread_t feeder, reader;
	uint64_t bytes;
	int in[2], out[2], silent;

	(void)signal(SIGPIPE, SIG_IGN);
	noise(&some, FRAME);
	CHECK(pipe(in) == 0 && pipe(out) == 0);
	CHECK((silent = dup(in[1])) >= 0); /* Its input does not end. */
	f.fd = in[1];
	CHECK(pthread_create(&feeder, NULL, feed, &f) == 0);
	CHECK(pthread_create(&reader, NULL, lose_interest, &out[0]) == 0);
	CHECK_FAIL(repo_stream_seal(in[0], out[1], &o, &bytes, &e), &e, HF_EIO);
	CHECK(strstr(e.msg, "Broken pipe") != NULL);
	CHECK(close(in[0]) == 0 && close(out[1]) == 0 && close(silent) == 0);
	CHECK(pthread_join(feeder, NULL) == 0);
	CHECK(pthread_join(reader, NULL) == 0);
}

static void
torture(run_fn *fn, const void *p, size_t n)
{
	const struct repo_stream_opts o = opts("a");
	CLEANUP(freep_fd) int from = file_with(p, n);
	CLEANUP(freep_fd) int to = file_with("", 0);
	struct err e = ERR_INIT;
	uint64_t bytes = 0;
	int rc = 0;

	TEST_TORTURE (k) {
		CHECK(lseek(from, 0, SEEK_SET) == 0);
		CHECK(ftruncate(to, 0) == 0);
		test_malloc_fail(k);
		rc = fn(from, to, &o, &bytes, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && bytes == 0);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
}

TEST(stream__survives_running_out_of_memory)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;

	seal("a", "plain", 5, &sealed);
	torture(repo_stream_seal, "plain", 5);
	torture(repo_stream_open, sealed.p, sealed.len);
}
