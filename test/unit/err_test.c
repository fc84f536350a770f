#include <errno.h>

#include "test.h"

TEST(err_errno__ends_in_the_words_of_the_system)
{
	struct err e = ERR_INIT;

	CHECK(err_errno(&e, ENOENT, "open '%s'", "x") == -HF_ENOTFOUND);
	CHECK_STR(e.msg, "open 'x': No such file or directory");
	CHECK(err_errno(&e, ENOSPC, "write") == -HF_ENOSPC);
	CHECK_STR(e.msg, "write: No space left on device");
	CHECK(err_errno(&e, 9999, "write") == -HF_EIO);
	CHECK_STR(e.msg, "write: Unknown error 9999");
}

TEST(err_wrap__puts_the_context_in_front)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, HF_EDENIED, "no");
	CHECK(err_wrap(&e, "put '%s'", "a") == -HF_EDENIED);
	CHECK(err_wrap(&e, "backup") == -HF_EDENIED);
	CHECK_STR(e.msg, "backup: put 'a': no");
}

TEST(err_hint__keeps_the_one_closest_to_the_cause)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, HF_EDENIED, "no");
	CHECK(err_hint(&e, "ask %s", "root") == -HF_EDENIED);
	CHECK(err_hint(&e, "give up") == -HF_EDENIED);
	CHECK_STR(e.hint, "ask root");
}
