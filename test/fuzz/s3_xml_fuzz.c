#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"
#include "store/s3/store_s3_xml.h"

/* What a server may answer, read as a listing and as an error. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct s3_page page = { .items = NULL };
	struct s3_uploads uploads = { .v = NULL };
	struct err err = ERR_INIT;
	struct s3_error e;
	CLEANUP(freep_mem) char *id = NULL;
	size_t i;

	if (s3_xml_page(p, n, &page, &err) == 0) {
		for (i = 0; i < page.n; i++)
			MUST(page.items[i].key != NULL);
		MUST(!page.more || page.token != NULL);
	} else {
		MUST(err.code == -HF_EUNAVAIL && err.msg[0] != '\0');
	}
	s3_page_clear(&page);
	err = (struct err)ERR_INIT;
	if (s3_xml_uploads(p, n, &uploads, &err) == 0) {
		for (i = 0; i < uploads.n; i++)
			MUST(uploads.v[i].key != NULL &&
			     uploads.v[i].id != NULL);
		MUST(!uploads.more || uploads.key != NULL);
	} else {
		MUST(err.code == -HF_EUNAVAIL && err.msg[0] != '\0');
	}
	s3_uploads_clear(&uploads);
	err = (struct err)ERR_INIT;
	if (s3_xml_upload_id(p, n, &id, &err) == 0)
		MUST(id != NULL && id[0] != '\0');
	else
		MUST(id == NULL && err.code == -HF_EUNAVAIL);
	MUST(s3_xml_error(p, n, &e) == (e.code[0] != '\0'));
	return 0;
}
