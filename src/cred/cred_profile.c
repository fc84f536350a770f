#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "cred/cred.h"
#include "cred/cred_profile.h"
#include "crypto/secret.h"

#define FILE_MAX_LEN (1 << 20) /* bytes */

/* A piece of the file's text. */
struct span {
	const char *p;
	size_t n;
};

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span
trim(struct span s)
{
	while (s.n > 0 && blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool
span_is(struct span s, const char *word)
{
	return strlen(word) == s.n && memcmp(s.p, word, s.n) == 0;
}

/* Take the first line off ${text}. */
static struct span
next_line(struct span *text)
{
	const char *end = memchr(text->p, '\n', text->n);
	size_t n = end == NULL ? text->n : (size_t)(end - text->p);
	struct span line = { text->p, n };

	if (end != NULL)
		n++;
	text->p += n;
	text->n -= n;
	return line;
}

/* Does the header between the brackets name the profile ${name}? */
static bool
names_profile(struct span s, enum cred_file kind, const char *name)
{
	static const char word[] = "profile";
	size_t n = sizeof(word) - 1;

	s = trim(s);
	if (kind == CRED_FILE_CREDENTIALS || span_is(s, "default"))
		return span_is(s, name);
	if (s.n <= n || memcmp(s.p, word, n) != 0 || !blank(s.p[n]))
		return false;
	return span_is(trim((struct span){ s.p + n, s.n - n }), name);
}

static int
take_text(struct span v, char **to, struct err *err)
{
	if (*to != NULL || v.n == 0)
		return 0;
	return str_printf(to, err, "%.*s", (int)v.n, v.p);
}

static int
take_secret(struct span v, struct secret **to, struct err *err)
{
	if (*to != NULL || v.n == 0)
		return 0;
	return secret_copy(v.p, v.n, to, err);
}

/* Is it a setting that makes somebody else give the keys? */
static bool
is_indirect(struct span k)
{
	static const char *const names[] = { "role_arn", "credential_process",
		"sso_session", "sso_start_url", "web_identity_token_file",
		"credential_source" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(k, names[i]))
			return true;
	return false;
}

static int
take_setting(struct span k, struct span v, struct cred *c,
    struct cred_profile *seen, struct err *err)
{
	if (span_is(k, "region"))
		return take_text(v, &c->region, err);
	if (seen->keys_done)
		return 0;
	if (span_is(k, "aws_access_key_id"))
		return take_text(v, &c->access_key, err);
	if (span_is(k, "aws_secret_access_key"))
		return take_secret(v, &c->secret_key, err);
	if (span_is(k, "aws_session_token"))
		return take_secret(v, &c->session_token, err);
	if (is_indirect(k))
		return take_text(k, &seen->unsupported, err);
	return 0;
}

static int
take_line(struct span line, bool *inside, enum cred_file kind, const char *name,
    struct cred *c, struct cred_profile *seen, struct err *err)
{
	bool nested = line.n > 0 && blank(line.p[0]);
	const char *eq, *end;
	struct span k, v;

	line = trim(line);
	/* An indented line belongs to a setting with parts ("s3 ="). */
	if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || nested)
		return 0;
	if (line.p[0] == '[') {
		if ((end = memchr(line.p, ']', line.n)) == NULL)
			return err_set(err, HF_ECONFIG, "']' is missing");
		*inside = names_profile(
		    (struct span){ line.p + 1, (size_t)(end - line.p) - 1 },
		    kind, name);
		seen->found = seen->found || *inside;
		return 0;
	}
	if ((eq = memchr(line.p, '=', line.n)) == NULL)
		return err_set(err, HF_ECONFIG, "'=' is missing");
	if (!*inside)
		return 0;
	k = trim((struct span){ line.p, (size_t)(eq - line.p) });
	v = trim((struct span){ eq + 1, line.n - (size_t)(eq - line.p) - 1 });
	return take_setting(k, v, c, seen, err);
}

int
cred_profile_parse(const char *text, size_t n, enum cred_file kind,
    const char *name, struct cred *c, struct cred_profile *seen,
    struct err *err)
{
	struct span rest = { text, n };
	bool inside = false;
	size_t number = 0;
	int rc;

	if (n > 0 && memchr(text, '\0', n) != NULL)
		return err_set(err, HF_ECONFIG, "it is not a text file");
	while (rest.n > 0) {
		number++;
		rc = take_line(
		    next_line(&rest), &inside, kind, name, c, seen, err);
		if (rc < 0)
			return err_wrap(err, "line %zu", number);
	}
	return 0;
}

/* Read a file that holds secrets, without a copy in ordinary memory. */
static int
read_secret_file(const char *path, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	CLEANUP(freep_fd) int fd = -1;
	struct stat st;
	size_t got;
	int rc;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_LEN)
		return err_set(
		    err, HF_ECONFIG, "'%s' is no file of at most 1 MiB", path);
	if ((rc = secret_new((size_t)st.st_size + 1, &s, err)) < 0 ||
	    (rc = file_read_full(
		 fd, secret_w(s), (size_t)st.st_size, &got, err)) < 0)
		return err_wrap(err, "read '%s'", path);
	*ret = TAKE(s);
	return 0;
}

static int
file_path(const char *variable, const char *name, char **ret, struct err *err)
{
	const char *set = getenv(variable);
	const char *home = getenv("HOME");

	if (set != NULL && set[0] != '\0')
		return str_dup(set, ret, err);
	return str_printf(
	    ret, err, "%s/.aws/%s", home == NULL ? "" : home, name);
}

/* A file that does not exist says nothing. */
static int
look_into(const char *path, enum cred_file kind, const char *name,
    struct cred *c, struct cred_profile *seen, struct err *err)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	struct err e = ERR_INIT;
	int rc;

	if ((rc = read_secret_file(path, &text, &e)) < 0) {
		if (rc == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return rc;
	}
	rc = cred_profile_parse((const char *)secret_p(text),
	    strnlen((const char *)secret_p(text), secret_len(text)), kind, name,
	    c, seen, err);
	if (rc < 0)
		return err_wrap(err, "read '%s'", path);
	return 0;
}

static int
judge(const char *name, bool asked, const struct cred *c,
    const struct cred_profile *seen, const char *path, struct err *err)
{
	if (c->access_key != NULL && c->secret_key != NULL)
		return 0;
	if (!seen->found && !asked)
		return err_set(err, HF_ENOTFOUND, "no profile '%s'", name);
	if (!seen->found)
		(void)err_set(err, HF_ECONFIG,
		    "there is no profile '%s' in '%s'", name, path);
	else
		(void)err_set(err, HF_ECONFIG,
		    "profile '%s' has no access key in '%s'", name, path);
	if (seen->unsupported != NULL)
		return err_hint(err,
		    "it has '%s', which holdfast does not follow: give it "
		    "aws_access_key_id and aws_secret_access_key",
		    seen->unsupported);
	return err_hint(err,
	    "correct the option 'profile' or AWS_PROFILE, or add the profile "
	    "with aws_access_key_id and aws_secret_access_key");
}

int
cred_profile_find(const char *name, bool asked, struct cred *c, struct err *err)
{
	CLEANUP(freep_mem) char *credentials = NULL;
	CLEANUP(freep_mem) char *config = NULL;
	struct cred_profile seen = { 0 };
	int rc;

	if ((rc = file_path("AWS_SHARED_CREDENTIALS_FILE", "credentials",
		 &credentials, err)) < 0 ||
	    (rc = file_path("AWS_CONFIG_FILE", "config", &config, err)) < 0)
		return rc;
	rc = look_into(credentials, CRED_FILE_CREDENTIALS, name, c, &seen, err);
	seen.keys_done = c->access_key != NULL || c->secret_key != NULL;
	if (rc == 0)
		rc = look_into(config, CRED_FILE_CONFIG, name, c, &seen, err);
	if (rc == 0)
		rc = judge(name, asked, c, &seen, credentials, err);
	free(seen.unsupported);
	if (rc < 0)
		return rc;
	return str_printf(
	    &c->from, err, "profile '%s' of '%s'", name, credentials);
}
