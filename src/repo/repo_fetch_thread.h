#ifndef REPO_REPO_FETCH_THREAD_H_
#define REPO_REPO_FETCH_THREAD_H_

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "repo/repo_fetch.h"
#include "repo/repo_packs.h"

/* What the threads share: between repo_fetch*.c, nobody else's. */

enum span_state {
	SPAN_FREE,
	SPAN_FETCHING,
	SPAN_HERE,
	SPAN_LOST,  /* None of its frames can be had: see err. */
	SPAN_SPLIT, /* It is damaged: its frames are tried one by one. */
};

/* A part of a pack, in a buffer that is allocated once. */
struct fetch_span {
	enum span_state state;
	struct buf buf;
	uint32_t pack;
	uint64_t off;  /* Of the buffer's first byte in the pack. */
	size_t len;    /* To be fetched. */
	unsigned jobs; /* Still to be opened from it. */
	const struct repo_opener_pack *opener;
	struct err err;
};

#define JOB_NONE UINT32_MAX

/* A frame that is wanted. */
struct fetch_job {
	const struct repo_ref *ref;
	uint32_t next; /* The next one in the same pack. */
	/* NULL: not planned yet; the span ${single}: fetched by itself. */
	struct fetch_span *span;
};

/* The place for a frame that is open, or fails to be. */
struct fetch_slot {
	uint8_t *p;
	size_t used; /* So long was the longest. */
	bool ready;
	struct err err;
};

struct fetch_worker {
	struct repo_fetch *fetch;
	pthread_t thread;
	struct repo_unpacker *unpacker;
	struct buf sealed; /* For a frame by itself. */
};

struct repo_fetch {
	struct repo_packs *packs;
	struct fetch_worker *workers;
	pthread_t *fetchers;
	unsigned nworkers, nfetchers; /* How many threads run. */
	struct fetch_worker own;      /* Without threads: the caller's. */
	size_t span_size;

	/* From here on, everything is the lock's. */
	pthread_mutex_t lock;
	pthread_cond_t span_freed; /* Or there is more to plan. */
	pthread_cond_t slot_freed; /* A worker may begin with a frame, */
	pthread_cond_t work;       /* or may find its span there. */
	pthread_cond_t frame_ready;
	bool stop;

	struct fetch_job *jobs;
	uint32_t njobs;
	uint32_t planned; /* All jobs before it have a span. */
	uint32_t begun;   /* All jobs before it were taken by workers. */
	uint32_t given;   /* All jobs before it were given to the caller. */
	bool lent;        /* The caller has the frame before ${given}. */

	uint8_t *frames;          /* What the slots point into. */
	struct fetch_slot *slots; /* Job i has slot i % nslots. */
	unsigned nslots;
	struct fetch_span *spans;
	unsigned nspans;
	struct fetch_span single;
};

void *repo_fetch_worker(void *);  /* Of a struct fetch_worker. */
void *repo_fetch_fetcher(void *); /* Of a struct repo_fetch. */

#endif /* !REPO_REPO_FETCH_THREAD_H_ */
