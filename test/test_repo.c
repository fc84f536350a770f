#include <unistd.h>

#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/recipient/key_recipient.h"
#include "repo/repo.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

/* Alice of RFC 7748. */
#define IDENTITY                                                               \
	"hfi177076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a" \
	"bb504be2"
#define PUBLIC                                                                 \
	"hfr18520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" \
	"d9eb95a7"

uint64_t test_repo_cache;

struct secret *
test_secret(uint8_t fill)
{
	struct secret *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(secret_new(32, &s, &e), &e);
	memset(secret_w(s), fill, 32);
	return s;
}

static int
file_key(char letter, struct key **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	char label[16];

	if (secret_new(32, &s, err) < 0)
		return err->code;
	memset(secret_w(s), letter, 32);
	(void)snprintf(label, sizeof(label), "file:%c", letter);
	return key_file_new(s, label, ret, err);
}

static int
identity_key(struct params *p, struct err *err)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/identity", test_dir());
	if (access(path, F_OK) < 0 &&
	    file_write_new(path, 0600, IDENTITY, strlen(IDENTITY), err) < 0)
		return err->code;
	return params_set(p, key_identity_driver.word, path, err);
}

int
test_key_open(char letter, struct key **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	static const uint8_t salt[16];

	if (letter >= '1' && letter <= '9')
		return file_key(letter, ret, err);
	if (params_new(&p, err) < 0)
		return err->code;
	if (letter == 'i')
		return identity_key(p, err) < 0
			   ? err->code
			   : key_identity_driver.open(p, salt, ret, err);
	if (params_set(p, key_recipient_driver.word, PUBLIC, err) < 0)
		return err->code;
	return key_recipient_driver.open(p, salt, ret, err);
}

const uint8_t *
test_key_fingerprint(char letter)
{
	static uint8_t fp[KEY_FINGERPRINT_LEN];
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_key_open(letter, &k, &e), &e);
	memcpy(fp, k->fingerprint, sizeof(fp));
	return fp;
}

static int
open_keys(void *arg, const uint8_t vault_id[REPO_ID_LEN], struct key ***ret,
    size_t *nret, struct err *err)
{
	const char *letters = arg;
	struct key **keys;
	size_t n;

	(void)vault_id;
	if ((keys = calloc(strlen(letters) + 1, sizeof(struct key *))) == NULL)
		return err_nomem(err);
	for (n = 0; letters[n] != '\0'; n++) {
		if (test_key_open(letters[n], &keys[n], err) == 0)
			continue;
		while (n > 0)
			key_free(keys[--n]);
		free(keys);
		return err->code;
	}
	*ret = keys;
	*nret = n;
	return 0;
}

static const char *
state_of(const char *host, char path[128])
{
	(void)snprintf(path, 128, "%s/state-%s", test_dir(), host);
	return path;
}

int
test_repo_init(
    struct store *s, const char *host, const char *keys, struct err *err)
{
	CLEANUP(freep_mem) char *letters = NULL;
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	char path[128];
	struct repo_opts opts = {
		.store = s,
		.state_dir = state_of(host, path),
		.host = host,
	};

	if (str_dup(keys, &letters, err) < 0)
		return err->code;
	return repo_init(&opts, open_keys, letters, fp, err);
}

int
test_repo_open(struct store *s, const char *host, const char *keys,
    struct repo **ret, struct err *err)
{
	CLEANUP(freep_mem) char *letters = NULL;
	char path[128];
	struct repo_opts opts = {
		.store = s,
		.state_dir = state_of(host, path),
		.host = host,
		.cache = test_repo_cache,
	};

	if (str_dup(keys, &letters, err) < 0)
		return err->code;
	return repo_open(&opts, open_keys, letters, ret, err);
}

static int
describe(struct repo_manifest *m, const struct repo *r, const char *source,
    struct err *err)
{
	m->kind = REPO_FULL;
	memcpy(m->vault_id, repo_head(r)->vault_id, REPO_ID_LEN);
	if ((m->keys = calloc(1, REPO_ID_LEN)) == NULL)
		return err_nomem(err);
	m->nkeys = 1;
	if (str_dup(source, &m->source, err) < 0 ||
	    str_dup("tree", &m->type, err) < 0)
		return err->code;
	return store_now(repo_store(r), &m->start_ms, err);
}

int
test_commit(struct repo *r, const char *source, char id[REPO_BACKUP_ID_LEN + 1],
    struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	CLEANUP(repo_private_clear) struct repo_private p = { 0 };
	CLEANUP(freep_secret) struct secret *key = NULL;

	if (describe(&m, r, source, err) < 0 ||
	    str_dup("the marker", &p.label, err) < 0 ||
	    repo_data_key_new(r, m.keys[0], &key, err) < 0 ||
	    repo_private_seal(&p, key, 0, &m, err) < 0)
		return err->code;
	return repo_commit(r, &m, id, err);
}

int
test_tombstone(struct repo *r, const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	char reason[] = "a test";
	struct repo_tombstone t = {
		.manifest = b->name,
		.seq = b->m.seq,
		.reason = reason,
	};
	const struct secret *seed;
	struct store_blob blob;

	memcpy(t.vault_id, b->m.vault_id, REPO_ID_LEN);
	memcpy(t.sha256, b->m.sha256, SHA256_LEN);
	memcpy(t.writer, b->m.writer, SIGN_FINGERPRINT_LEN);
	memcpy(t.parent, b->m.parent, SHA256_LEN);
	if (repo_writer_seed(r, REPO_ROLE_PRUNE, &seed, err) < 0 ||
	    repo_writer_fingerprint(r, t.pruner, err) < 0 ||
	    store_now(repo_store(r), &t.time_ms, err) < 0 ||
	    repo_tombstone_encode(&t, seed, &bytes, err) < 0)
		return err->code;
	repo_name_tombstone(name, t.sha256);
	blob = (struct store_blob){ .p = bytes.p, .len = bytes.len };
	return store_put(
	    repo_store(r), repo_object(r, name, object), &blob, err);
}

struct repo_pack_row
test_pack(struct repo *r, const struct repo_backup *b, size_t i)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(repo_manifest_load(r, b, &m, &e), &e);
	CHECK(i < m.npacks);
	return m.packs[i];
}

void
test_object_put(struct store *s, const char *name, const void *p, size_t n)
{
	CLEANUP(freep_store_eraser) struct store_eraser *eraser = NULL;
	const struct store_blob blob = { .p = p, .len = n };
	struct err e = ERR_INIT;

	CHECK_OK(store_eraser_new(s, &eraser, &e), &e);
	CHECK_OK(store_erase(eraser, name, &e), &e);
	if (p != NULL)
		CHECK_OK(store_put(s, name, &blob, &e), &e);
}

void
test_object_flip(struct store *s, const char *name, size_t at)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(store_get(s, name, 64u << 20, &b, &e), &e);
	CHECK(at < b.len);
	b.p[at] ^= 1;
	test_object_put(s, name, b.p, b.len);
}

static char first[300];

static int
count(void *arg, const struct store_info *info, struct err *err)
{
	(void)err;
	if ((*(size_t *)arg)++ == 0)
		(void)snprintf(first, sizeof(first), "%s", info->name);
	return 0;
}

size_t
test_count(struct store *s, const char *prefix)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	CHECK_OK(store_list(s, prefix, count, &n, &e), &e);
	return n;
}

const char *
test_first(struct store *s, const char *prefix)
{
	CHECK(test_count(s, prefix) > 0);
	return first;
}
