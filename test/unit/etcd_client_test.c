#include <netinet/in.h>
#include <sys/socket.h>

#include "base/file.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_range.h"
#include "fake/fake_h2c.h"
#include "test.h"

/* What a server answers to every call: one message, or a refusal. */
struct answer {
	const char *status, *words;
	const uint8_t *p;
	size_t n;
	int times;
};

static void
serve(const struct fake_h2c_stream *s, void *arg)
{
	const struct answer *a = arg;
	const char *const refused[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", a->status, "grpc-message",
		a->words, NULL };
	int i;

	if (a->words != NULL) {
		fake_h2c_headers(s, refused, true);
		return;
	}
	fake_grpc_begin(s);
	for (i = 0; i < a->times; i++)
		fake_grpc_message(s, a->p, a->n);
	fake_grpc_end(s, "0", "");
}

/* Ask a server that gives ${a} to hash revision 7. */
static int
hash(struct answer *a, struct etcd_hashkv *h, enum etcd_revision *gone,
    struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .connect_ms = 60000,
		.stall_ms = 60000 };
	struct fake_h2c *server;
	int rc;

	CHECK((server = fake_h2c_start(serve, a)) != NULL);
	rc = etcd_client_new(fake_h2c_url(server), &opts, NULL, NULL, &c, err);
	if (rc == 0)
		rc = etcd_client_hashkv(c, 7, h, gone, err);
	fake_h2c_stop(server);
	return rc;
}

/* header, hash, compact_revision, hash_revision */
static const uint8_t whole[] = { 0x0a, 6, 0x08, 1, 0x10, 2, 0x18, 9, 0x10, 0xff,
	0xff, 0xff, 0xff, 0x0f, 0x18, 3, 0x20, 7 };

TEST(hashkv__tells_the_hash_and_what_it_is_of)
{
	struct answer a = { .p = whole, .n = sizeof(whole), .times = 1 };
	enum etcd_revision gone = 0;
	struct etcd_hashkv h;
	struct err e = ERR_INIT;

	CHECK_OK(hash(&a, &h, &gone, &e), &e);
	CHECK(h.hash == UINT32_MAX && h.compact_revision == 3);
	CHECK(h.hash_revision == 7 && h.header.revision == 9);
	CHECK(h.header.cluster_id == 1 && h.header.member_id == 2);
	/* Before 3.6 there is no hash_revision. */
	a.n -= 2;
	CHECK_OK(hash(&a, &h, &gone, &e), &e);
	CHECK(h.hash_revision == 0 && gone == ETCD_REVISION_READ);
}

TEST(hashkv__of_a_store_that_never_was_compacted)
{
	static const uint8_t fresh[] = { 0x0a, 6, 0x08, 1, 0x10, 2, 0x18, 9,
		0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x01 };
	struct answer a = { .p = fresh, .n = sizeof(fresh), .times = 1 };
	enum etcd_revision gone = 0;
	struct etcd_hashkv h;
	struct err e = ERR_INIT;

	CHECK_OK(hash(&a, &h, &gone, &e), &e);
	CHECK(h.compact_revision == 0);
}

TEST(hashkv__of_another_revision_than_asked_is_refused)
{
	uint8_t other[sizeof(whole)];
	struct answer a = { .p = other, .n = sizeof(other), .times = 1 };
	enum etcd_revision gone = 0;
	struct etcd_hashkv h;
	struct err e;

	memcpy(other, whole, sizeof(whole));
	other[sizeof(other) - 1] = 8;
	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "hash revision 7 and hashed 8") != NULL);
}

TEST(hashkv__that_is_malformed_is_refused)
{
	static const uint8_t big[] = { 0x0a, 4, 0x08, 1, 0x10, 2, 0x10, 0xff,
		0xff, 0xff, 0xff, 0x1f };
	struct answer a = { .p = big, .n = sizeof(big), .times = 1 };
	enum etcd_revision gone = 0;
	struct etcd_hashkv h;
	struct err e;

	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_ESOURCE);
	a.n = 0;
	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_ESOURCE);
	a = (struct answer){ .p = whole, .n = sizeof(whole) };
	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "0 messages instead of one") != NULL);
	a.times = 2;
	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "2 messages instead of one") != NULL);
}

TEST(hashkv__of_a_compacted_revision_is_told_from_a_future_one)
{
	struct answer a = { .status = "11",
		.words = "etcdserver: mvcc: required revision has been "
			 "compacted" };
	enum etcd_revision gone = 0;
	struct etcd_hashkv h;
	struct err e = ERR_INIT;

	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_ENOTFOUND);
	CHECK(gone == ETCD_REVISION_COMPACTED);
	CHECK(strstr(e.msg, "read revision 7: ") != NULL);
	a.words = "etcdserver: mvcc: required revision is a future revision";
	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_ENOTFOUND);
	CHECK(gone == ETCD_REVISION_FUTURE);
	a.status = "14";
	a.words = "etcdserver: no leader";
	CHECK_FAIL(hash(&a, &h, &gone, &e), &e, HF_EUNAVAIL);
	CHECK(gone == ETCD_REVISION_READ);
}

/* Takes the request, begins to answer if ${arg} says so, and is silent. */
static void
fall_silent(const struct fake_h2c_stream *s, void *arg)
{
	if (arg != NULL)
		fake_grpc_begin(s);
}

/* A server that accepts, as the system does for it, and never reads. */
static int
listen_only(char *url, size_t size)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&sin, len) == 0);
	CHECK(listen(fd, 4) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&sin, &len) == 0);
	(void)snprintf(url, size, "http://127.0.0.1:%u", ntohs(sin.sin_port));
	return fd;
}

/* Its call ends by itself, by its own time or by that of its silence. */
static void
gives_up(const char *url, long timeout_ms, const char *words)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .connect_ms = 60000,
		.stall_ms = timeout_ms > 0 ? 60000 : 200 };
	struct etcd_call call = {
		.method = "/etcdserverpb.Maintenance/Status",
		.timeout_ms = timeout_ms,
		.max = ETCD_UNARY_MAX,
	};
	struct err e = ERR_INIT;

	CHECK_OK(etcd_client_new(url, &opts, NULL, NULL, &c, &e), &e);
	CHECK_FAIL(etcd_client_ask(c, &call, &e), &e, HF_EUNAVAIL);
	if (!e.retry || strstr(e.msg, words) == NULL ||
	    strstr(e.msg, url) == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
	CHECK(call.messages == 0);
}

TEST(client__gives_up_on_a_server_that_accepts_and_never_answers)
{
	CLEANUP(freep_fd) int fd = -1;
	struct fake_h2c *server;
	char url[64];
	int i;

	CHECK((fd = listen_only(url, sizeof(url))) >= 0);
	gives_up(url, 200, "no answer in time");
	gives_up(url, 0, "nothing came for 0.2 seconds");
	for (i = 0; i < 2; i++) {
		server = fake_h2c_start(fall_silent, i > 0 ? url : NULL);
		CHECK(server != NULL);
		gives_up(fake_h2c_url(server), 200, "no answer in time");
		gives_up(
		    fake_h2c_url(server), 0, "nothing came for 0.2 seconds");
		fake_h2c_stop(server);
	}
}
