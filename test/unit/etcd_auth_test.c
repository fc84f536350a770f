#include "etcd/etcd_auth.h"
#include "etcd/etcd_client.h"
#include "fake/fake_h2c.h"
#include "test.h"

/* A server that does not know the question, or resets the stream. */
struct old {
	bool resets;
	const char *version;
};

static void
serve(const struct fake_h2c_stream *s, void *arg)
{
	static const char *const unknown[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", "12", "grpc-message",
		"unknown method AuthStatus", NULL };
	const struct old *o = arg;
	/* StatusResponse: header = 1 {cluster 1, member 1}, version = 2. */
	uint8_t status[32] = { 0x0a, 4, 0x08, 1, 0x10, 1, 0x12 };
	const size_t n = strlen(o->version);

	if (s->nth == 0 && o->resets) {
		fake_h2c_reset(s);
	} else if (s->nth == 0) {
		fake_h2c_headers(s, unknown, true);
	} else {
		status[7] = (uint8_t)n;
		memcpy(status + 8, o->version, n);
		fake_grpc_begin(s);
		fake_grpc_message(s, status, 8 + n);
		fake_grpc_end(s, "0", "");
	}
}

static int
get(struct old old, struct etcd_auth *a, struct err *err)
{
	const struct etcd_conn_opts opts = { .connect_ms = 60000,
		.stall_ms = 60000 };
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	struct fake_h2c *server;
	int rc;

	CHECK((server = fake_h2c_start(serve, &old)) != NULL);
	CHECK_OK(
	    etcd_client_new(fake_h2c_url(server), &opts, NULL, NULL, &c, err),
	    err);
	rc = etcd_auth_get(c, a, err);
	fake_h2c_stop(server);
	return rc;
}

TEST(auth_status__is_nothing_where_the_server_is_too_old_to_tell)
{
	struct etcd_auth a = { .enabled = true, .revision = 1 };
	struct err e = ERR_INIT;

	CHECK_OK(get((struct old){ false, "3.4.23" }, &a, &e), &e);
	CHECK(!a.enabled && a.revision == 0);
	a.revision = 1;
	CHECK_OK(get((struct old){ true, "3.4.23" }, &a, &e), &e);
	CHECK(!a.enabled && a.revision == 0);
	CHECK_FAIL(get((struct old){ true, "3.5.1" }, &a, &e), &e, HF_EUNAVAIL);
}

TEST(auth_status__tells_whether_and_how_often_it_has_changed)
{
	static const uint8_t on[] = { 0x0a, 2, 0x08, 1, 0x10, 1, 0x18, 7 };
	struct etcd_auth a;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_auth_read(on, sizeof(on), &a, &e), &e);
	CHECK(a.enabled && a.revision == 7);
	CHECK_OK(etcd_auth_read(on, 4, &a, &e), &e);
	CHECK(!a.enabled && a.revision == 0);
	CHECK_FAIL(etcd_auth_read(on, 7, &a, &e), &e, HF_ESOURCE);
}
