#include <ftw.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "test.h"

#define PEERS_MAX 4
#define FACTS_MAX 40

static struct peer {
	const char *name;
	char dir[64];
	int status; /* Of "start": 0 if it runs. */
	char *facts[FACTS_MAX];
	size_t nfacts;
} peers[PEERS_MAX];
static size_t npeers;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void
stop_all(void)
{
	char cmd[512];
	size_t i;

	for (i = 0; i < npeers; i++) {
		(void)snprintf(cmd, sizeof(cmd), PEERS_DIR "/%s.sh stop %s",
		    peers[i].name, peers[i].dir);
		if (system(cmd) == 0)
			(void)nftw(
			    peers[i].dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		while (peers[i].nfacts > 0)
			free(peers[i].facts[--peers[i].nfacts]);
	}
}

static void
start(struct peer *p, unsigned port)
{
	char cmd[512], line[512];
	FILE *f;

	strcpy(p->dir, "/tmp/holdfast-peer-XXXXXX");
	CHECK(mkdtemp(p->dir) != NULL);
	(void)snprintf(cmd, sizeof(cmd), PEERS_DIR "/%s.sh start %s %u",
	    p->name, p->dir, port);
	CHECK((f = popen(cmd, "r")) != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (p->nfacts < FACTS_MAX)
			p->facts[p->nfacts++] = strdup(line);
	}
	p->status = WEXITSTATUS(pclose(f));
}

static struct peer *
find(const char *name, unsigned port)
{
	struct peer *p;
	size_t i;

	for (i = 0; i < npeers; i++)
		if (strcmp(peers[i].name, name) == 0)
			return &peers[i];
	CHECK(npeers < PEERS_MAX);
	if (npeers == 0)
		CHECK(atexit(stop_all) == 0);
	p = &peers[npeers++];
	p->name = name;
	start(p, port);
	return p;
}

const char *
peer_get(const char *name, unsigned port, const char *fact)
{
	static char why[128];
	struct peer *p = find(name, port);
	size_t i, n = strlen(fact);

	if (p->status == 77) {
		(void)snprintf(
		    why, sizeof(why), "run: test/peers/%s.sh install", name);
		SKIP_MISSING(why);
	}
	CHECK(p->status == 0);
	for (i = 0; i < p->nfacts; i++)
		if (strncmp(p->facts[i], fact, n) == 0 && p->facts[i][n] == '=')
			return p->facts[i] + n + 1;
	CHECK(!"the peer says so");
	return NULL;
}
