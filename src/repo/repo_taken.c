#include "repo/repo_taken.h"
#include "base/err.h"
#include "store/store.h"

bool
repo_taken_by_us(struct store *s, const char *object)
{
	struct store_info info;
	struct err e = ERR_INIT;

	return store_head(s, object, &info, &e) == -HF_EDENIED;
}
