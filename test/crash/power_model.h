#ifndef TEST_CRASH_POWER_MODEL_H_
#define TEST_CRASH_POWER_MODEL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power.h"

/*
 * The folder as the program sees it, and what of it a power cut may leave.
 *
 * A file's bytes, its size, mode and times are on the disk from when it is
 * synced on, a folder's names, mode and times from when the folder is: not
 * before, not from the sync of what has the name, and not in the order in which
 * they were given.  What was done since then may be there or not, each thing by
 * itself; of bytes there may also be zeroes, or garbage.  A name that is
 * replaced within one folder stands for one file or for the other.
 */
enum power_names {
	POWER_NAMES_LOST,   /* As when each folder was synced. */
	POWER_NAMES_KEPT,   /* All names, synced or not. */
	POWER_NAMES_BUT,    /* All, but those in one folder. */
	POWER_NAMES_ONLY,   /* None, but those in one folder. */
	POWER_NAMES_RANDOM, /* Each or not. */
};

enum power_data {
	POWER_DATA_LOST,    /* As when each file was synced. */
	POWER_DATA_KEPT,    /* All bytes, modes and times, synced or not. */
	POWER_DATA_ZERO,    /* The size, and zeroes; the old mode. */
	POWER_DATA_GARBAGE, /* The size, and other bytes; the new mode. */
	POWER_DATA_RANDOM,  /* Block by block the old, the new or zeroes. */
};

struct power_choice {
	unsigned names, data;
	uint64_t n; /* The folder that is meant, or the seed. */
};

/* Opaque types. */
struct power_model;

/**
 * power_model_new():
 * Nothing has happened yet.  Like all here it ends the process if there is no
 * memory.
 */
struct power_model *power_model_new(void);

/**
 * power_model_apply(m, r, bytes):
 * The record ${r}, with its ${bytes}, has happened.
 */
void power_model_apply(
    struct power_model *, const struct power_record *, const uint8_t *);

/**
 * power_model_dirty(m, i):
 * The number of the ${i}th folder that has names which are not synced, for
 * struct power_choice; 0 if there are no more.
 */
uint64_t power_model_dirty(const struct power_model *, size_t);

/**
 * power_model_hash(m, c):
 * A hash of all names and bytes that ${c} leaves.
 */
uint64_t power_model_hash(struct power_model *, const struct power_choice *);

/**
 * power_model_build(m, c, path):
 * Make what ${c} leaves as the folder ${path}, which must not exist.
 */
void power_model_build(
    struct power_model *, const struct power_choice *, const char *);

#endif /* !TEST_CRASH_POWER_MODEL_H_ */
