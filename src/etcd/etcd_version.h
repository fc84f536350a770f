#ifndef ETCD_ETCD_VERSION_H_
#define ETCD_ETCD_VERSION_H_

#include <stdbool.h>

/**
 * etcd_version_minor(text, ret):
 * Read "3.6" or "3.6.13" as 3006, so that minor versions compare as numbers.
 * Return false if ${text} is nothing of the kind.
 */
bool etcd_version_minor(const char *, unsigned long *);

#endif /* !ETCD_ETCD_VERSION_H_ */
