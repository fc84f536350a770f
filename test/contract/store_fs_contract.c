#include "base/params.h"
#include "store/fs/store_fs.h"
#include "store_contract.h"
#include "test.h"

static int
open_fs(void *arg, const char *place, enum store_power power,
    struct store **ret, struct err *e)
{
	static const struct store_driver *const drivers[] = {
		&store_fs_driver,
		NULL,
	};
	CLEANUP(freep_params) struct params *p = NULL;
	const bool *named = arg;
	char url[512];
	int rc;

	(void)snprintf(url, sizeof(url), "file:%s/%s/x", test_dir(), place);
	if ((rc = params_new(&p, e)) < 0 ||
	    (rc = params_set(p, "url", url, e)) < 0 ||
	    (rc = store_open(drivers, p, power, ret, e)) < 0)
		return rc;
	if (*named)
		store_fs_name_temporaries(*ret);
	return 0;
}

TEST(fs__keeps_every_promise)
{
	bool named = false;

	store_contract_run(open_fs, &named, 0);
}

TEST(fs__keeps_them_where_temporary_files_need_names)
{
	bool named = true;

	store_contract_run(open_fs, &named, 0);
}
