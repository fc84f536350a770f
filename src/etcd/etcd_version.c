#include <ctype.h>
#include <stdlib.h>

#include "etcd/etcd_version.h"

bool
etcd_version_minor(const char *text, unsigned long *ret)
{
	unsigned long major, minor;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	major = strtoul(text, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return false;
	minor = strtoul(end + 1, &end, 10);
	if ((*end != '\0' && *end != '.') || major > 999 || minor > 999)
		return false;
	*ret = major * 1000 + minor;
	return true;
}
