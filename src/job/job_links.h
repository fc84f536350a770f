#ifndef JOB_JOB_LINKS_H_
#define JOB_JOB_LINKS_H_

#include "base/limit.h"

/* Opaque types. */
struct err;

/*
 * Files that are restored under the name of one of their hard links.  There
 * may be as many as the backup has files, so they are found by a tree.
 */
struct job_links {
	void *tree;
	struct limit limit;
};

/**
 * job_links_add(l, file, link, err):
 * Note that ${file} comes as ${link}; there must be none of it yet.
 */
int job_links_add(struct job_links *, const char *, const char *, struct err *);

/**
 * job_links_find(l, file):
 * Return the link that ${file} comes as, or NULL.
 */
char *job_links_find(const struct job_links *, const char *);
void job_links_clear(struct job_links *);

#endif /* !JOB_JOB_LINKS_H_ */
