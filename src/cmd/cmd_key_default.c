#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_key_default.h"
#include "cmd/cmd_open.h"
#include "config/config.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"

static int
write_key(const char *path, struct err *err)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	int rc;

	if ((rc = key_file_generate(&text, err)) < 0)
		return rc;
	return file_write_new(
	    path, 0600, secret_p(text), secret_len(text), err);
}

int
cmd_key_default_make(char **ret, bool *made, struct err *err)
{
	CLEANUP(freep_mem) char *home = NULL;
	CLEANUP(freep_mem) char *path = NULL;
	int rc;

	if ((rc = config_home(&home, err)) < 0 ||
	    (rc = file_mkdirs(home, 0700, err)) < 0 ||
	    (rc = config_key_path(&path, err)) < 0)
		return rc;
	rc = write_key(path, err);
	if (rc < 0 && rc != -HF_EEXISTS)
		return err_wrap(err, "make the key '%s'", path);
	*made = rc == 0;
	*ret = TAKE(path);
	return 0;
}

bool
cmd_keys_given(const struct cmd_keys *k)
{
	return ctx_option_at(k->ctx, "key", 0) != NULL ||
	       (k->repo != NULL && params_get(k->repo->params, "keys") != NULL);
}
