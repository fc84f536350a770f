#include "test_job.h"
#include "base/entry.h"
#include "base/str.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "test.h"

/* xorshift: bytes that no compressor likes. */
uint8_t
test_source_byte(const struct test_source *t, size_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u + t->seed;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint8_t)(x >> 40);
}

static int
add(struct sink *s, const char *path, enum entry_type type, const char *data,
    struct err *err)
{
	char name[16];
	struct entry e = { .path = name, .type = type, .mode = 0640 };
	size_t n = data != NULL ? strlen(data) : 0;
	int rc;

	(void)snprintf(name, sizeof(name), "%s", path);
	if (type == ENTRY_DIR)
		e.mode = 0750;
	if (type == ENTRY_FILE) {
		e.size = n;
		if ((rc = sink_begin(s, path, n, SINK_HASHES, err)) < 0 ||
		    (rc = sink_write(s, data, n, err)) < 0)
			return rc;
	}
	return sink_add(s, &e, err);
}

static int
add_big(struct test_source *t, struct sink *s, struct err *err)
{
	char name[] = "big";
	struct entry e = { .path = name,
		.type = ENTRY_FILE,
		.mode = 0600,
		.size = TEST_SOURCE_BIG };
	struct sink_kept kept;
	size_t at, n, i;
	uint8_t *p;
	int rc = 1;

	while (t->keep && rc > 0) {
		if ((rc = sink_recall(s, &kept, err)) < 0)
			return rc;
		if (rc > 0 && strcmp(kept.entry->path, name) == 0)
			return sink_keep(s, name, NULL, 0, err);
	}
	if ((rc = sink_begin(s, name, e.size, SINK_HASHES, err)) < 0)
		return rc;
	for (at = 0; at < TEST_SOURCE_BIG; at += n) {
		if ((rc = sink_space(s, &p, &n, err)) < 0)
			return rc;
		if (n > TEST_SOURCE_BIG - at)
			n = TEST_SOURCE_BIG - at;
		for (i = 0; i < n; i++)
			p[i] = test_source_byte(t, at + i);
		if ((rc = sink_wrote(s, n, err)) < 0)
			return rc;
	}
	return sink_add(s, &e, err);
}

static int
add_link_and_sparse(struct sink *s, struct err *err)
{
	char link[] = "link", target[] = "a", sparse[] = "sparse";
	struct entry_extent ext = { .off = 4096, .len = 2 };
	struct entry l = { .path = link,
		.type = ENTRY_HARDLINK,
		.target = target,
		.mode = 0640 };
	struct entry e = { .path = sparse,
		.type = ENTRY_FILE,
		.mode = 0600,
		.size = 1u << 20,
		.sparse = true,
		.extents = &ext,
		.nextents = 1 };
	int rc;

	if ((rc = sink_add(s, &l, err)) < 0 ||
	    (rc = sink_begin(s, sparse, 2, SINK_HASHES, err)) < 0 ||
	    (rc = sink_write(s, "xy", 2, err)) < 0)
		return rc;
	return sink_add(s, &e, err);
}

static int
read_all(struct source *src, struct sink *s, struct err *err)
{
	struct test_source *t = (struct test_source *)src;
	int rc;

	if ((rc = add(s, ".", ENTRY_DIR, NULL, err)) < 0 ||
	    (rc = add(s, "a", ENTRY_FILE, "one", err)) < 0 ||
	    (rc = add_big(t, s, err)) < 0 ||
	    (rc = add(s, "empty", ENTRY_FILE, "", err)) < 0 ||
	    (rc = add_link_and_sparse(s, err)) < 0 ||
	    (rc = sink_evidence(s, "test.fact", "4711", err)) < 0)
		return rc;
	if (t->warn != NULL)
		sink_warn(s, t->warn, "it vanished");
	if (t->fail != 0)
		return err_set(err, (enum hf_code)t->fail, "told to fail");
	return 0;
}

static const struct source_ops test_source_ops = {
	.name = "tree",
	.read = read_all,
};

void
test_source_init(struct test_source *t)
{
	*t = (struct test_source){ .source = { .ops = &test_source_ops } };
}

int
test_backup(struct repo *r, struct test_source *t, char id[17], struct err *err)
{
	static const struct job j = { .workers = 2 };
	static const struct job_backup_opts opts = {
		.source = "src", .type = "tree", .label = "test:src"
	};
	struct job_backup_report rep;
	int rc;

	if ((rc = job_backup(&j, r, &t->source, &opts, &rep, err)) == 0)
		memcpy(id, rep.id, sizeof(rep.id));
	return rc;
}
