#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/size.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_look.h"
#include "job/job_kubernetes.h"

/* Return where the "@REV" of ${text} begins, or NULL. */
static const char *
find_revision(const char *text)
{
	const char *at = strrchr(text, '@'), *p;

	if (at == NULL || at[1] == '\0')
		return NULL;
	for (p = at + 1; *p != '\0'; p++)
		if (!isdigit((unsigned char)*p))
			return NULL;
	return at;
}

static int
parse_revision(const char *digits, uint64_t *ret, struct err *err)
{
	errno = 0;
	*ret = strtoull(digits, NULL, 10);
	if (errno == 0 && *ret > 0 && *ret <= INT64_MAX)
		return 0;
	(void)err_set(err, HF_EUSAGE, "'%s' is no revision of an etcd", digits);
	return err_hint(err, "they begin with 1; the newest needs no '@'");
}

static int
find_backup(const struct cmd_opened *o, struct cmd_etcd_db *db, struct err *err)
{
	const struct repo_backup *b;
	int rc;

	if ((rc = repo_catalogue_find(&o->cat, db->name, &b, err)) < 0 ||
	    (rc = cmd_etcd_find(o, db->name, b, &db->at, err)) < 0)
		return rc;
	/* What the backup has needs no log, and has no use for leases. */
	if (db->revision != 0 && db->revision <= db->at.chain.revision)
		job_etcd_chain_clear(&db->at.chain);
	return 0;
}

int
cmd_etcd_db_find(const struct cmd_opened *o, const char *text,
    const struct cmd_etcd_db *same, struct cmd_etcd_db *db, struct err *err)
{
	const char *at = find_revision(text);
	int rc;

	*db = (struct cmd_etcd_db){ 0 };
	if (at != NULL && (rc = parse_revision(at + 1, &db->revision, err)) < 0)
		return rc;
	db->at.at.revision = db->revision;
	(void)snprintf(db->name, sizeof(db->name), "%.*s",
	    at != NULL ? (int)(at - text) : (int)strlen(text), text);
	if (same != NULL && db->name[0] == '\0')
		(void)snprintf(db->name, sizeof(db->name), "%s", same->name);
	return find_backup(o, db, err);
}

int
cmd_etcd_db_open(struct cmd_opened *o, const struct job *j,
    struct cmd_etcd_db *db, struct err *err)
{
	if (cmd_etcd_open(o, j, &db->at, &db->db, err) < 0)
		return cmd_damaged(err);
	if (db->revision == 0)
		db->revision = job_etcd_db_facts(db->db)->revision;
	return 0;
}

void
cmd_etcd_db_clear(struct cmd_etcd_db *db)
{
	job_etcd_db_free(db->db);
	db->db = NULL;
	job_etcd_chain_clear(&db->at.chain);
}

int
cmd_etcd_db_with(struct ctx *ctx, int argc, char *argv[], cmd_etcd_db_fn *fn,
    struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	CLEANUP(freep_cmd_etcd_db) struct cmd_etcd_db db = { 0 };
	const struct job j = cmd_job(ctx);
	int rc;

	if ((rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0 ||
	    (rc = cmd_etcd_db_find(&o, argv[0], NULL, &db, err)) < 0 ||
	    (rc = cmd_etcd_db_open(&o, &j, &db, err)) < 0)
		return rc;
	return fn(ctx, &db, argc > 1 ? argv[1] : NULL, err);
}

int
cmd_etcd_look(const struct cmd_etcd_db *db, const char *prefix,
    struct job_etcd_look_opts opts, struct job_etcd_look **ret, struct err *err)
{
	opts.revision = db->revision;
	opts.prefix = prefix;
	opts.nprefix = prefix != NULL ? strlen(prefix) : 0;
	if (job_etcd_look_new(db->db, &opts, ret, err) == 0)
		return 0;
	(void)err_wrap(err, "backup '%s'", db->at.b->id);
	return cmd_damaged(err);
}

static json_t *
base64(const void *p, size_t n)
{
	const size_t size =
	    sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
	CLEANUP(freep_mem) char *text = malloc(size);

	if (text == NULL)
		return NULL;
	(void)sodium_bin2base64(
	    text, size, p, n, sodium_base64_VARIANT_ORIGINAL);
	return json_string_nocheck(text);
}

static json_t *
word(const struct job_kubernetes_word *w)
{
	return w->p == NULL || !escape_utf8(w->p, w->n)
		   ? NULL
		   : json_stringn_nocheck((const char *)w->p, w->n);
}

/* Return what the key is to Kubernetes, or NULL if it does not tell. */
static json_t *
kubernetes(const void *key, size_t n)
{
	struct job_kubernetes k;

	if (!job_kubernetes_key(key, n, &k))
		return NULL;
	return json_pack("{s:o*, s:o*, s:o*, s:o*}", "group", word(&k.group),
	    "resource", word(&k.resource), "namespace", word(&k.namespace),
	    "name", word(&k.name));
}

static const char *
form_of(const struct job_kubernetes_value *v)
{
	switch (v->form) {
	case JOB_VALUE_PROTOBUF:
		return "protobuf";
	case JOB_VALUE_ENCRYPTED:
		return "encrypted";
	case JOB_VALUE_JSON:
		return "json";
	case JOB_VALUE_OTHER:
		break;
	}
	return NULL;
}

/* Add the value to ${doc}: its bytes, and its text if it is text. */
static int
add_value(json_t *doc, const struct buf *value)
{
	struct job_kubernetes_value v;

	job_kubernetes_value(value->p, value->len, &v);
	if (json_object_set_new(doc, "value", base64(value->p, value->len)) < 0)
		return -1;
	if (escape_utf8(value->p, value->len) &&
	    json_object_set_new(doc, "text",
		json_stringn_nocheck(
		    value->len > 0 ? (const char *)value->p : "", value->len)) <
		0)
		return -1;
	if (v.form == JOB_VALUE_OTHER)
		return 0;
	return json_object_set_new(doc, "form",
	    json_pack("{s:s, s:o*, s:o*, s:o*}", "is", form_of(&v),
		"api_version", word(&v.version), "kind", word(&v.kind),
		"provider", word(&v.provider)));
}

json_t *
cmd_etcd_json(const struct job_etcd_item *item, const void *key, size_t n,
    const struct buf *value)
{
	const struct job_kubernetes_word text = { key, n };
	json_auto_t *doc = NULL;

	/* JSON cannot have a key that is not UTF-8: it gets its base64. */
	doc = json_pack("{s:o*, s:o*, s:I, s:I, s:I, s:I, s:I, s:o*}", "key",
	    word(&text), "key_base64",
	    escape_utf8(key, n) ? NULL : base64(key, n), "create_revision",
	    (json_int_t)item->create_revision, "mod_revision",
	    (json_int_t)item->mod_revision, "version",
	    (json_int_t)item->version, "lease", (json_int_t)item->lease, "size",
	    (json_int_t)item->size, "kubernetes", kubernetes(key, n));
	if (doc == NULL || (value != NULL && add_value(doc, value) < 0))
		return NULL;
	return TAKE(doc);
}

static int
add_word(struct buf *b, const char *lead, const struct job_kubernetes_word *w,
    struct err *err)
{
	int rc;

	if (w->p == NULL)
		return 0;
	if ((rc = buf_add(b, lead, strlen(lead), err)) < 0)
		return rc;
	return escape_add(b, w->p, w->n, err);
}

/* "  (nodes worker-1)": what kubectl calls it. */
static int
add_kubernetes(struct buf *b, const struct job_etcd_item *item, struct err *err)
{
	struct job_kubernetes k;
	int rc;

	if (!job_kubernetes_key(item->key, item->nkey, &k))
		return 0;
	if ((rc = add_word(b, "  (", &k.resource, err)) < 0 ||
	    (rc = add_word(b, ".", &k.group, err)) < 0 ||
	    (rc = add_word(b, " ", &k.namespace, err)) < 0 ||
	    (rc = add_word(
		 b, k.namespace.p != NULL ? "/" : " ", &k.name, err)) < 0)
		return rc;
	return buf_add(b, ")", 1, err);
}

int
cmd_etcd_print_key(struct ctx *ctx, const char *lead,
    const struct job_etcd_item *item, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if (ctx_json_wanted(ctx))
		return 0;
	if ((rc = escape_add(&b, item->key, item->nkey, err)) < 0 ||
	    (rc = add_kubernetes(&b, item, err)) < 0)
		return rc;
	ctx_print(ctx, "%s%.*s", lead, (int)b.len, (char *)b.p);
	return 0;
}

/* Describe a value that is not to be shown. */
static int
describe(struct buf *b, const struct buf *value, struct err *err)
{
	struct job_kubernetes_value v;
	char size[SIZE_TEXT_MAX];
	const char *form;
	int rc;

	job_kubernetes_value(value->p, value->len, &v);
	form = form_of(&v);
	if ((rc = buf_printf(b, err, "%s", form != NULL ? form : "binary")) <
		0 ||
	    (rc = add_word(b, " ", &v.version, err)) < 0 ||
	    (rc = add_word(b, " ", &v.kind, err)) < 0 ||
	    (rc = add_word(b, " by ", &v.provider, err)) < 0)
		return rc;
	return buf_printf(b, err, ", %s", size_format(value->len, size));
}

int
cmd_etcd_print_value(
    struct ctx *ctx, const char *lead, const struct buf *value, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct job_kubernetes_value v;
	int rc;

	if (ctx_json_wanted(ctx))
		return 0;
	job_kubernetes_value(value->p, value->len, &v);
	if ((v.form == JOB_VALUE_OTHER || v.form == JOB_VALUE_JSON) &&
	    escape_utf8(value->p, value->len))
		rc = escape_add(&b, value->p, value->len, err);
	else
		rc = describe(&b, value, err);
	if (rc == 0)
		ctx_print(ctx, "%s%.*s", lead, (int)b.len,
		    b.p != NULL ? (char *)b.p : "");
	return rc;
}
