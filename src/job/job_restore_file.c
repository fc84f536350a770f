#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "crypto/hash.h"
#include "job/job_pages.h"
#include "job/job_restore_impl.h"
#include "repo/repo_reader.h"
#include "source/target.h"

/* One file of a restore: its bytes are checked, shown and written. */

void
job_restore_tell(const struct restore *x, enum job_event_kind kind,
    const char *subject, const char *text)
{
	const struct job_event ev = {
		.kind = kind,
		.job = "restore",
		.subject = subject,
		.text = text,
		.done = x->rep.bytes,
		.total = x->total,
		.entries = x->rep.entries,
	};

	job_tell(x->job, &ev);
}

/*
 * Write ${n} bytes that lie at ${off} of the data of ${e}: a sparse file's
 * data has no holes, so each extent goes to where it belongs in the file.
 */
static int
write_data(struct restore *x, const struct entry *e, uint64_t off,
    const uint8_t *p, size_t n, struct err *err)
{
	uint64_t start = 0, run;
	size_t i;
	int rc;

	if (!e->sparse)
		return target_write(x->target, off, p, n, err);
	for (i = 0; i < e->nextents && n > 0; i++) {
		const struct entry_extent *ext = &e->extents[i];

		if (off < start + ext->len) {
			run = start + ext->len - off;
			if (run > n)
				run = n;
			rc = target_write(x->target, ext->off + (off - start),
			    p, (size_t)run, err);
			if (rc < 0)
				return rc;
			off += run;
			p += run;
			n -= (size_t)run;
		}
		start += ext->len;
	}
	if (n > 0)
		return err_set(err, HF_ECORRUPT,
		    "'%s' has more data than its extents hold", e->path);
	return 0;
}

void
job_restore_lose(
    struct restore *x, const struct entry *e, const struct err *cause)
{
	x->rep.lost++;
	x->lost_bytes += e->data_len;
	job_restore_tell(x, JOB_FOUND, e->path, cause->msg);
}

/* Hash, show and write the ${n} bytes at ${off} of the data of ${e}. */
static int
take_piece(struct restore *x, const struct entry *e, uint64_t off,
    const uint8_t *p, size_t n, struct err *err)
{
	int rc;

	if ((rc = sha256_update(x->sha, p, n, err)) < 0)
		return rc;
	if (x->opts->inspect != NULL &&
	    (rc = x->opts->inspect(x->opts->inspect_arg, e, p, n, err)) < 0)
		return rc;
	return x->target == NULL ? 0 : write_data(x, e, off, p, n, err);
}

/* Read the data of ${e}; ${*lost} says that some of it cannot be had. */
static int
read_data(struct restore *x, const struct entry *e, bool *lost, struct err *err)
{
	uint64_t off, pos;
	const uint8_t *p;
	size_t n;
	int rc;

	for (off = 0; off < e->data_len; off += n) {
		if ((rc = job_check(x->job, err)) < 0)
			return rc;
		rc = repo_reader_read(x->reader, &pos, &p, &n, err);
		if (rc < 0 && !(x->opts->keep_going && repo_reader_is_loss(rc)))
			return rc;
		if (n == 0 || pos != e->data_pos + off)
			return err_set(err, HF_EBUG,
			    "'%s': the reader is out of step", e->path);
		if (rc < 0 && !*lost) {
			job_restore_lose(x, e, err);
			*lost = true;
		}
		if (!*lost && (rc = take_piece(x, e, off, p, n, err)) < 0)
			return rc;
		x->rep.bytes += n;
		job_restore_tell(x, JOB_PROGRESS, NULL, NULL);
	}
	return 0;
}

/* Compare with the hash that was recorded; without keep_going, fail. */
static int
check_hash(
    struct restore *x, const struct entry *e, bool *lost, struct err *err)
{
	uint8_t got[SHA256_LEN];
	int rc;

	if ((rc = sha256_final(x->sha, got, err)) < 0)
		return rc;
	if (!e->has_sha256 || memcmp(got, e->sha256, sizeof(got)) == 0)
		return 0;
	rc = err_set(err, HF_ECORRUPT,
	    "'%s' differs from the hash that was recorded for it", e->path);
	if (!x->opts->keep_going)
		return rc;
	job_restore_lose(x, e, err);
	*lost = true;
	return 0;
}

static int
begin_file(struct restore *x, const struct entry *e, struct err *err)
{
	int rc;

	if (x->target != NULL && (rc = target_begin(x->target, e, err)) < 0)
		return rc;
	return sha256_reset(x->sha, err);
}

static int
end_file(struct restore *x, const struct entry *e, bool lost, struct err *err)
{
	int rc;

	if (!lost && (rc = check_hash(x, e, &lost, err)) < 0)
		return rc;
	if (x->target == NULL)
		return 0;
	return lost ? target_drop(x->target, err)
		    : target_end(x->target, e, err);
}

int
job_restore_file(struct restore *x, const struct entry *e, struct err *err)
{
	bool lost = false;
	int rc;

	if ((rc = begin_file(x, e, err)) < 0 ||
	    (rc = read_data(x, e, &lost, err)) < 0)
		return rc;
	return end_file(x, e, lost, err);
}

/* A file whose pages were brought together. */
struct image {
	struct restore *restore;
	const struct entry *entry;
};

static int
take_image(void *arg, uint64_t off, const uint8_t *p, size_t n, struct err *err)
{
	const struct image *im = arg;
	struct restore *x = im->restore;
	int rc;

	if ((rc = take_piece(x, im->entry, off, p, n, err)) < 0)
		return rc;
	x->rep.bytes += n;
	job_restore_tell(x, JOB_PROGRESS, NULL, NULL);
	return 0;
}

int
job_restore_image(struct restore *x, const struct entry *e,
    struct source_pages *pages, struct err *err)
{
	struct image im = { x, e };
	int rc;

	if ((rc = begin_file(x, e, err)) < 0 ||
	    (rc = job_pages_each(
		 x->job, pages, 0, e->size, take_image, &im, err)) < 0)
		return rc;
	return end_file(x, e, false, err);
}
