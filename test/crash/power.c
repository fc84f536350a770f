#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power.h"
#include "power_meta.h"
#include "power_model.h"

/*
 * power run [-a] [-k N] ROOT LOG COMMAND...
 *	Run the command; what is in ROOT now, and what is done to it, goes to
 *	LOG, with what it prints and its status, which is ours, too.  -a: goes
 *	on with a LOG.  -k: it is killed behind the call
 *	that gives its Nth record.
 * power states [-e] LOG MOST
 *	Print up to MOST different states that a power cut may leave, each as
 *	three words; MOST is 0 for all.  The last line is their number.  -e:
 *	only when the last command had ended.
 * power show LOG N
 *	Print the first N records.
 * power build LOG [STATE...] ROOT
 *	Make that state, or what is there without a cut, as ROOT, which must
 *	not exist; print what had been printed by then, and a line
 *	"exit N" for each command that had ended.
 */

static FILE *out; /* The log, while it is written. */

static void
note(struct power_record r, const void *p, size_t n)
{
	r.n = (uint32_t)n;
	if (fwrite(&r, sizeof(r), 1, out) != 1 ||
	    (n > 0 && fwrite(p, n, 1, out) != 1))
		err(2, "the log");
}

static void
note_bytes(const char *path, uint64_t ino)
{
	struct power_record r = { .op = POWER_WRITE, .ino = ino };
	static char b[1 << 20];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		err(2, "%s", path);
	while ((n = fread(b, 1, sizeof(b), f)) > 0) {
		note(r, b, n);
		r.at += (int64_t)n;
	}
	(void)fclose(f);
}

static void
note_like(const char *path, uint64_t ino)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	uint8_t b[POWER_META_MAX];

	if (fd < 0)
		err(2, "%s", path);
	note((struct power_record){ .op = POWER_META, .ino = ino }, b,
	    power_meta_get(fd, b));
	(void)close(fd);
}

/* Is it another name of what has been noted?  Remember it, if not. */
static bool
is_noted(const struct stat *st, int type)
{
	static ino_t inos[64];
	static size_t n;
	size_t i;

	if (type == FTW_D || st->st_nlink == 1)
		return false;
	for (i = 0; i < n; i++)
		if (inos[i] == st->st_ino)
			return true;
	if (n == sizeof(inos) / sizeof(inos[0]))
		errx(2, "too many hard links");
	inos[n++] = st->st_ino;
	return false;
}

static void
note_new(const char *path, const struct stat *st, int type, bool top)
{
	char to[PATH_MAX];
	ssize_t n = 0;

	if (type == FTW_SL && (n = readlink(path, to, sizeof(to))) < 0)
		err(2, "%s", path);
	note((struct power_record){ .op = top              ? POWER_ROOT
					  : type == FTW_D  ? POWER_DIR
					  : type == FTW_SL ? POWER_LINK
							   : POWER_FILE,
		 .ino = st->st_ino },
	    to, (size_t)n);
	if (type == FTW_F)
		note_bytes(path, st->st_ino);
	note_like(path, st->st_ino);
}

/* One thing that is there before the program starts. */
static int
note_old(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static uint64_t dirs[PATH_MAX]; /* By depth. */

	if (!is_noted(st, type))
		note_new(path, st, type, ftw->level == 0);
	if (type == FTW_D)
		dirs[ftw->level] = st->st_ino;
	if (ftw->level > 0)
		note((struct power_record){ .op = POWER_NAME,
			 .ino = st->st_ino,
			 .dir = dirs[ftw->level - 1] },
		    path + ftw->base, strlen(path + ftw->base) + 1);
	return 0;
}

static pid_t child;

static void
pass_on(int sig)
{
	(void)kill(child, sig);
}

static void
start(const char *root, const char *log, const char *kill_at, char *argv[],
    int to)
{
	if (dup2(to, STDOUT_FILENO) < 0 || setenv("POWER_ROOT", root, 1) < 0 ||
	    setenv("POWER_LOG", log, 1) < 0 ||
	    (kill_at != NULL && setenv("POWER_KILL", kill_at, 1) < 0) ||
	    setenv("LD_PRELOAD", POWER_RECORD, 1) < 0)
		err(2, "cannot start");
	(void)execvp(argv[0], argv);
	err(2, "%s", argv[0]);
}

/* What it prints goes to the log when it is here: rather late than early. */
static int
listen_to(int fd)
{
	FILE *f = fdopen(fd, "r");
	char line[65536];
	int status;

	if (f == NULL)
		err(2, "cannot listen");
	while (fgets(line, sizeof(line), f) != NULL) {
		note((struct power_record){ .op = POWER_SAID }, line,
		    strlen(line));
		(void)fflush(out);
		(void)fputs(line, stdout);
		(void)fflush(stdout);
	}
	(void)fclose(f);
	while (waitpid(child, &status, 0) < 0)
		;
	status =
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	note((struct power_record){ .op = POWER_EXIT, .at = status }, "", 0);
	return status;
}

static int
run(int argc, char *argv[])
{
	const char *kill_at = NULL, *mode = "we";
	int fds[2], opt, rc;

	while ((opt = getopt(argc, argv, "+ak:")) != -1)
		if (opt == 'a')
			mode = "ae";
		else if (opt == 'k')
			kill_at = optarg;
		else
			return 2;
	argv += optind;
	if (argc - optind < 3)
		errx(2, "run ROOT LOG COMMAND...");
	/* All appends: the program does so, too. */
	if ((out = fopen(argv[1], mode)) == NULL)
		err(2, "%s", argv[1]);
	if (mode[0] == 'w') {
		(void)nftw(argv[0], note_old, 20, FTW_PHYS);
		note((struct power_record){ .op = POWER_SYNC_ALL }, "", 0);
		note((struct power_record){ .op = POWER_BEGIN }, "", 0);
		if ((out = freopen(argv[1], "ae", out)) == NULL)
			err(2, "%s", argv[1]);
	}
	if (pipe(fds) < 0 || (child = fork()) < 0)
		err(2, "cannot start");
	if (child == 0) {
		(void)close(fds[0]);
		start(argv[0], argv[1], kill_at, argv + 2, fds[1]);
	}
	(void)close(fds[1]);
	(void)signal(SIGTERM, pass_on);
	rc = listen_to(fds[0]);
	if (fclose(out) != 0)
		err(2, "%s", argv[1]);
	return rc;
}

/* A log that is read. */
struct log {
	FILE *f;
	struct power_record r;
	uint8_t *p;
	uint64_t n; /* How many records have been read. */
};

static void
log_open(struct log *l, const char *path)
{
	*l = (struct log){ .f = fopen(path, "re") };
	if (l->f == NULL)
		err(2, "%s", path);
}

static int
log_next(struct log *l)
{
	if (fread(&l->r, sizeof(l->r), 1, l->f) != 1)
		return 0;
	if ((l->p = realloc(l->p, l->r.n + 1)) == NULL ||
	    (l->r.n > 0 && fread(l->p, l->r.n, 1, l->f) != 1))
		errx(2, "the log is cut off");
	l->n++;
	return 1;
}

struct state {
	uint64_t cut, hash;
	struct power_choice c;
};

static struct state *states;
static size_t nstates;

/* Is it another than those since ${from}? */
static void
add_state(
    struct power_model *m, uint64_t cut, size_t from, struct power_choice c)
{
	struct state s = { cut, power_model_hash(m, &c), c };
	size_t i;

	for (i = from; i < nstates; i++)
		if (states[i].hash == s.hash)
			return;
	if ((states = reallocarray(states, nstates + 1, sizeof(s))) == NULL)
		err(2, "no memory");
	states[nstates++] = s;
}

static void
add_states(struct power_model *m, uint64_t cut, size_t from)
{
	const unsigned all = POWER_NAMES_KEPT, none = POWER_NAMES_LOST;
	uint64_t d, i;
	unsigned data;

	for (data = POWER_DATA_LOST; data <= POWER_DATA_GARBAGE; data++)
		add_state(m, cut, from, (struct power_choice){ all, data, 0 });
	add_state(
	    m, cut, from, (struct power_choice){ none, POWER_DATA_LOST, 0 });
	add_state(
	    m, cut, from, (struct power_choice){ none, POWER_DATA_KEPT, 0 });
	for (i = 0; (d = power_model_dirty(m, i)) != 0; i++) {
		add_state(m, cut, from,
		    (struct power_choice){
			POWER_NAMES_BUT, POWER_DATA_LOST, d });
		add_state(m, cut, from,
		    (struct power_choice){
			POWER_NAMES_ONLY, POWER_DATA_LOST, d });
	}
	for (i = 1; i <= 2; i++)
		add_state(m, cut, from,
		    (struct power_choice){
			POWER_NAMES_RANDOM, POWER_DATA_RANDOM, cut * 2 + i });
}

/* The same numbers every time. */
static size_t
pick(size_t n)
{
	static uint64_t seed = 1;

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (size_t)(seed >> 33) % n;
}

/* Print up to ${most} of the states ${from} to ${to}; return how many. */
static size_t
print_some(size_t from, size_t to, size_t most)
{
	struct state s;
	size_t i, k;

	for (i = from; i < to && i - from < most; i++) {
		k = i + pick(to - i);
		s = states[k];
		states[k] = states[i];
		printf("%" PRIu64 " %u.%u %" PRIu64 "\n", s.cut, s.c.names,
		    s.c.data, s.c.n);
	}
	return i - from;
}

/*
 * Half of them are from behind the end, where it had said that all is done,
 * if there are so many.
 */
static int
list_states(const char *path, size_t most, bool at_end)
{
	struct power_model *m = power_model_new();
	size_t from = 0, end = 0, n;
	bool begun = false;
	struct log l;

	for (log_open(&l, path); log_next(&l);) {
		power_model_apply(m, &l.r, l.p);
		begun |= l.r.op == POWER_BEGIN;
		/* What had been said makes another state of the same. */
		if (l.r.op == POWER_SAID || l.r.op == POWER_EXIT)
			from = at_end ? nstates = 0 : nstates;
		if (l.r.op == POWER_EXIT)
			end = nstates;
		if (begun)
			add_states(m, l.n, from);
	}
	if (most == 0 || most > nstates)
		most = nstates;
	n = print_some(end, nstates, most < nstates ? (most + 1) / 2 : most);
	(void)print_some(0, end, most - n);
	printf("%zu\n", nstates);
	return 0;
}

static bool
is_text(uint32_t op)
{
	return op != POWER_WRITE && op != POWER_META;
}

/* The records up to ${cut}, one a line. */
static int
show(const char *path, uint64_t cut)
{
	static const char *const words[] = { "?", "root", "file", "dir", "link",
		"like", "name", "unname", "rename", "exchange", "write", "size",
		"sync", "sync all", "begin", "said", "exit" };
	struct log l;

	for (log_open(&l, path); l.n < cut && log_next(&l);)
		printf("%" PRIu64 " %s %" PRIu64 " %" PRIu64 " %.*s\n", l.n,
		    words[l.r.op], l.r.ino, l.r.dir,
		    is_text(l.r.op) ? (int)l.r.n : 0, (const char *)l.p);
	return 0;
}

static int
build(int argc, char *argv[])
{
	struct power_choice c = { POWER_NAMES_KEPT, POWER_DATA_KEPT, 0 };
	struct power_model *m = power_model_new();
	uint64_t cut = UINT64_MAX;
	struct log l;

	if (argc == 5 && (sscanf(argv[1], "%" SCNu64, &cut) != 1 ||
			     sscanf(argv[2], "%u.%u", &c.names, &c.data) != 2 ||
			     sscanf(argv[3], "%" SCNu64, &c.n) != 1))
		return 2;
	for (log_open(&l, argv[0]); l.n < cut && log_next(&l);) {
		power_model_apply(m, &l.r, l.p);
		if (l.r.op == POWER_SAID)
			printf("%.*s", (int)l.r.n, (const char *)l.p);
		if (l.r.op == POWER_EXIT)
			printf("exit %" PRId64 "\n", l.r.at);
	}
	power_model_build(m, &c, argv[argc - 1]);
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "run") == 0)
		return run(argc - 1, argv + 1);
	if (strcmp(verb, "states") == 0 && argc >= 4)
		return list_states(argv[argc - 2],
		    strtoul(argv[argc - 1], NULL, 10), argc == 5);
	if (strcmp(verb, "show") == 0 && argc == 4)
		return show(argv[2], strtoull(argv[3], NULL, 10));
	if (strcmp(verb, "build") == 0 && (argc == 4 || argc == 7))
		return build(argc - 2, argv + 2);
	errx(2, "run, states, show or build: see power.c");
}
