#include "repo/repo_writer_plan.h"
#include "base/parallel.h"
#include "repo/repo_pack.h"

/*
 * For W workers, in MiB:
 *
 *	W x 2	a worker's scratch: a frame compressed, a frame opened again
 *	W x Z	its zstd context: 1 up to level 2, 4 up to 6, 18 at 19
 *	2W + 4	frames: one filled by the source, one with each worker, two
 *		of entries; the others wait, so that a worker has work while
 *		the source's thread has no processor
 *	P x T	packs: one under construction with each worker, two on
 *		their way to the store
 *
 * With the default, 46 MiB, on two processors that is 4 + 2 + 8 = 14, and
 * P = 4 packs of 8 MiB fill the 32 that are left.  The program itself, with
 * TLS, has 12 more.  With 16 MiB there is one worker, and T is 2.3.
 *
 * More workers want more of everything, and smaller packs make more objects:
 * workers are given up before packs fall under PACK_SIZE_GOOD.
 */
#define MIB (1u << 20)
#define MEMORY_DEFAULT (46u * MIB)
#define PACK_SIZE_TARGET (8u * MIB)
#define PACK_SIZE_GOOD (4u * MIB)
#define WORKERS_MAX 64 /* As many bits as repo_pipe.c has for them. */
#define PACKS_ON_THEIR_WAY 2
#define UPLOADERS_MAX 4

static size_t
zstd_memory(int level)
{
	if (level <= 2)
		return 1 * MIB;
	return level <= 6 ? 4 * MIB : 18 * MIB;
}

/* Return what everything but the packs takes with ${w} workers. */
static size_t
fixed_memory(unsigned w, int level)
{
	return w * (2 * MIB + zstd_memory(level)) + (2 * w + 4) * MIB;
}

static size_t
pack_size(size_t memory, unsigned w, int level)
{
	size_t fixed = fixed_memory(w, level), size;

	if (memory < fixed)
		return 0;
	size = (memory - fixed) / (w + PACKS_ON_THEIR_WAY);
	return size < PACK_SIZE_TARGET ? size : PACK_SIZE_TARGET;
}

struct repo_writer_plan
repo_writer_plan_make(size_t memory, unsigned workers, int level)
{
	struct repo_writer_plan p = { 0 };
	size_t spare;

	if (memory == 0)
		memory = MEMORY_DEFAULT;
	p.workers = workers > 0 ? workers : parallel_cpus();
	if (p.workers > WORKERS_MAX)
		p.workers = WORKERS_MAX;
	while (p.workers > 1 &&
	       pack_size(memory, p.workers, level) < PACK_SIZE_GOOD)
		p.workers--;

	p.pack_size = pack_size(memory, p.workers, level);
	if (p.pack_size < REPO_PACK_SIZE_MIN)
		p.pack_size = REPO_PACK_SIZE_MIN;
	p.frames = 2 * p.workers + 4;
	p.packs = p.workers + PACKS_ON_THEIR_WAY;
	/* If packs are at their target, use what is left for more of them on
	 * their way: a distant store needs that. */
	spare = fixed_memory(p.workers, level) + p.packs * p.pack_size;
	if (spare < memory)
		p.packs += (unsigned)((memory - spare) / p.pack_size);
	if (p.packs > p.workers + 2 * UPLOADERS_MAX)
		p.packs = p.workers + 2 * UPLOADERS_MAX;
	p.uploaders = p.packs < UPLOADERS_MAX ? p.packs : UPLOADERS_MAX;
	return p;
}
