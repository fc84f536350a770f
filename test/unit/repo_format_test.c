#include "crypto/secret.h"
#include "repo/repo_format.h"
#include "test.h"
#include "test_repo.h"

/*
 * The signed objects: what goes in comes out, and nothing else goes in.
 * Every decoder meets every truncation and every flipped bit; the signature
 * must catch them.  With the signature left out (a manifest whose writer is
 * not known yet) nothing may crash.
 */

static struct secret *seed;
static uint8_t pk[SIGN_PUBLIC_LEN], fp[SIGN_FINGERPRINT_LEN];

static void
keys_make(void)
{
	struct err e = ERR_INIT;

	if (seed != NULL)
		return;
	seed = test_secret(7);
	CHECK_OK(sign_public(seed, pk, &e), &e);
	CHECK_OK(sign_fingerprint(pk, fp, &e), &e);
}

/* A string literal as a char *: nothing here is written to or freed. */
static char *
text(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = { s };

	return u.out;
}

/* One kind of object: an example, and how it is decoded and thrown away. */
struct example {
	const char *name;
	int (*encode)(struct buf *, struct err *);
	int (*decode)(const uint8_t *, size_t, struct err *);
};

static int
head_encode(struct buf *b, struct err *e)
{
	struct repo_head h = {
		.repo_id = { 1 },
		.vault_id = { 2 },
		.reuse_s = 7 * 86400,
		.deadline_s = 86400,
		.grace_s = 90000,
		.created_ms = 1795168800000,
		.vault = text("main"),
	};

	memcpy(h.root_pk, pk, sizeof(pk));
	return repo_head_encode(&h, seed, b, e);
}

static int
head_decode(const uint8_t *p, size_t n, struct err *e)
{
	CLEANUP(repo_head_clear) struct repo_head h = { 0 };

	if (repo_head_decode(p, n, &h, e) < 0) {
		CHECK(h.vault == NULL);
		return e->code;
	}
	CHECK(h.repo_id[0] == 1 && h.vault_id[0] == 2);
	CHECK(memcmp(h.root_pk, pk, sizeof(pk)) == 0);
	CHECK(h.reuse_s == 7 * 86400 && h.deadline_s == 86400);
	CHECK(h.grace_s == 90000 && h.created_ms == 1795168800000);
	CHECK_STR(h.vault, "main");
	return 0;
}

static int
cert_encode(struct buf *b, struct err *e)
{
	char *sources[] = { text("db-*"), text("node1") };
	struct repo_cert w = {
		.vault_id = { 2 },
		.pk = { 9, 8 },
		.roles = REPO_ROLE_WRITE | REPO_ROLE_VERIFY,
		.created_ms = 1,
		.expires_ms = 2,
		.name = text("host-a"),
		.sources = sources,
		.nsources = 2,
	};

	return repo_cert_encode(&w, seed, b, e);
}

static int
cert_decode(const uint8_t *p, size_t n, struct err *e)
{
	CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };

	if (repo_cert_decode(p, n, pk, &w, e) < 0) {
		CHECK(w.name == NULL && w.sources == NULL);
		return e->code;
	}
	CHECK(w.vault_id[0] == 2 && w.pk[0] == 9 && w.pk[1] == 8);
	CHECK(w.roles == (REPO_ROLE_WRITE | REPO_ROLE_VERIFY));
	CHECK(w.created_ms == 1 && w.expires_ms == 2 && w.nsources == 2);
	CHECK_STR(w.name, "host-a");
	CHECK_STR(w.sources[0], "db-*");
	CHECK_STR(w.sources[1], "node1");
	return 0;
}

static int
tombstone_encode(struct buf *b, struct err *e)
{
	char name[REPO_NAME_MAX];
	struct repo_tombstone t = {
		.vault_id = { 2 },
		.pruner = { 3 },
		.time_ms = 55,
		.manifest = name,
		.sha256 = { 0xab, 0xcd },
		.writer = { 4 },
		.seq = 12,
		.parent = { 5 },
		.reason = text("older than 15d"),
	};

	repo_name_manifest(name, 12, 1795168800000, t.sha256);
	return repo_tombstone_encode(&t, seed, b, e);
}

static int
tombstone_decode(const uint8_t *p, size_t n, struct err *e)
{
	CLEANUP(repo_tombstone_clear) struct repo_tombstone t = { 0 };

	if (repo_tombstone_decode(p, n, pk, &t, e) < 0) {
		CHECK(t.manifest == NULL && t.reason == NULL);
		return e->code;
	}
	CHECK(t.vault_id[0] == 2 && t.pruner[0] == 3 && t.time_ms == 55);
	CHECK(t.sha256[0] == 0xab && t.writer[0] == 4 && t.seq == 12);
	CHECK(t.parent[0] == 5);
	CHECK_STR(
	    t.manifest, "s/000000000012-20261120T100000Z-abcd000000000000.hfm");
	CHECK_STR(t.reason, "older than 15d");
	return 0;
}

static int
attest_encode(struct buf *b, struct err *e)
{
	struct repo_fact fact = { text("etcd.revision"), text("4711") };
	struct repo_attest a = {
		.vault_id = { 2 },
		.verifier = { 3 },
		.sha256 = { 0xab },
		.level = 2,
		.good = 1,
		.time_ms = 1795168800000,
		.took_ms = 17,
		.objects = 18,
		.bytes = 19,
		.host = text("auditor"),
		.message = text("all is whole"),
		.facts = &fact,
		.nfacts = 1,
	};

	return repo_attest_encode(&a, seed, b, e);
}

static int
attest_decode(const uint8_t *p, size_t n, struct err *e)
{
	CLEANUP(repo_attest_clear) struct repo_attest a = { 0 };

	if (repo_attest_decode(p, n, pk, &a, e) < 0) {
		CHECK(a.host == NULL && a.facts == NULL);
		return e->code;
	}
	CHECK(a.vault_id[0] == 2 && a.verifier[0] == 3);
	CHECK(a.sha256[0] == 0xab && a.level == 2 && a.good == 1);
	CHECK(a.time_ms == 1795168800000 && a.took_ms == 17);
	CHECK(a.objects == 18 && a.bytes == 19 && a.nfacts == 1);
	CHECK_STR(a.host, "auditor");
	CHECK_STR(a.message, "all is whole");
	CHECK_STR(a.facts[0].name, "etcd.revision");
	CHECK_STR(a.facts[0].value, "4711");
	return 0;
}

static uint8_t key_ids[2][REPO_ID_LEN] = { { 1 }, { 2 } };
static struct repo_pack_row rows[2] = {
	{ .oid = { 1 }, .hour = 498658, .len = 1000, .key = 0 },
	{ .oid = { 2 }, .hour = 498659, .len = 2000, .key = 1 },
};
static struct repo_fact facts[2] = {
	{ NULL, NULL }, /* Encodes as "" and "". */
	{ NULL, NULL },
};
static uint8_t sealed[16 + 3] = { 'x', 'y' };

static struct repo_manifest
manifest_example(void)
{
	facts[0].name = text("etcd.revision");
	facts[0].value = text("4711");
	return (struct repo_manifest){
		.kind = REPO_INCREMENT,
		.repo_id = { 1 },
		.vault_id = { 2 },
		.writer = { 3 },
		.seq = 5,
		.parent = { 4 },
		.base = { 6 },
		.start_ms = 100,
		.commit_ms = 200,
		.source = text("node1"),
		.type = text("tree"),
		.class = text("data"),
		.host = text("h"),
		.program = text("holdfast 0.1.0"),
		.plain_bytes = 1,
		.stored_bytes = 2,
		.entries = 3,
		.warnings = 4,
		.keys = key_ids,
		.nkeys = 2,
		.packs = rows,
		.npacks = 2,
		.evidence = facts,
		.nevidence = 2,
		.priv_key = 1,
		.priv_oid = { 7 },
		.priv_commit = { 8 },
		.priv_plain = 3,
		.priv_codec = 0,
		.priv_sealed = { sealed, sizeof(sealed), sizeof(sealed) },
	};
}

static int
manifest_encode(struct buf *b, struct err *e)
{
	struct repo_manifest m = manifest_example();

	return repo_manifest_encode(&m, seed, b, e);
}

static int
manifest_decode(const uint8_t *p, size_t n, struct err *e)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	uint8_t hash[SHA256_LEN];

	if (repo_manifest_decode(p, n, pk, &m, e) < 0) {
		CHECK(m.source == NULL && m.packs == NULL);
		return e->code;
	}
	CHECK(m.kind == REPO_INCREMENT && m.repo_id[0] == 1);
	CHECK(m.vault_id[0] == 2 && m.writer[0] == 3 && m.seq == 5);
	CHECK(m.parent[0] == 4 && m.base[0] == 6);
	CHECK(m.start_ms == 100 && m.commit_ms == 200);
	CHECK_STR(m.source, "node1");
	CHECK_STR(m.type, "tree");
	CHECK_STR(m.class, "data");
	CHECK_STR(m.host, "h");
	CHECK_STR(m.program, "holdfast 0.1.0");
	CHECK(m.plain_bytes == 1 && m.stored_bytes == 2);
	CHECK(m.entries == 3 && m.warnings == 4);
	CHECK(m.nkeys == 2 && memcmp(m.keys, key_ids, 32) == 0);
	CHECK(m.npacks == 2 && m.packs[1].oid[0] == 2);
	CHECK(m.packs[1].hour == 498659 && m.packs[1].len == 2000);
	CHECK(m.packs[1].key == 1);
	CHECK(m.nevidence == 2);
	CHECK_STR(m.evidence[0].value, "4711");
	CHECK_STR(m.evidence[1].name, "");
	CHECK(m.priv_key == 1 && m.priv_oid[0] == 7);
	CHECK(m.priv_commit[0] == 8 && m.priv_plain == 3);
	CHECK(m.priv_sealed.len == sizeof(sealed));
	CHECK(memcmp(m.priv_sealed.p, sealed, sizeof(sealed)) == 0);
	CHECK_OK(sha256_of(p, n, hash, e), e);
	CHECK(memcmp(m.sha256, hash, sizeof(hash)) == 0);
	return 0;
}

static int
brief_decode(const uint8_t *p, size_t n, struct err *e)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };

	if (repo_manifest_brief(p, n, pk, &m, e) < 0) {
		CHECK(m.source == NULL && m.npacks == 0);
		return e->code;
	}
	CHECK(m.packs == NULL && m.npacks == 2 && m.nkeys == 2);
	CHECK(m.priv_sealed.p == NULL && m.priv_plain == 3);
	CHECK_STR(m.program, "holdfast 0.1.0");
	CHECK_STR(m.evidence[0].value, "4711");
	return 0;
}

static int
wrapped_encode(struct buf *b, struct err *e)
{
	uint8_t bytes[] = "sealed bytes";
	struct repo_wrapped w = {
		.class = REPO_KEY_DATA,
		.vault_id = { 2 },
		.key_id = { 3 },
		.opener = { 4 },
		.kind = text("recipient"),
		.public_text = text("hfr1"),
		.wrapping = { bytes, sizeof(bytes), sizeof(bytes) },
	};

	return repo_wrapped_encode(&w, NULL, b, e);
}

static int
wrapped_decode(const uint8_t *p, size_t n, struct err *e)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };

	if (repo_wrapped_decode(p, n, &w, e) < 0) {
		CHECK(w.kind == NULL && w.wrapping.p == NULL);
		return e->code;
	}
	CHECK(w.class == REPO_KEY_DATA && w.vault_id[0] == 2);
	CHECK(w.key_id[0] == 3 && w.opener[0] == 4);
	CHECK_STR(w.kind, "recipient");
	CHECK_STR(w.public_text, "hfr1");
	CHECK(w.wrapping.len == sizeof("sealed bytes"));
	CHECK(memcmp(w.wrapping.p, "sealed bytes", w.wrapping.len) == 0);
	return 0;
}

static int
revocation_encode(struct buf *b, struct err *e)
{
	static uint8_t kept[2][SHA256_LEN] = { { 5 }, { 6 } };
	const struct repo_revocation v = {
		.vault_id = { 2 },
		.writer = { 3 },
		.time_ms = 300,
		.kept = kept,
		.nkept = 2,
	};

	return repo_revocation_encode(&v, seed, b, e);
}

static int
revocation_decode(const uint8_t *p, size_t n, struct err *e)
{
	static const uint8_t in[2][SHA256_LEN] = { { 5 }, { 6 } };
	static const uint8_t out[3][SHA256_LEN] = { { 4 }, { 5, 1 }, { 7 } };
	CLEANUP(repo_revocation_clear) struct repo_revocation v = { 0 };
	size_t i;

	if (repo_revocation_decode(p, n, pk, &v, e) < 0) {
		CHECK(v.kept == NULL && v.time_ms == 0);
		return e->code;
	}
	CHECK(v.vault_id[0] == 2 && v.writer[0] == 3 && v.time_ms == 300);
	for (i = 0; i < 2; i++)
		CHECK(repo_revocation_keeps(&v, in[i]));
	for (i = 0; i < 3; i++)
		CHECK(!repo_revocation_keeps(&v, out[i]));
	return 0;
}

static int
undo_encode(struct buf *b, struct err *e)
{
	const struct repo_undo u = {
		.vault_id = { 2 },
		.pruner = { 3 },
		.time_ms = 300,
		.tombstone = { 4 },
	};

	return repo_undo_encode(&u, seed, b, e);
}

static int
undo_decode(const uint8_t *p, size_t n, struct err *e)
{
	uint8_t signer[SIGN_FINGERPRINT_LEN];
	struct repo_undo u = { .time_ms = 1 };

	if (repo_undo_decode(p, n, pk, &u, e) < 0) {
		CHECK(u.time_ms == 1);
		return e->code;
	}
	CHECK(u.vault_id[0] == 2 && u.pruner[0] == 3 && u.time_ms == 300);
	CHECK(u.tombstone[0] == 4);
	CHECK(repo_signer(p, n, signer) && signer[0] == 3);
	return 0;
}

static const struct example examples[] = {
	{ "F", head_encode, head_decode },
	{ "w", cert_encode, cert_decode },
	{ "k", wrapped_encode, wrapped_decode },
	{ "s", manifest_encode, manifest_decode },
	{ "s", manifest_encode, brief_decode },
	{ "t", tombstone_encode, tombstone_decode },
	{ "a", attest_encode, attest_decode },
	{ "r", revocation_encode, revocation_decode },
	{ "u", undo_encode, undo_decode },
};
#define NEXAMPLES (sizeof(examples) / sizeof(examples[0]))

TEST(objects__come_back_as_they_were)
{
	struct err e = ERR_INIT;
	size_t i;

	keys_make();
	for (i = 0; i < NEXAMPLES; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		CHECK_OK(examples[i].encode(&b, &e), &e);
		CHECK_OK(examples[i].decode(b.p, b.len, &e), &e);
	}
}

TEST(objects__are_refused_when_cut_short_or_extended)
{
	struct err e = ERR_INIT;
	size_t i, n;

	keys_make();
	for (i = 0; i < NEXAMPLES; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		CHECK_OK(examples[i].encode(&b, &e), &e);
		for (n = 0; n < b.len; n++) {
			/* A copy of its own, so that ASan sees the end. */
			CLEANUP(freep_mem) uint8_t *cut = malloc(n + 1);

			CHECK(cut != NULL);
			memcpy(cut, b.p, n);
			CHECK_FAIL(
			    examples[i].decode(cut, n, &e), &e, HF_ECORRUPT);
		}
		CHECK_OK(buf_add_u8(&b, 0, &e), &e);
		CHECK_FAIL(examples[i].decode(b.p, b.len, &e), &e, HF_ECORRUPT);
	}
}

TEST(objects__are_refused_when_any_bit_differs)
{
	struct err e = ERR_INIT;
	size_t i, at;

	keys_make();
	for (i = 0; i < NEXAMPLES; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		CHECK_OK(examples[i].encode(&b, &e), &e);
		for (at = 0; at < b.len; at++) {
			b.p[at] ^= (uint8_t)(1 << (at % 8));
			CHECK_FAIL(examples[i].decode(b.p, b.len, &e), &e,
			    HF_ECORRUPT);
			b.p[at] ^= (uint8_t)(1 << (at % 8));
		}
	}
}

TEST(objects__of_one_kind_are_not_taken_for_another)
{
	struct err e = ERR_INIT;
	size_t i, j;

	keys_make();
	for (i = 0; i < NEXAMPLES; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		CHECK_OK(examples[i].encode(&b, &e), &e);
		for (j = 0; j < NEXAMPLES; j++)
			if (examples[i].encode != examples[j].encode)
				CHECK_FAIL(examples[j].decode(b.p, b.len, &e),
				    &e, HF_ECORRUPT);
	}
}

TEST(objects__leave_nothing_behind_when_memory_runs_out)
{
	CLEANUP(freep_buf) struct buf whole = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;
	int rc;

	keys_make();
	for (i = 0; i < NEXAMPLES; i++) {
		whole.len = 0;
		TEST_TORTURE (n) {
			CLEANUP(freep_buf) struct buf b = BUF_INIT;

			test_malloc_fail(n);
			rc = examples[i].encode(&b, &e);
			if (!test_malloc_failed())
				break;
			CHECK(rc == -HF_ENOMEM && b.len == 0);
		}
		test_malloc_fail(0);
		CHECK_OK(examples[i].encode(&whole, &e), &e);
		TEST_TORTURE (n) {
			test_malloc_fail(n);
			rc = examples[i].decode(whole.p, whole.len, &e);
			if (!test_malloc_failed())
				break;
			CHECK(rc == -HF_ENOMEM);
		}
		test_malloc_fail(0);
	}
}

TEST(manifest__with_lying_counts_is_refused_before_anything_is_allocated)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct repo_manifest m = { 0 }, brief = { 0 };
	struct err e = ERR_INIT;
	uint8_t keep[4];
	size_t at;
	int rc;

	keys_make();
	CHECK_OK(manifest_encode(&b, &e), &e);
	/* Nobody checks the signature here, so the rules stand alone. */
	for (at = 0; at + 4 <= b.len - SIGN_LEN; at++) {
		memcpy(keep, b.p + at, 4);
		memset(b.p + at, 0xff, 4);
		rc = repo_manifest_decode(b.p, b.len, NULL, &m, &e);
		if (rc < 0)
			CHECK(rc == -HF_ECORRUPT && m.packs == NULL);
		CHECK(repo_manifest_brief(b.p, b.len, NULL, &brief, &e) == rc);
		CHECK(brief.npacks == m.npacks);
		repo_manifest_clear(&m);
		repo_manifest_clear(&brief);
		memcpy(b.p + at, keep, 4);
	}
}

static int
encode_broken(void (*damage)(struct repo_manifest *), struct err *e)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct repo_manifest m = manifest_example();

	damage(&m);
	return repo_manifest_encode(&m, seed, &b, e);
}

static void
first_with_parent(struct repo_manifest *m)
{
	m->seq = 1;
}

static void
full_with_base(struct repo_manifest *m)
{
	m->kind = REPO_FULL;
}

static void
key_out_of_range(struct repo_manifest *m)
{
	m->priv_key = 2;
}

static void
commit_before_start(struct repo_manifest *m)
{
	m->commit_ms = m->start_ms - 1;
}

static void
raw_of_other_length(struct repo_manifest *m)
{
	m->priv_plain = 4;
}

TEST(manifest__that_breaks_a_rule_is_never_written)
{
	struct err e = ERR_INIT;

	keys_make();
	CHECK_FAIL(encode_broken(first_with_parent, &e), &e, HF_EBUG);
	CHECK_FAIL(encode_broken(full_with_base, &e), &e, HF_EBUG);
	CHECK_FAIL(encode_broken(key_out_of_range, &e), &e, HF_EBUG);
	CHECK_FAIL(encode_broken(commit_before_start, &e), &e, HF_EBUG);
	CHECK_FAIL(encode_broken(raw_of_other_length, &e), &e, HF_EBUG);
}

TEST(head__with_grace_too_short_for_prune_is_refused)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct repo_head h = {
		.deadline_s = 86400,
		.grace_s = 86400 + 3599,
		.vault = text("main"),
	};
	struct err e = ERR_INIT;

	keys_make();
	memcpy(h.root_pk, pk, sizeof(pk));
	CHECK_FAIL(repo_head_encode(&h, seed, &b, &e), &e, HF_EBUG);
	h.grace_s++;
	CHECK_OK(repo_head_encode(&h, seed, &b, &e), &e);
}

TEST(head__signed_by_another_root_is_refused)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct repo_head h = {
		.deadline_s = 3600,
		.grace_s = 7200,
		.vault = text("main"),
	};
	struct err e = ERR_INIT;

	keys_make();
	memset(h.root_pk, 1, sizeof(h.root_pk));
	CHECK_OK(repo_head_encode(&h, seed, &b, &e), &e);
	CHECK_FAIL(repo_head_decode(b.p, b.len, &h, &e), &e, HF_ECORRUPT);
}

TEST(tombstone__whose_name_is_not_that_of_its_hash_is_refused)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct repo_tombstone t = {
		.manifest = text(
		    "s/000000000012-20261120T100000Z-abcd000000000000.hfm"),
		.sha256 = { 0xab, 0xce },
		.seq = 12,
		.parent = { 5 },
	};

	keys_make();
	CHECK_FAIL(repo_tombstone_encode(&t, seed, &b, &e), &e, HF_EBUG);
	t.sha256[1] = 0xcd;
	CHECK_OK(repo_tombstone_encode(&t, seed, &b, &e), &e);
	t.seq = 13;
	CHECK_FAIL(repo_tombstone_encode(&t, seed, &b, &e), &e, HF_EBUG);
}

TEST(signer__is_read_from_every_kind_that_names_one)
{
	CLEANUP(freep_buf) struct buf s = BUF_INIT;
	CLEANUP(freep_buf) struct buf t = BUF_INIT;
	CLEANUP(freep_buf) struct buf f = BUF_INIT;
	uint8_t who[SIGN_FINGERPRINT_LEN];
	struct err e = ERR_INIT;

	keys_make();
	CHECK_OK(manifest_encode(&s, &e), &e);
	CHECK(repo_signer(s.p, s.len, who) && who[0] == 3 && who[1] == 0);
	CHECK_OK(tombstone_encode(&t, &e), &e);
	CHECK(repo_signer(t.p, t.len, who) && who[0] == 3 && who[1] == 0);
	CHECK(!repo_signer(t.p, 36, who));
	CHECK_OK(head_encode(&f, &e), &e);
	CHECK(!repo_signer(f.p, f.len, who));
}

TEST(names__are_those_of_the_format)
{
	static const uint8_t id[SHA256_LEN] = { 0x01, 0x23, 0x45, 0x67 };
	static const uint8_t rnd[4] = { 0xde, 0xad, 0xbe, 0xef };
	char name[REPO_NAME_MAX];

	repo_name_cert(name, id);
	CHECK_STR(name, "w/01234567000000000000000000000000.hfw");
	repo_name_wrapped(name, id, id + 1);
	CHECK_STR(name, "k/01234567000000000000000000000000."
			"23456700000000000000000000000000.hfk");
	repo_name_pack(name, 498658, id);
	CHECK_STR(name, "p/20261120T10/"
			"0123456700000000000000000000000000000000.hfp");
	repo_name_manifest(name, 7, 1795168805999, id);
	CHECK_STR(name, "s/000000000007-20261120T100005Z-0123456700000000.hfm");
	CHECK(repo_name_manifest_is(name, 7, id));
	CHECK(!repo_name_manifest_is(name, 8, id));
	CHECK(!repo_name_manifest_is("s/", 7, id));
	repo_name_tombstone(name, id);
	CHECK_STR(name, "t/0123456700000000.hft");
	repo_name_attest(name, id, 0, rnd);
	CHECK_STR(name, "a/0123456700000000-19700101T000000Z-deadbeef.hfa");
}

#define SOURCE_AT 144   /* Of its length. */
#define EVIDENCE_AT 388 /* Of how many there are. */

/*
 * Decode the manifest ${b} with ${by} added to the number at ${at} and ${n}
 * bytes of ${fill} behind it.
 */
static int
decode_longer(const struct buf *b, size_t at, uint32_t by, size_t n,
    uint8_t fill, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	CLEANUP(freep_buf) struct buf to = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(buf_add(&to, b->p, at, &e), &e);
	CHECK_OK(buf_add_u32(&to, le32_get(b->p + at) + by, &e), &e);
	for (; n > 0; n--)
		CHECK_OK(buf_add_u8(&to, fill, &e), &e);
	CHECK_OK(buf_add(&to, b->p + at + 4, b->len - at - 4, &e), &e);
	return repo_manifest_brief(to.p, to.len, NULL, &m, err);
}

/* Whoever lists a repository keeps them, of every backup there is. */
TEST(manifest__has_bounded_texts_and_evidence)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(manifest_encode(&b, &e), &e);
	CHECK(le32_get(b.p + SOURCE_AT) == 5);
	CHECK(le32_get(b.p + EVIDENCE_AT) == 2);
	CHECK_OK(decode_longer(&b, SOURCE_AT, 60000, 60000, 'x', &e), &e);
	CHECK_FAIL(decode_longer(&b, SOURCE_AT, 70000, 70000, 'x', &e), &e,
	    HF_ECORRUPT);
	CHECK_OK(decode_longer(&b, EVIDENCE_AT, 4094, 8 * 4094, 0, &e), &e);
	CHECK_FAIL(decode_longer(&b, EVIDENCE_AT, 4095, 8 * 4095, 0, &e), &e,
	    HF_ECORRUPT);
}
