#ifndef SOURCE_SOURCE_PAGED_H_
#define SOURCE_SOURCE_PAGED_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct entry;
struct err;
struct sink;

/*
 * A file stored as pages (doc/format.md, "Pages"), for databases that change in
 * place, here and there.  The next backup stores only the pages that differ
 * from what was at the same place, gathered into groups; the groups of the last
 * backup are kept as long as a quarter of their pages is in use.
 *
 * A page counts as unchanged if its id is (source_paged_memo.h).  A group and
 * one bit for each page are in memory.
 */
struct source_paged_file {
	/* As it is to be restored: path, owner, times, and size and sha256,
	 * which the source knows.  No holes. */
	const struct entry *entry;
	uint32_t page_size; /* A power of 2, 4096 to 65536. */
	/* Read ${n} bytes at ${off}.  They must not change meanwhile: a page
	 * that has is read twice. */
	int (*read)(void *arg, uint64_t off, void *to, size_t n, struct err *);
	void *arg;
};

/**
 * source_paged_write(f, sink, err):
 * Give ${sink} the whole file, as the folder "PATH.pages".
 */
int source_paged_write(
    const struct source_paged_file *, struct sink *, struct err *);

#endif /* !SOURCE_SOURCE_PAGED_H_ */
