#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "store/s3/store_s3_call.h"

void
s3_mark(char mark[S3_MARK_LEN + 1])
{
	uint8_t random[S3_MARK_LEN / 2];

	randombytes_buf(random, sizeof(random));
	(void)str_hex(mark, random, sizeof(random));
}

int
s3_look(struct s3 *s, const char *name, const char *mark, bool once,
    struct err *err)
{
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "HEAD",
		.key = name,
		.action = "s3:GetObject",
		.once = once,
	};
	const char *v;
	int rc;

	if ((rc = s3_call(s, &c, err)) < 0)
		return rc;
	v = http_header(&c.res, S3_MARK_HEADER);
	if (v != NULL && strcmp(v, mark) == 0)
		return 0;
	return err_set(err, HF_EEXISTS, "it exists already");
}

/*
 * A server that refuses the second put of a large object may hang up on it
 * without our seeing why: sending it again and again would never tell.  Who may
 * not look hears the refusal if it comes before the body is sent, which S3 has
 * Expect for; of a server that does not keep to that, nothing can be known.
 */
int
s3_settled(struct s3 *s, const struct s3_call *c, struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	rc = s3_look(s, c->key, c->mark, true, &e);
	if (rc == 0 || rc == -HF_EEXISTS) {
		*err = e;
		return rc;
	}
	if (rc == -HF_EDENIED) {
		/* It did answer the look: no guess about the network. */
		err->hint[0] = '\0';
		(void)err_hint(err,
		    "it may be stored all the same: these keys may not look "
		    "(s3:GetObject), and no refusal of a second put was heard; "
		    "to run this again harms nothing");
	}
	return 1;
}
