#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "fuzz.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "repo/repo_stream.h"
#include "repo/repo_stream_header.h"

/*
 * A sealed stream from a stranger.  An input that begins with 'H' is the
 * stream itself.  Of others we make the seals, as a stranger can who has a
 * recipient's public half: after the first byte come frames, each a u16 of
 * payload length, a u32 plain length, a u8 codec, a u8 last, and the payload.
 */

/* The key of the corpus: 32 times 'k'. */
static int
keys(void *arg, const uint8_t salt[16], struct key ***ret, size_t *n,
    struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;

	(void)arg, (void)salt;
	MUST(secret_new(32, &s, err) == 0);
	memset(secret_w(s), 'k', 32);
	MUST((*ret = calloc(1, sizeof(struct key *))) != NULL);
	*n = 1;
	return key_file_new(s, "file:corpus", &(*ret)[0], err);
}

static const struct repo_stream_opts opts = { .keys = keys, .level = 1 };

static void
put_frame(
    struct repo_stream_header *h, struct aead *a, uint64_t i, struct cur *c)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	uint8_t aad[STREAM_AAD_LEN], codec, last;
	struct err err = ERR_INIT;
	const uint8_t *p;
	uint32_t plain;
	size_t n = cur_u16(c);

	plain = cur_u32(c);
	codec = cur_u8(c);
	last = cur_u8(c);
	if (n > c->left)
		n = c->left;
	p = cur_take(c, n);
	repo_stream_aad(aad, h->oid, i, plain, codec, last);
	MUST(buf_reserve(&sealed, n + AEAD_TAG_LEN, &err) == 0);
	MUST(aead_seal(a, i, aad, sizeof(aad), p, n, sealed.p, &err) == 0);
	MUST(buf_add_u32(&h->bytes, (uint32_t)n + AEAD_TAG_LEN, &err) == 0);
	MUST(buf_add_u32(&h->bytes, plain, &err) == 0);
	MUST(buf_add_u8(&h->bytes, codec, &err) == 0);
	MUST(buf_add_u8(&h->bytes, last, &err) == 0);
	MUST(buf_add(&h->bytes, sealed.p, n + AEAD_TAG_LEN, &err) == 0);
}

static void
forge(const uint8_t *p, size_t n, struct repo_stream_header *h)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	struct err err = ERR_INIT;
	struct cur c;
	uint64_t i;

	MUST(repo_stream_header_make(&opts, h, &err) == 0);
	MUST(aead_new(h->object_key, h->oid, &a, &err) == 0);
	cur_init(&c, p, n);
	for (i = 0; c.left > 0 && !c.bad; i++)
		put_frame(h, a, i, &c);
}

static void
must_open_or_say_why(const uint8_t *p, size_t n)
{
	CLEANUP(freep_fd) int in = memfd_create("fuzz", MFD_CLOEXEC);
	CLEANUP(freep_fd) int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct err err = ERR_INIT;
	uint64_t bytes;
	int rc;

	MUST(in >= 0 && out >= 0);
	MUST(file_write_full(in, p, n, &err) == 0);
	MUST(lseek(in, 0, SEEK_SET) == 0);
	rc = repo_stream_open(in, out, &opts, &bytes, &err);
	MUST(rc == 0 || rc == -HF_ECORRUPT || rc == -HF_EKEY);
	MUST(rc == 0 || (rc == err.code && err.msg[0] != '\0'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(repo_stream_header_clear) struct repo_stream_header h = { 0 };

	if (n == 0 || p[0] == 'H') {
		must_open_or_say_why(p, n);
		return 0;
	}
	forge(p + 1, n - 1, &h);
	must_open_or_say_why(h.bytes.p, h.bytes.len);
	return 0;
}
