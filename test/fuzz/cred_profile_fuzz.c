#include <stdlib.h>

#include "base/err.h"
#include "cred/cred.h"
#include "cred/cred_profile.h"
#include "fuzz.h"

/* A shared credentials file, and a shared configuration file. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const enum cred_file kinds[] = { CRED_FILE_CREDENTIALS,
		CRED_FILE_CONFIG };
	size_t i;

	for (i = 0; i < 2; i++) {
		CLEANUP(freep_cred) struct cred *c = calloc(1, sizeof(*c));
		struct cred_profile seen = { .found = false };
		struct err err = ERR_INIT;
		int rc;

		MUST(c != NULL);
		rc = cred_profile_parse(
		    (const char *)p, n, kinds[i], "default", c, &seen, &err);
		MUST(rc == 0 || rc == -HF_ECONFIG);
		MUST(seen.found || c->access_key == NULL);
		free(seen.unsupported);
	}
	return 0;
}
