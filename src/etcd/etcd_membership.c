#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_url.h"

#define OPT_NAME "name"
#define OPT_CLUSTER "initial-cluster"
#define OPT_ADVERTISE "initial-advertise-peer-urls"
#define OPT_TOKEN "initial-cluster-token"

#define URLS_MAX 1024 /* Far above any cluster, and searched by looking. */

/* A list that is being made. */
struct urls {
	char **v;
	size_t n;
};

static void
urls_clear(struct urls *u)
{
	while (u->n > 0)
		free(u->v[--u->n]);
	free(u->v);
}

/* Add ${*url} to the list, which takes it over. */
static int
urls_add(char ***v, size_t *n, char **url, struct err *err)
{
	char **more = reallocarray(*v, *n + 1, sizeof(*more));

	if (more == NULL)
		return err_nomem(err);
	*v = more;
	more[(*n)++] = TAKE(*url);
	return 0;
}

static int
compare_urls(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct etcd_member *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Find the next piece of a list; as in etcd, empty ones do not count. */
static bool
next_piece(const char **s, const char **piece, size_t *n)
{
	*piece = *s + strspn(*s, ",");
	*n = strcspn(*piece, ",");
	*s = *piece + *n;
	return *n > 0;
}

static struct etcd_member *
find(const struct etcd_membership *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->members[i].name, name) == 0)
			return &s->members[i];
	return NULL;
}

/* Find the member of that name, or add it. */
static int
member_of(struct etcd_membership *s, const char *name, struct etcd_member **ret,
    struct err *err)
{
	struct etcd_member *more;
	int rc;

	if ((*ret = find(s, name)) != NULL)
		return 0;
	if ((more = reallocarray(s->members, s->n + 1, sizeof(*more))) == NULL)
		return err_nomem(err);
	s->members = more;
	more[s->n] = (struct etcd_member){ .name = NULL };
	if ((rc = str_dup(name, &more[s->n].name, err)) < 0)
		return rc;
	*ret = &more[s->n++];
	return 0;
}

/*
 * Check a name: every tool shows it, and an operator types it, also before a
 * '=' in a list with commas.
 */
static int
check_name(const char *option, const char *name, struct err *err)
{
	const unsigned char *p = (const unsigned char *)name;
	size_t n = strlen(name);
	bool bad = n == 0 || name[0] == ' ' || name[n - 1] == ' ' ||
		   !str_is_utf8(name);

	for (; *p != '\0'; p++)
		bad = bad || *p < ' ' || *p == 0x7f || *p == ',' || *p == '=';
	if (!bad)
		return 0;
	(void)err_set(err, HF_EUSAGE,
	    "option '%s': '%.200s' cannot be the name of a member", option,
	    name);
	return err_hint(err,
	    "a name is UTF-8, not empty, without control characters, ',' and "
	    "'=', and without blanks around it");
}

/* Add one piece of the list: "name=url". */
static int
add_piece(
    struct etcd_membership *s, const char *piece, size_t n, struct err *err)
{
	CLEANUP(freep_mem) char *name = NULL, *url = NULL;
	const char *eq = memchr(piece, '=', n);
	struct etcd_member *m;
	int rc;

	if (eq == NULL) {
		(void)err_set(err, HF_EUSAGE,
		    "option '" OPT_CLUSTER "': '%.*s' is no NAME=URL",
		    (int)(n < 200 ? n : 200), piece);
		return err_hint(err, "it looks like n1=http://10.0.0.1:2380,"
				     "n2=http://10.0.0.2:2380");
	}
	n -= (size_t)(eq + 1 - piece);
	if ((rc = str_printf(&name, err, "%.*s", (int)(eq - piece), piece)) <
		0 ||
	    (rc = check_name(OPT_CLUSTER, name, err)) < 0 ||
	    (rc = etcd_url_peer(OPT_CLUSTER, eq + 1, n, &url, err)) < 0 ||
	    (rc = member_of(s, name, &m, err)) < 0)
		return rc;
	return urls_add(&m->urls, &m->n_urls, &url, err);
}

/* Does a URL come twice, of one member or of two? */
static int
check_unique(const struct etcd_membership *s, size_t total, struct err *err)
{
	CLEANUP(freep_mem) char **all = calloc(total, sizeof(*all));
	size_t i, k, n = 0;

	if (all == NULL)
		return err_nomem(err);
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->members[i].n_urls; k++)
			all[n++] = s->members[i].urls[k];
	qsort(all, n, sizeof(*all), compare_urls);
	for (i = 1; i < n; i++) {
		if (strcmp(all[i - 1], all[i]) != 0)
			continue;
		(void)err_set(err, HF_EUSAGE,
		    "option '" OPT_CLUSTER "': the URL '%.200s' comes twice",
		    all[i]);
		return err_hint(err, "every peer URL belongs to one member");
	}
	return 0;
}

static int
parse_cluster(struct etcd_membership *s, const char *text, struct err *err)
{
	const char *piece;
	size_t i, n, total;
	int rc;

	for (total = 0; next_piece(&text, &piece, &n); total++) {
		if (total == URLS_MAX) {
			(void)err_set(err, HF_EUSAGE,
			    "option '" OPT_CLUSTER "': more than %d URLs",
			    URLS_MAX);
			return err_hint(err, "etcd's clusters have up to 7");
		}
		if ((rc = add_piece(s, piece, n, err)) < 0)
			return rc;
	}
	if (total == 0) {
		(void)err_set(
		    err, HF_EUSAGE, "option '" OPT_CLUSTER "' is empty");
		return err_hint(
		    err, "name all members: n1=http://10.0.0.1:2380,...");
	}
	for (i = 0; i < s->n; i++)
		qsort(s->members[i].urls, s->members[i].n_urls, sizeof(char *),
		    compare_urls);
	return check_unique(s, total, err);
}

static int
check_self(const struct etcd_membership *s, const char *name, struct err *err)
{
	assert(s->members != NULL); /* parse_cluster() wants one at least. */
	if (find(s, name) != NULL)
		return 0;
	(void)err_set(err, HF_EUSAGE,
	    "option '" OPT_NAME "': '%.200s' is no member of '" OPT_CLUSTER "'",
	    name);
	return err_hint(err,
	    "the member '%.100s' is one; or add %.100s=URL to '" OPT_CLUSTER
	    "'",
	    s->members[0].name, name);
}

static bool
has(char *const *v, size_t n, char *url)
{
	return n > 0 && bsearch(&url, v, n, sizeof(*v), compare_urls) != NULL;
}

/* The advertised URLs, sorted, must be the member's: say which is not. */
static int
compare_advertised(
    const struct etcd_member *m, const struct urls *ad, struct err *err)
{
	size_t i;

	for (i = 0; i < ad->n && has(m->urls, m->n_urls, ad->v[i]); i++)
		continue;
	if (i < ad->n) {
		(void)err_set(err, HF_EUSAGE,
		    "option '" OPT_ADVERTISE
		    "' has '%.200s', which '" OPT_CLUSTER
		    "' does not have for '%.100s'",
		    ad->v[i], m->name);
		return err_hint(err, "both name the same URLs of this member");
	}
	for (i = 0; i < m->n_urls && has(ad->v, ad->n, m->urls[i]); i++)
		continue;
	if (i < m->n_urls) {
		(void)err_set(err, HF_EUSAGE,
		    "option '" OPT_ADVERTISE
		    "' lacks '%.200s', which '" OPT_CLUSTER
		    "' has for '%.100s'",
		    m->urls[i], m->name);
		return err_hint(err, "both name the same URLs of this member");
	}
	if (ad->n == m->n_urls)
		return 0;
	(void)err_set(
	    err, HF_EUSAGE, "option '" OPT_ADVERTISE "' has a URL twice");
	return err_hint(err, "name each once");
}

static int
check_advertised(const struct etcd_membership *s, const char *name,
    const char *text, struct err *err)
{
	CLEANUP(urls_clear) struct urls ad = { NULL, 0 };
	const char *piece;
	size_t n;
	int rc;

	while (next_piece(&text, &piece, &n)) {
		CLEANUP(freep_mem) char *url = NULL;

		if ((rc = etcd_url_peer(OPT_ADVERTISE, piece, n, &url, err)) <
			0 ||
		    (rc = urls_add(&ad.v, &ad.n, &url, err)) < 0)
			return rc;
	}
	if (ad.n > 0)
		qsort(ad.v, ad.n, sizeof(*ad.v), compare_urls);
	return compare_advertised(find(s, name), &ad, err);
}

/* The first 8 bytes of SHA-1 as a big-endian number. */
static int
id_of(const struct buf *b, uint64_t *ret, struct err *err)
{
	uint8_t sum[SHA1_LEN];
	int rc;

	if ((rc = sha1_of(b->p, b->len, sum, err)) < 0)
		return rc;
	*ret = be64_get(sum);
	return 0;
}

static int
compute_member_id(struct etcd_member *m, const char *token, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	size_t i;
	int rc;

	for (i = 0; i < m->n_urls; i++)
		if ((rc = buf_add(&b, m->urls[i], strlen(m->urls[i]), err)) < 0)
			return rc;
	if ((rc = buf_add(&b, token, strlen(token), err)) < 0)
		return rc;
	return id_of(&b, &m->id, err);
}

static int
compute_ids(struct etcd_membership *s, const char *token, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t id[8];
	size_t i;
	int rc;

	for (i = 0; i < s->n; i++)
		if ((rc = compute_member_id(&s->members[i], token, err)) < 0)
			return rc;
	qsort(s->members, s->n, sizeof(*s->members), compare_ids);
	for (i = 0; i < s->n; i++) {
		be64_put(id, s->members[i].id);
		if ((rc = buf_add(&b, id, sizeof(id), err)) < 0)
			return rc;
	}
	return id_of(&b, &s->cluster_id, err);
}

int
etcd_membership_new(const struct etcd_membership_opts *opts,
    struct etcd_membership **ret, struct err *err)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	const char *token = opts->initial_cluster_token;
	int rc;

	if (*token == '\0') {
		(void)err_set(
		    err, HF_EUSAGE, "option '" OPT_TOKEN "' is empty");
		return err_hint(err,
		    "leave it out and get a new one, the same for all members");
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	/* First, for a cluster may be made of it. */
	if ((rc = check_name(OPT_NAME, opts->name, err)) < 0 ||
	    (rc = parse_cluster(s, opts->initial_cluster, err)) < 0 ||
	    (rc = check_self(s, opts->name, err)) < 0 ||
	    (rc = check_advertised(
		 s, opts->name, opts->initial_advertise_peer_urls, err)) < 0 ||
	    (rc = compute_ids(s, token, err)) < 0)
		return rc;
	s->self = find(s, opts->name);
	*ret = TAKE(s);
	return 0;
}

void
etcd_membership_free(struct etcd_membership *s)
{
	struct etcd_member *m;

	if (s == NULL)
		return;
	while (s->n > 0) {
		m = &s->members[--s->n];
		urls_clear(&(struct urls){ m->urls, m->n_urls });
		free(m->name);
	}
	free(s->members);
	free(s);
}

int
etcd_membership_token(char **ret, struct err *err)
{
	uint8_t rnd[16];
	char hex[2 * sizeof(rnd) + 1];

	if (getrandom(rnd, sizeof(rnd), 0) != (ssize_t)sizeof(rnd))
		return err_errno(err, errno, "no random bytes");
	return str_printf(
	    ret, err, "etcd-cluster-%s", str_hex(hex, rnd, sizeof(rnd)));
}
