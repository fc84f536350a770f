#include "source/etcd/source_etcd_survey.h"
#include "test.h"

/* A cluster of three, all well; member 1 leads. */
#define NMEMBERS 3

static struct source_etcd_member members[NMEMBERS];
static struct source_etcd_survey cluster;
static char note[128];

static void
make_cluster(void)
{
	const struct etcd_conn_opts opts = { 0 };
	struct err e = ERR_INIT;
	size_t i;

	memset(members, 0, sizeof(members));
	for (i = 0; i < NMEMBERS; i++) {
		struct source_etcd_member *m = &members[i];

		CHECK_OK(etcd_client_new("http://127.0.0.1:1", &opts, NULL,
			     NULL, &m->client, &e),
		    &e);
		m->answered = true;
		m->status = (struct etcd_status){
			.version = "3.5.16",
			.cluster_id = 7,
			.member_id = i + 1,
			.leader = 1,
			.raft_index = 5000,
			.raft_applied = 5000,
			.seconds = 0.5,
		};
	}
	cluster.members = members;
	cluster.n = NMEMBERS;
}

static void
free_cluster(void)
{
	size_t i;

	for (i = 0; i < NMEMBERS; i++)
		etcd_client_free(members[i].client);
}

/* Pick, and return the member's id. */
static uint64_t
pick(void)
{
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(source_etcd_pick(&cluster, &i, note, sizeof(note), &e), &e);
	return members[i].status.member_id;
}

TEST(pick__takes_the_fastest_follower)
{
	make_cluster();
	members[2].status.seconds = 0.1;
	members[0].status.seconds = 0.01;
	CHECK(pick() == 3);
	CHECK_STR(note, "");
	free_cluster();
}

TEST(pick__passes_over_a_follower_that_is_behind)
{
	make_cluster();
	members[1].status.raft_applied = 5000 - SOURCE_ETCD_LAG_MAX - 1;
	CHECK(pick() == 3);
	CHECK_STR(note, "");
	/* Within the limit, the one less behind. */
	members[1].status.raft_applied = 4990;
	members[2].status.raft_applied = 4980;
	CHECK(pick() == 2);
	free_cluster();
}

TEST(pick__falls_back_to_the_leader_and_says_so)
{
	make_cluster();
	members[1].answered = false;
	strcpy(members[2].status.errors, "etcdserver: something");
	CHECK(pick() == 1);
	CHECK(strstr(note, "leader") != NULL);
	free_cluster();
}

TEST(pick__takes_a_follower_that_is_behind_rather_than_nobody)
{
	make_cluster();
	members[0].answered = false;
	members[1].answered = false;
	members[2].status.raft_applied = 10;
	CHECK(pick() == 3);
	CHECK(strstr(note, "4990 log entries behind") != NULL);
	free_cluster();
}

TEST(pick__takes_a_learner_where_the_server_lets_it)
{
	make_cluster();
	members[1].answered = false;
	members[2].status.learner = true;
	CHECK(pick() == 3);
	strcpy(members[2].status.version, "3.4.23");
	CHECK(pick() == 1);
	free_cluster();
}

TEST(pick__takes_a_corrupt_member_last)
{
	make_cluster();
	members[1].corrupt = true;
	members[2].corrupt = true;
	CHECK(pick() == 1);
	members[0].answered = false;
	CHECK(pick() == 2);
	CHECK(strstr(note, "CORRUPT") != NULL);
	free_cluster();
}

TEST(pick__refuses_a_cluster_without_a_leader)
{
	struct err e = ERR_INIT;
	size_t i;

	make_cluster();
	for (i = 0; i < NMEMBERS; i++)
		members[i].status.leader = 0;
	CHECK_FAIL(source_etcd_pick(&cluster, &i, note, sizeof(note), &e), &e,
	    HF_EUNAVAIL);
	CHECK(strstr(e.msg, "no leader") != NULL && e.hint[0] != '\0');
	free_cluster();
}
