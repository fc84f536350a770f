#ifndef REPO_REPO_PIPE_THREAD_H_
#define REPO_REPO_PIPE_THREAD_H_

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "repo/repo_pipe.h"

/* What the threads of a pipe share: between repo_pipe*.c, nobody else's. */

/* A buffer for one pack, and what becomes known of it. */
struct pipe_pack {
	struct pipe_pack *next;
	uint8_t *p;
	struct repo_pack_row row;
};

/* The places of the frames of one kind. */
struct pipe_refs {
	struct repo_ref *v;
	size_t n, cap;
};

struct pipe_worker {
	struct repo_pipe *pipe;
	unsigned number;
	pthread_t thread;
	struct sha256 *sha; /* For the files in a frame. */
	struct repo_pack *builder;
	struct pipe_pack *pack; /* Under construction, or NULL. */
	uint32_t index;         /* Its row, */
	bool numbered;          /* once it has a frame. */
};

#define PIPE_KINDS 4 /* Data, entries, list: by enum repo_frame_kind. */

struct repo_pipe {
	struct repo_pipe_opts opts;

	/* Allocated once: */
	struct repo_pipe_frame *frames;
	struct pipe_pack *packs;
	struct pipe_worker *workers;
	pthread_t *uploaders;
	unsigned nworkers, nuploaders; /* How many threads run. */

	/* From here on, everything is the lock's. */
	pthread_mutex_t lock;
	struct err failure; /* The first one, if code is not 0. */
	bool no_more_frames, no_more_packs;

	struct repo_pipe_frame *free_frames;
	struct repo_pipe_frame *todo, **todo_end; /* First come, first out. */
	size_t ntodo, unsealed;                   /* todo, and in work. */
	struct repo_pipe_frame *copies;           /* To be sealed again. */
	size_t ncopies;
	uint64_t idle;    /* Bit i: worker i waits for a frame. */
	uint64_t packing; /* Bit i: it has, or starts, a pack. */
	pthread_cond_t frame_freed, frame_ready, all_sealed;

	struct pipe_pack *free_packs;
	struct pipe_pack *finished, **finished_end;
	pthread_cond_t pack_freed, pack_finished;

	struct pipe_refs refs[PIPE_KINDS];
	struct repo_pack_row *rows;
	size_t nrows, rows_cap;
	uint64_t bytes; /* Put so far. */
};

void *repo_pipe_worker(void *);   /* Of a struct pipe_worker. */
void *repo_pipe_uploader(void *); /* Of a struct repo_pipe. */

/**
 * repo_pipe_number(p, index, err):
 * With the lock: give the next pack its number, and a row to be filled in.
 */
int repo_pipe_number(struct repo_pipe *, uint32_t *, struct err *);

/**
 * repo_pipe_fail(p, err):
 * Keep ${err} if it is the first, and wake everybody up.
 */
void repo_pipe_fail(struct repo_pipe *, const struct err *);

#endif /* !REPO_REPO_PIPE_THREAD_H_ */
