#ifndef CRED_CRED_PROFILE_H_
#define CRED_CRED_PROFILE_H_

#include <stdbool.h>
#include <stddef.h>

/* Opaque types. */
struct cred;
struct err;

/* Which of the two files a text is: they write a profile's name differently. */
enum cred_file {
	CRED_FILE_CREDENTIALS, /* [name] */
	CRED_FILE_CONFIG,      /* [profile name], [default] */
};

/* What a profile may say that we do not follow, for the hint. */
struct cred_profile {
	bool found;        /* There is such a profile. */
	bool keys_done;    /* Take the region alone: keys must not mix. */
	char *unsupported; /* "role_arn" and the like: the first one. */
};

/**
 * cred_profile_parse(text, n, kind, name, cred, seen, err):
 * Fill what is still missing in ${cred} from the profile ${name} in the ${n}
 * bytes of a shared file.  HF_ECONFIG, with the line's number, if a line is
 * neither a section, nor name = value, nor a comment.
 */
int cred_profile_parse(const char *, size_t, enum cred_file, const char *,
    struct cred *, struct cred_profile *, struct err *);

/**
 * cred_profile_find(name, asked, cred, err):
 * Fill ${cred} from the profile ${name} of the two files.  HF_ECONFIG if it
 * has no keys; HF_ENOTFOUND if there is no such profile and nobody ${asked}
 * for it.
 */
int cred_profile_find(const char *, bool, struct cred *, struct err *);

#endif /* !CRED_CRED_PROFILE_H_ */
