#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "base/time.h"
#include "base/yaml.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_backup.h"
#include "config/config_legacy.h"
#include "crypto/secret.h"
#include "source/source.h"

#define PAIR_MAX 16384 /* Bytes of a file with two secrets. */

/*
 * Two secrets in a file of YAML.  The parser has copies while it works; ours
 * are wiped, and the program leaves no core.
 */
struct pair {
	const char *names[2];
	struct secret *v[2];
};

static void
freep_pair(struct pair *p)
{
	secret_free(p->v[0]);
	secret_free(p->v[1]);
}

static int
take_value(struct pair *p, struct yaml_node *n, struct err *err)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (strcmp(n->key, p->names[i]) == 0)
			break;
	if (i == 2)
		return yaml_fail(n, err, "unknown key '%.64s'", n->key);
	if (n->kind != YAML_SCALAR || n->value[0] == '\0')
		return yaml_fail(n, err, "'%s' has no value", n->key);
	return secret_copy(n->value, strlen(n->value), &p->v[i], err);
}

static int
load_pair(const char *path, const char *what, struct pair *p, struct err *err)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	CLEANUP(freep_yaml_node) struct yaml_node *root = NULL;
	struct yaml_node *n;
	int rc;

	if ((rc = secret_read(path, what, PAIR_MAX, &text, err)) < 0)
		return rc;
	rc = yaml_parse(path, secret_p(text), secret_len(text), &root, err);
	if (rc < 0)
		return rc;
	if (root->kind != YAML_MAP)
		rc = yaml_fail(root, err, "this is not a map");
	for (n = root->child; n != NULL; n = n->next) {
		if (rc == 0)
			rc = take_value(p, n, err);
		if (n->value != NULL)
			secret_wipe(n->value, strlen(n->value));
	}
	if (rc == 0 && (p->v[0] == NULL || p->v[1] == NULL))
		rc = err_set(err, HF_ECONFIG, "%s: it needs '%s' and '%s'",
		    path, p->names[0], p->names[1]);
	return rc;
}

/*
 * Drivers take references, not secrets: put the secret into a file in memory,
 * which is gone once it is closed, and refer to that.
 */
static int
refer(struct params *p, const char *name, const struct secret *s, int *fd,
    struct err *err)
{
	char ref[32];
	int rc;

	if ((*fd = memfd_create("secret", MFD_CLOEXEC)) < 0)
		return err_errno(err, errno, "make a file in memory");
	if ((rc = file_write_full(*fd, secret_p(s), secret_len(s), err)) < 0)
		return rc;
	if (lseek(*fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "rewind a file in memory");
	(void)snprintf(ref, sizeof(ref), "fd:%d", *fd);
	/* The number may have been that of a secret before. */
	secret_forget(ref);
	return params_set(p, name, ref, err);
}

static int
set(struct params *p, const char *name, const char *value, struct err *err)
{
	return value == NULL ? 0 : params_set(p, name, value, err);
}

static int
set_ms(struct params *p, const char *name, int64_t ms, struct err *err)
{
	char text[32];

	if (ms == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%" PRId64, ms);
	return params_set(p, name, text, err);
}

/*
 * "ip:port" has always meant TLS; in the clear only where that is written.
 * "file:/folder" stands for a copy of the bucket, in a folder of its name.
 */
static int
store_place(const struct config_legacy *c, struct params *p, struct err *err)
{
	CLEANUP(freep_mem) char *url = NULL;
	CLEANUP(freep_mem) char *endpoint = NULL;
	bool whole = strstr(c->endpoint, "://") != NULL;
	int rc;

	if (str_has_prefix(c->endpoint, "file:") != NULL) {
		rc = str_printf(&url, err, "%s/%s", c->endpoint, c->bucket);
		return rc < 0 ? rc : params_set(p, "url", url, err);
	}
	if ((rc = str_printf(&url, err, "s3://%s", c->bucket)) < 0 ||
	    (rc = str_printf(&endpoint, err, "%s%s", whole ? "" : "https://",
		 c->endpoint)) < 0 ||
	    (rc = params_set(p, "url", url, err)) < 0 ||
	    (rc = params_set(p, "endpoint", endpoint, err)) < 0)
		return rc;
	/* A file that is not used need not exist. */
	if (str_has_prefix(endpoint, "http://") != NULL)
		return 0;
	return set(p, "ca_file", c->s3_ca, err);
}

static int
open_store(struct ctx *ctx, const struct config_legacy *c,
    enum store_power power, struct store **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_pair)
	struct pair auth = { { "access_key", "secret_key" }, { NULL, NULL } };
	CLEANUP(freep_fd) int id = -1;
	CLEANUP(freep_fd) int key = -1;
	int rc;

	if ((rc = config_legacy_need(
		 c, c->endpoint, "s3_client.endpoint", err)) < 0 ||
	    (rc = config_legacy_need(c, c->bucket, "s3_client.bucket", err)) <
		0 ||
	    (rc = params_new(&p, err)) < 0 ||
	    (rc = store_place(c, p, err)) < 0 ||
	    (rc = set(p, "region", c->region, err)) < 0 ||
	    (rc = set_ms(p, "connect_ms", c->s3_connect_ms, err)) < 0 ||
	    (rc = set_ms(p, "silence_ms", c->s3_request_ms, err)) < 0)
		return rc;
	/*
	 * If there is no file, the environment and the shared profiles are
	 * used.
	 */
	if (c->s3_key_auth != NULL &&
	    ((rc = load_pair(
		  c->s3_key_auth, "the credentials of S3", &auth, err)) < 0 ||
		(rc = refer(p, "access_key", auth.v[0], &id, err)) < 0 ||
		(rc = refer(p, "secret_key", auth.v[1], &key, err)) < 0))
		return rc;
	return store_open(ctx_drivers(ctx)->stores, p, power, ret, err);
}

int
cmd_etcd_backup_open(struct ctx *ctx, const char *path, enum store_power power,
    struct cmd_etcd_backup *o, struct err *err)
{
	int rc;

	if ((rc = config_legacy_load(path, &o->config, err)) < 0)
		return rc;
	if (repo_legacy_prefix_ok(o->config->prefix, err) < 0)
		return err_wrap(err, "%s: 's3_client.objects_prefix'", path);
	if (o->config->encryption_key_path != NULL &&
	    (rc = repo_legacy_master(
		 o->config->encryption_key_path, &o->master, err)) < 0)
		return rc;
	if ((rc = open_store(ctx, o->config, power, &o->store, err)) < 0)
		return rc;
	o->where = (struct job_legacy){
		.store = o->store,
		.prefix = o->config->prefix,
		.master = o->master,
	};
	return 0;
}

void
cmd_etcd_backup_clear(struct cmd_etcd_backup *o)
{
	store_free(o->store);
	secret_free(o->master);
	config_legacy_free(o->config);
	*o = (struct cmd_etcd_backup){ 0 };
}

static bool
uses_tls(const struct config_legacy *c)
{
	size_t i;

	for (i = 0; i < c->nendpoints; i++)
		if (str_has_prefix(c->endpoints[i], "http://") == NULL)
			return true;
	return false;
}

static int
source_params(const struct config_legacy *c, struct params *p, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = params_set(p, "type", "etcd", err)) < 0 ||
	    (rc = params_set(p, "form", "snapshot", err)) < 0 ||
	    (rc = set_ms(p, "connect_ms", c->etcd_connect_ms, err)) < 0 ||
	    (rc = set_ms(p, "stall_ms", c->etcd_request_ms, err)) < 0)
		return rc;
	for (i = 0; i < c->nendpoints; i++)
		if ((rc = params_add(p, "endpoints", c->endpoints[i], err)) < 0)
			return rc;
	if (!uses_tls(c))
		return 0;
	if ((rc = set(p, "ca", c->etcd_ca, err)) < 0 ||
	    (rc = set(p, "cert", c->etcd_cert, err)) < 0)
		return rc;
	return set(p, "key", c->etcd_key, err);
}

int
cmd_etcd_backup_source(struct ctx *ctx, const struct cmd_etcd_backup *o,
    struct source **ret, struct err *err)
{
	const struct config_legacy *c = o->config;
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_pair)
	struct pair auth = { { "username", "password" }, { NULL, NULL } };
	CLEANUP(freep_fd) int password = -1;
	int rc;

	if (c->nendpoints == 0)
		return config_legacy_need(
		    c, NULL, "etcd_client.endpoints", err);
	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = source_params(c, p, err)) < 0)
		return rc;
	if (c->etcd_password_auth != NULL &&
	    ((rc = load_pair(c->etcd_password_auth, "etcd's user and password",
		  &auth, err)) < 0 ||
		(rc = params_set(
		     p, "user", (const char *)secret_p(auth.v[0]), err)) < 0 ||
		(rc = refer(p, "password", auth.v[1], &password, err)) < 0))
		return rc;
	return source_open(ctx_drivers(ctx)->sources, p, ret, err);
}

int
cmd_etcd_backup_find(const struct cmd_etcd_backup *o, const char *when,
    struct repo_legacy_list *l, const struct repo_legacy_entry **ret,
    struct err *err)
{
	int64_t ms = JOB_LEGACY_NEWEST;
	int rc;

	if (when != NULL && (rc = time_parse(when, &ms, err)) < 0)
		return rc;
	if ((rc = repo_legacy_list_load(o->store, o->where.prefix, l, err)) < 0)
		return rc;
	return job_legacy_find(l, ms, ret, err);
}
