#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "repo/repo_local.h"

#define SEED_LEN 32

struct repo_local {
	char *path;
};

static const char pin_magic[4] = { 'H', 'F', 'L', 'P' };

/*
 * A pin is found by place, not by vault id.  If a stranger puts another
 * repository in the place of ours, its vault id is another, too; a memory by id
 * would greet it as a new one.
 */
int
repo_pin_path(const char *state_dir, const char *place, const char *vault,
    char **ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char hex[2 * 16 + 1];
	uint8_t hash[SHA256_LEN];

	if (buf_add_str(&b, place, err) < 0 ||
	    buf_add_str(&b, vault, err) < 0 ||
	    sha256_of(b.p, b.len, hash, err) < 0)
		return err->code;
	return str_printf(
	    ret, err, "%s/pins/%s", state_dir, str_hex(hex, hash, 16));
}

int
repo_pin_load(
    const char *path, struct repo_pin *pin, bool *known, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t magic[4];
	struct cur c;

	*known = false;
	if (file_read(path, REPO_SMALL_MAX, &b, &e) < 0) {
		if (e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err->code;
	}
	cur_init(&c, b.p, b.len);
	cur_copy(&c, magic, sizeof(magic));
	cur_copy(&c, pin->vault_id, sizeof(pin->vault_id));
	cur_copy(&c, pin->root_fp, sizeof(pin->root_fp));
	if (!cur_end(&c) || memcmp(magic, pin_magic, sizeof(magic)) != 0)
		return err_set(err, HF_ECORRUPT, "'%s' is damaged", path);
	*known = true;
	return 0;
}

int
repo_pin_save(const char *path, const struct repo_pin *pin, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_mem) char *dir = NULL;

	if (str_dup(path, &dir, err) < 0)
		return err->code;
	*strrchr(dir, '/') = '\0';
	if (file_mkdirs(dir, 0700, err) < 0 ||
	    buf_add(&b, pin_magic, sizeof(pin_magic), err) < 0 ||
	    buf_add(&b, pin->vault_id, sizeof(pin->vault_id), err) < 0 ||
	    buf_add(&b, pin->root_fp, sizeof(pin->root_fp), err) < 0)
		return err->code;
	return file_replace(path, 0600, b.p, b.len, err);
}

int
repo_local_open(const char *state_dir, const uint8_t vault_id[REPO_ID_LEN],
    struct repo_local **ret, struct err *err)
{
	CLEANUP(freep_repo_local) struct repo_local *l = NULL;
	char hex[2 * REPO_ID_LEN + 1];

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_nomem(err);
	if (str_printf(&l->path, err, "%s/%s", state_dir,
		str_hex(hex, vault_id, REPO_ID_LEN)) < 0 ||
	    file_mkdirs(l->path, 0700, err) < 0) {
		(void)err_wrap(err, "local state");
		return err_hint(err, "name a folder that this user may write "
				     "to with --state-dir");
	}
	*ret = TAKE(l);
	return 0;
}

void
repo_local_free(struct repo_local *l)
{
	if (l == NULL)
		return;
	free(l->path);
	free(l);
}

const char *
repo_local_path(const struct repo_local *l)
{
	return l->path;
}

int
repo_local_get(const struct repo_local *l, const char *name, size_t max,
    struct buf *out, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;

	if (str_printf(&path, err, "%s/%s", l->path, name) < 0)
		return err->code;
	return file_read(path, max, out, err);
}

int
repo_local_put(const struct repo_local *l, const char *name, const void *p,
    size_t n, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;

	if (str_printf(&path, err, "%s/%s", l->path, name) < 0)
		return err->code;
	return file_replace(path, 0600, p, n, err);
}

int
repo_local_drop(const struct repo_local *l, const char *name, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;

	if (str_printf(&path, err, "%s/%s", l->path, name) < 0)
		return err->code;
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "remove '%s'", path);
	return 0;
}

static int
seed_load(const char *path, struct secret **ret, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	CLEANUP(freep_secret) struct secret *s = NULL;
	size_t got;

	if (secret_new(SEED_LEN, &s, err) < 0)
		return err->code;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "open '%s'", path);
	if (file_read_full(fd, secret_w(s), SEED_LEN, &got, err) < 0)
		return err_wrap(err, "read '%s'", path);
	if (got != SEED_LEN) {
		(void)err_set(err, HF_ECORRUPT,
		    "the signing seed '%s' is %zu bytes instead of %d", path,
		    got, SEED_LEN);
		return err_hint(err, "remove it: this host then makes a new "
				     "one and needs a new certificate");
	}
	*ret = TAKE(s);
	return 0;
}

static int
seed_make(const char *path, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;

	if (secret_random(SEED_LEN, &s, err) < 0)
		return err->code;
	return file_write_new(path, 0600, secret_p(s), SEED_LEN, err);
}

/*
 * The one who made a seed that we find may have died before the sync, and
 * what is certified next must not be gone after a power cut.
 */
static int
seed_found(const struct repo_local *l, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;

	if ((fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "open '%s'", l->path);
	if (file_sync_dir(fd, err) < 0)
		return err_wrap(err, "'%s'", l->path);
	return 0;
}

int
repo_local_seed(
    const struct repo_local *l, struct secret **ret, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct err e = ERR_INIT;

	if (str_printf(&path, err, "%s/seed", l->path) < 0)
		return err->code;
	if (seed_load(path, &s, &e) == 0) {
		if (seed_found(l, err) < 0)
			return err->code;
		*ret = TAKE(s);
		return 0;
	}
	if (e.code != -HF_ENOTFOUND) {
		*err = e;
		return err->code;
	}
	/* HF_EEXISTS: another process was faster, and its seed is ours. */
	if (seed_make(path, &e) < 0 && e.code != -HF_EEXISTS) {
		*err = e;
		return err->code;
	}
	return seed_load(path, ret, err);
}

int
repo_local_lock(const struct repo_local *l, int *ret, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	CLEANUP(freep_fd) int fd = -1;

	if (str_printf(&path, err, "%s/lock", l->path) < 0)
		return err->code;
	if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return err_errno(err, errno, "open '%s'", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_errno(err, errno, "lock '%s'", path);
	*ret = TAKE_FD(fd);
	return 0;
}
