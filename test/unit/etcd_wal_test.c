#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_wal.h"
#include "test.h"

/* The head of the log that etcdutl 3.6.16 writes for one member alone, */
static const char one[] =
    "040000000000008408041000000000001f00000000000081080110d1d4d7e9061a"
    "1508bcb69eace8ce8491d60110828b9abf86d7bfab66000d000000000000830805"
    "109d92c73e1a04080010000000007000000000000000080210ece490bb021a6608"
    "0110011801225e0800100018bcb69eace8ce8491d601224d7b226964223a313534"
    "32393931353537333538303433383333322c227065657255524c73223a5b226874"
    "74703a2f2f3132372e302e302e313a3132333830225d2c226e616d65223a226e31"
    "227d1900000000000087080310c587cdf8081a0f080110bcb69eace8ce8491d601"
    "1801000000000000001d0000000000008308051087cefeba031a13080110011a0d"
    "08bcb69eace8ce8491d6012800000000";
/* and for the second of three, of which the first by id is the third. */
static const char three[] =
    "040000000000008408041000000000001f00000000000081080110a1d29fde031a"
    "1508f0d4c8dbd3ced6aaa401109cfac58880a4e3d94c000e000000000000820805"
    "1094a18fe2061a0408001000000068000000000000000802108ea2db9f081a5e08"
    "011001180122560800100018ef8f90fc95abd4b90222467b226964223a31373635"
    "37343235343639343030383831352c227065657255524c73223a5b22687474703a"
    "2f2f5b3a3a315d3a32333830225d2c226e616d65223a226e33227d6e0000000000"
    "0082080210a6cef2bc031a64080110011802225c0800100018da8da3e2c6d187a9"
    "9801224b7b226964223a31303937353836383833303331363238333631302c2270"
    "65657255524c73223a5b22687474703a2f2f31302e302e302e313a32333830225d"
    "2c226e616d65223a226e31227d0000870000000000008108021098ef8ddd061a7d"
    "08011001180322750800100018f0d4c8dbd3ced6aaa40122647b226964223a3131"
    "3834313437303235343739353539383434382c227065657255524c73223a5b2268"
    "7474703a2f2f31302e302e302e323a32333830222c2268747470733a2f2f622e65"
    "78616d706c653a32333831225d2c226e616d65223a226e32227d00180000000000"
    "0000080310d0bbdf990a1a0e080110ef8f90fc95abd4b902180332000000000000"
    "86080510ecb1d3c0021a28080310011a2208ef8f90fc95abd4b90208da8da3e2c6"
    "d187a9980108f0d4c8dbd3ced6aaa4012800000000000000";

static struct etcd_membership *
membership(bool alone)
{
	static const struct etcd_membership_opts opts[] = {
		{ "n2",
		    "n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,"
		    "n2=https://b.example:2381,n3=http://[::1]:2380",
		    "http://10.0.0.2:2380,https://b.example:2381", "tok" },
		{ "n1", "n1=http://127.0.0.1:12380", "http://127.0.0.1:12380",
		    "tok" },
	};
	struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_membership_new(&opts[alone], &s, &e), &e);
	return s;
}

static void
encodes(bool alone, const char *want)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership(alone);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char hex[2048];
	struct err e = ERR_INIT;

	CHECK_OK(etcd_wal_encode(s, &b, &e), &e);
	CHECK(2 * b.len < sizeof(hex));
	CHECK_STR(str_hex(hex, b.p, b.len), want);
}

TEST(wal__has_the_bytes_of_etcdutl)
{
	encodes(true, one);
	encodes(false, three);
}

TEST(wal__is_preallocated)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership(false);
	static uint8_t got[ETCD_WAL_SIZE + 1];
	struct etcd_wal_facts f;
	struct err e = ERR_INIT;
	char path[4096];
	FILE *file;
	size_t i;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/wal", test_dir());
	CHECK((fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
	CHECK_OK(etcd_wal_write(fd, s, &e), &e);
	CHECK((file = fdopen(fd, "r")) != NULL);
	rewind(file);
	CHECK(fread(got, 1, sizeof(got), file) == ETCD_WAL_SIZE);
	CHECK(fclose(file) == 0);
	for (i = sizeof(three) / 2; i < ETCD_WAL_SIZE; i++)
		CHECK(got[i] == 0);
	CHECK_OK(etcd_wal_check(got, ETCD_WAL_SIZE, &f, &e), &e);
	CHECK(f.end == sizeof(three) / 2 && !f.torn);
}

TEST(wal__in_memory_takes_no_more_than_it_holds)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership(true);
	CLEANUP(freep_fd) int fd = memfd_create("wal", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	struct stat st;

	CHECK(fd >= 0);
	CHECK_OK(etcd_wal_write(fd, s, &e), &e);
	CHECK(fstat(fd, &st) == 0 && st.st_size == ETCD_WAL_SIZE);
	CHECK(st.st_blocks < 1000);
}

/* A log in memory, with room behind it. */
struct log {
	uint8_t p[8192];
	size_t n;
};

static void
fill(struct log *l, const struct buf *b)
{
	CHECK(b->len < sizeof(l->p));
	memset(l->p, 0, sizeof(l->p));
	memcpy(l->p, b->p, b->len);
	l->n = b->len;
}

static void
real_log(struct log *l)
{
	l->n = sizeof(three) / 2;
	memset(l->p, 0, sizeof(l->p));
	CHECK(str_unhex(l->p, three, l->n));
}

TEST(wal__says_what_is_in_it)
{
	struct etcd_wal_facts f;
	struct err e = ERR_INIT;
	struct log l;

	real_log(&l);
	CHECK_OK(etcd_wal_check(l.p, sizeof(l.p), &f, &e), &e);
	CHECK(f.node_id == 0xa4555a753b722a70);
	CHECK(f.cluster_id == 0x4cb38d2001117d1c);
	CHECK(f.term == 1 && f.vote == 0x027351595f8407ef && f.commit == 3);
	CHECK(f.last_index == 3 && f.snap_index == 3 && f.snap_term == 1);
	CHECK(f.conf_state_len == 34 && f.conf_state[0] == 0x08);
	CHECK(f.end == l.n && !f.torn);
}

/* Cut anywhere, the log is shorter and torn, or too short to say whose. */
TEST(wal__cut_short_is_torn)
{
	struct etcd_wal_facts f;
	struct err e = ERR_INIT;
	struct log l;
	size_t n;
	int rc;

	real_log(&l);
	for (n = 0; n < l.n; n++) {
		e = (struct err)ERR_INIT;
		rc = etcd_wal_check(l.p, n, &f, &e);
		CHECK(rc == 0 || rc == -HF_ECORRUPT);
		CHECK(rc < 0 || (f.end <= n && f.torn == (f.end < n)));
		CHECK(rc == 0 || strstr(e.msg, "which member") != NULL);
	}
}

/* The crc of each record covers its data and those before it. */
TEST(wal__damaged_is_refused)
{
	struct etcd_wal_facts f;
	struct err e = ERR_INIT;
	struct log l;
	size_t i, refused = 0;

	real_log(&l);
	for (i = 0; i < l.n; i++) {
		l.p[i] ^= 0x01;
		e = (struct err)ERR_INIT;
		if (etcd_wal_check(l.p, sizeof(l.p), &f, &e) < 0) {
			CHECK(e.code == -HF_ECORRUPT);
			refused++;
		} else {
			/* A length, a padding, or what nobody reads. */
			CHECK(f.end < l.n + 8);
		}
		l.p[i] ^= 0x01;
	}
	CHECK(refused > l.n * 3 / 4);
}

TEST(wal__a_sector_that_was_not_written_is_torn)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_wal_out o = { .b = &b };
	struct etcd_wal_facts f;
	uint8_t data[1500];
	struct err e = ERR_INIT;
	struct log l;
	size_t end;

	memset(data, 'x', sizeof(data));
	memcpy(data, "\x08\x00\x10\x01\x18\x01\x22\xd3\x0b", 9);
	CHECK_OK(etcd_wal_add(&o, ETCD_WAL_CRC, NULL, 0, &e), &e);
	CHECK_OK(
	    etcd_wal_add(&o, ETCD_WAL_METADATA, "\x08\x01\x10\x02", 4, &e), &e);
	end = b.len;
	CHECK_OK(etcd_wal_add(&o, ETCD_WAL_ENTRY, data, sizeof(data), &e), &e);
	fill(&l, &b);
	CHECK_OK(etcd_wal_check(l.p, sizeof(l.p), &f, &e), &e);
	CHECK(f.last_index == 1 && f.end == l.n && !f.torn);

	memset(l.p + 512, 0, 512);
	CHECK_OK(etcd_wal_check(l.p, sizeof(l.p), &f, &e), &e);
	CHECK(f.torn && f.end == end && f.last_index == 0);

	/* The same damage, but in the midst of a sector. */
	fill(&l, &b);
	memset(l.p + 600, 0, 300);
	CHECK_FAIL(etcd_wal_check(l.p, sizeof(l.p), &f, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "wrong checksum") != NULL);
}

/* What records of these types and data, well summed, are taken for. */
static int
check(const char *types, const char *const *data, struct etcd_wal_facts *f,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_wal_out o = { .b = &b };
	static struct log l;
	struct err e = ERR_INIT;
	uint8_t bytes[64];
	size_t i, n;

	for (i = 0; types[i] != '\0'; i++) {
		n = strlen(data[i]) / 2;
		CHECK(str_unhex(bytes, data[i], n));
		CHECK_OK(etcd_wal_add(&o, (enum etcd_wal_type)(types[i] - '0'),
			     bytes, n, &e),
		    &e);
	}
	fill(&l, &b);
	return etcd_wal_check(l.p, sizeof(l.p), f, err);
}

#define META "08011002"

TEST(wal__refuses_what_contradicts_itself)
{
	struct etcd_wal_facts f;
	struct err e = ERR_INIT;

	CHECK_FAIL(check("11", (const char *[]){ META, "08021002" }, &f, &e),
	    &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "two members: 1 and 2") != NULL);
	CHECK_FAIL(
	    check("12", (const char *[]){ META, "080010011802" }, &f, &e), &e,
	    HF_ECORRUPT);
	CHECK(strstr(e.msg, "entry 0 to 2") != NULL);
	CHECK_FAIL(
	    check("12", (const char *[]){ META, "080010011800" }, &f, &e), &e,
	    HF_ECORRUPT);
	CHECK_FAIL(check("3", (const char *[]){ "080110011800" }, &f, &e), &e,
	    HF_ECORRUPT);
	CHECK(strstr(e.msg, "which member") != NULL);
	CHECK_FAIL(check("16", (const char *[]){ META, META }, &f, &e), &e,
	    HF_ECORRUPT);
	CHECK(strstr(e.msg, "unknown type") != NULL);
	CHECK_FAIL(check("13", (const char *[]){ META, "0801ff" }, &f, &e), &e,
	    HF_ECORRUPT);
	CHECK(strstr(e.msg, "malformed data") != NULL);
	CHECK_FAIL(check("15", (const char *[]){ META, "0801ff" }, &f, &e), &e,
	    HF_ECORRUPT);
	CHECK(strstr(e.msg, "malformed data") != NULL);
}

TEST(wal__takes_the_last_word_of_raft)
{
	struct etcd_wal_facts f;
	struct err e = ERR_INIT;

	/* Entry 2 comes twice; the snapshot at 3 is not committed. */
	CHECK_OK(
	    check("1222355",
		(const char *[]){ META, "080010011801", "080010011802",
		    "080010021802", "080210011802", "08021002", "08031002" },
		&f, &e),
	    &e);
	CHECK(f.last_index == 2 && f.term == 2 && f.commit == 2);
	CHECK(f.snap_index == 2 && f.snap_term == 2 && f.conf_state == NULL);
}

TEST(wal__survives_running_out_of_memory)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership(false);
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		test_malloc_fail(n);
		rc = etcd_wal_encode(s, &b, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
}
