#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"
#include "store/s3/store_s3_xml.h"

static void
read_page(const uint8_t *p, size_t n, enum s3_listing what)
{
	struct s3_page page = { .items = NULL };
	struct err err = ERR_INIT;
	size_t i;

	if (s3_xml_page(p, n, what, &page, &err) == 0) {
		for (i = 0; i < page.n; i++)
			MUST(
			    page.items[i].key != NULL &&
			    (page.items[i].id != NULL) == (what == S3_UPLOADS));
		MUST(!page.more || page.next != NULL);
	} else {
		MUST(err.code == -HF_EUNAVAIL && err.msg[0] != '\0');
	}
	s3_page_clear(&page);
}

/* What a server may answer, read as a listing and as an error. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err err = ERR_INIT;
	struct s3_error e;
	CLEANUP(freep_mem) char *id = NULL;

	read_page(p, n, S3_OBJECTS);
	read_page(p, n, S3_UPLOADS);
	if (s3_xml_upload_id(p, n, &id, &err) == 0)
		MUST(id != NULL && id[0] != '\0');
	else
		MUST(id == NULL && err.code == -HF_EUNAVAIL);
	MUST(s3_xml_error(p, n, &e) == (e.code[0] != '\0'));
	return 0;
}
