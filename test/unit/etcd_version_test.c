#include "etcd/etcd_version.h"
#include "test.h"

TEST(version__is_a_minor_version_and_what_may_follow)
{
	static const struct {
		const char *text;
		unsigned long minor;
	} v[] = { { "3.4", 3004 }, { "3.6.13", 3006 }, { "3.10.0-rc.1", 3010 },
		{ "4.0", 4000 }, { "", 0 }, { "3", 0 }, { "3.", 0 },
		{ ".5", 0 }, { "v3.5", 0 }, { "-3.5", 0 }, { "3.-5", 0 },
		{ "3.5x", 0 }, { "3.1000", 0 }, { "1000.1", 0 },
		{ "3.99999999999999999999999", 0 } };
	unsigned long minor;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		minor = 0;
		CHECK(
		    etcd_version_minor(v[i].text, &minor) == (v[i].minor != 0));
		CHECK(minor == v[i].minor);
	}
}
