#include <string.h>

#include "base/err.h"
#include "config/config_legacy.h"
#include "fuzz.h"

/* The YAML of etcd-backup as somebody wrote it; and as a duration. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(freep_config_legacy) struct config_legacy *c = NULL;
	struct err err = ERR_INIT;
	char text[64];
	int64_t ms;
	size_t i;

	if (config_legacy_parse("config.yml", p, n, &c, &err) == 0) {
		MUST(c->prefix != NULL && c->retries <= 1000);
		for (i = 0; i < c->nendpoints; i++)
			MUST(c->endpoints[i][0] != '\0');
	} else {
		MUST(c == NULL && err.code == -HF_ECONFIG);
	}
	n = n < sizeof(text) - 1 ? n : sizeof(text) - 1;
	memcpy(text, p, n);
	text[n] = '\0';
	err = (struct err)ERR_INIT;
	if (config_legacy_duration(text, &ms, &err) == 0)
		MUST(ms >= 0);
	else
		MUST(err.code == -HF_EUSAGE);
	return 0;
}
