#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/time.h"
#include "etcd/etcd_client.h"
#include "job/job.h"
#include "job/job_drill_server.h"

#define READY_MS 300000
#define STALL_MS 60000
#define GRACE_MS 5000
#define EXIT_MS 2000
#define NAP_MS 20

#define ROOM ((uint64_t)1 << 20) /* An etcd with less has none. */

struct job_drill_server {
	pid_t pid;  /* 0: it has ended, */
	int status; /* and how. */
	int dir;
};

/* Our environment without what etcd would take for its options. */
static char **
environment(void)
{
	size_t i, n = 0;
	char **env;

	for (i = 0; environ[i] != NULL; i++)
		continue;
	if ((env = calloc(i + 1, sizeof(*env))) == NULL)
		return NULL;
	for (i = 0; environ[i] != NULL; i++)
		if (strncmp(environ[i], "ETCD_", 5) != 0 ||
		    strncmp(environ[i], "ETCD_UNSUPPORTED_ARCH=", 22) == 0)
			env[n++] = environ[i];
	return env;
}

/*
 * In the child, where only system calls are safe.  It gets a process group of
 * its own: a Ctrl-C at the terminal reaches us alone, and we end etcd.
 */
static void
become(const char *const *argv, char *const *env, int dir, int log, int null,
    int failed)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
	    fchdir(dir) == 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
		(void)execvpe(argv[0], (char *const *)(uintptr_t)argv, env);
	(void)!write(failed, &errno, sizeof(errno));
	_exit(127);
}

/* Run ${argv}; when this returns, it is known whether exec has worked. */
static int
spawn(const char *const *argv, int dir, pid_t *ret, struct err *err)
{
	CLEANUP(freep_mem) char **env = environment();
	CLEANUP(freep_fd) int log = -1;
	CLEANUP(freep_fd) int null = -1;
	CLEANUP(freep_fd) int in = -1;
	CLEANUP(freep_fd) int out = -1;
	int fds[2], why;
	pid_t pid;

	if (env == NULL)
		return err_nomem(err);
	log = openat(dir, JOB_DRILL_LOG,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (log < 0 || null < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start '%s'", argv[0]);
	in = fds[0];
	out = fds[1];
	if ((pid = fork()) < 0)
		return err_errno(err, errno, "cannot start '%s'", argv[0]);
	if (pid == 0)
		become(argv, env, dir, log, null, out);
	freep_fd(&out);
	out = -1;
	if (read(in, &why, sizeof(why)) != (ssize_t)sizeof(why)) {
		*ret = pid;
		return 0;
	}
	(void)waitpid(pid, NULL, 0);
	(void)err_errno(err, why, "cannot run '%s'", argv[0]);
	return err_hint(
	    err, "install etcd on this host, or name it with --etcd-program");
}

/* Make the path absolute: etcd runs in another folder. */
static int
resolve(const char *program, char **ret, struct err *err)
{
	if (strchr(program, '/') == NULL)
		return str_dup(program, ret, err);
	if ((*ret = realpath(program, NULL)) != NULL)
		return 0;
	if (errno == ENOMEM)
		return err_nomem(err);
	(void)err_errno(err, errno, "cannot run '%s'", program);
	return err_hint(err, "name an etcd with --etcd-program");
}

/* Give the end of its log; "" if that cannot be read. */
static void
last_words(int dir, char *to, size_t n)
{
	CLEANUP(freep_fd)
	int fd = openat(dir, JOB_DRILL_LOG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got = -1;
	off_t end, i;

	to[0] = '\0';
	if (fd < 0 || (end = lseek(fd, 0, SEEK_END)) < 0)
		return;
	if ((size_t)end > n - 1)
		end = (off_t)n - 1;
	if (lseek(fd, -end, SEEK_END) >= 0)
		got = read(fd, to, (size_t)end);
	to[got > 0 ? got : 0] = '\0';
	for (i = got; i > 0 && to[i - 1] == '\n'; i--)
		to[i - 1] = '\0';
	for (i = 0; to[i] != '\0'; i++)
		if ((unsigned char)to[i] < ' ' || to[i] == 0x7f)
			to[i] = ' ';
}

int
job_drill_server_version(
    const char *program, int dir, char *to, size_t n, struct err *err)
{
	static const char before[] = "etcd Version: ";
	CLEANUP(freep_mem) char *path = NULL;
	const char *argv[] = { NULL, "--version", NULL };
	char said[512];
	const char *p;
	pid_t pid;
	int rc;

	if ((rc = resolve(program, &path, err)) < 0)
		return rc;
	argv[0] = path;
	if ((rc = spawn(argv, dir, &pid, err)) < 0)
		return rc;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	last_words(dir, said, sizeof(said));
	if ((p = strstr(said, before)) == NULL) {
		(void)err_set(err, HF_EUSAGE,
		    "'%s' is no etcd: it does not tell a version", program);
		return err_hint(err, "name an etcd with --etcd-program");
	}
	p += sizeof(before) - 1;
	(void)snprintf(to, n, "%.*s", (int)strcspn(p, " "), p);
	return 0;
}

int
job_drill_server_start(const char *program, int dir,
    struct job_drill_server **ret, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	const char *argv[] = { NULL, "--name", "default", "--data-dir",
		JOB_DRILL_DATA, "--listen-client-urls", "unix://client:1",
		"--advertise-client-urls", "unix://client:1",
		"--listen-peer-urls", "unix://peer:1",
		"--initial-advertise-peer-urls", "http://localhost:2380",
		"--initial-cluster", "default=http://localhost:2380",
		"--quota-backend-bytes", "1099511627776", NULL };
	struct job_drill_server *s;
	int rc;

	if ((rc = resolve(program, &path, err)) < 0)
		return rc;
	argv[0] = path;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->dir = dir;
	if ((rc = spawn(argv, dir, &s->pid, err)) < 0) {
		free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

/* Wait so long for its end. */
static bool
gone(struct job_drill_server *s, int ms)
{
	const int64_t end = time_mono_ms() + ms;

	while (s->pid > 0 && waitpid(s->pid, &s->status, WNOHANG) == 0) {
		if (time_mono_ms() >= end)
			return false;
		(void)poll(NULL, 0, NAP_MS);
	}
	s->pid = 0;
	return true;
}

static int
make_client(
    const struct job_drill_server *s, struct etcd_client **ret, struct err *err)
{
	char path[64];
	const struct etcd_conn_opts opts = {
		.socket = path,
		.connect_ms = ETCD_UNARY_TIMEOUT_MS,
		.stall_ms = STALL_MS,
	};

	/*
	 * Through /proc it fits into a sockaddr, however long the folder's path
	 * is.
	 */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/client:1", s->dir);
	return etcd_client_new(
	    "http://localhost:2379", &opts, NULL, NULL, ret, err);
}

static int
fails(struct job_drill_server *s, enum hf_code code, const char *how,
    struct err *err)
{
	char said[400];

	last_words(s->dir, said, sizeof(said));
	return err_set(err, code, "etcd %s; its last words: %s", how,
	    said[0] != '\0' ? said : "(none)");
}

/* It lives, and may be slow: that says nothing of the backup. */
static int
slow(struct job_drill_server *s, struct err *err)
{
	(void)fails(s, HF_EUNAVAIL, "has not come up in five minutes", err);
	return err_hint(err,
	    "nothing is said of the backup: try again when this host has less "
	    "to do, or on another");
}

int
job_drill_server_ready(struct job_drill_server *s, const struct job *j,
    struct etcd_client **ret, struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const int64_t end = time_mono_ms() + READY_MS;
	struct etcd_status status;
	int rc;

	if ((rc = make_client(s, &c, err)) < 0)
		return rc;
	for (;;) {
		struct err ignored = ERR_INIT;

		if ((rc = job_check(j, err)) < 0)
			return rc;
		rc = etcd_client_status(c, &status, &ignored);
		if (rc == 0 && status.leader != 0)
			break;
		if (gone(s, 0))
			return fails(
			    s, HF_ESOURCE, "does not start from it", err);
		if (time_mono_ms() > end)
			return slow(s, err);
		(void)poll(NULL, 0, NAP_MS);
	}
	*ret = TAKE(c);
	return 0;
}

int
job_drill_server_excuse(struct job_drill_server *s, struct err *err)
{
	struct statvfs fs;

	if (fstatvfs(s->dir, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < ROOM) {
		(void)err_set(err, HF_ENOSPC,
		    "etcd has failed, and the disk of its scratch folder is "
		    "full");
		return err_hint(err,
		    "nothing is said of the backup: make room there, or name "
		    "another place by TMPDIR");
	}
	/* Its connections break before its end can be seen. */
	if (!gone(s, EXIT_MS) || !WIFSIGNALED(s->status) ||
	    (WTERMSIG(s->status) != SIGKILL && WTERMSIG(s->status) != SIGTERM))
		return 0;
	(void)err_set(err, HF_EUNAVAIL, "etcd was killed");
	return err_hint(err,
	    "nothing is said of the backup: if it was the kernel, for want of "
	    "memory (dmesg tells), drill where there is more");
}

void
job_drill_server_free(struct job_drill_server *s)
{
	if (s == NULL)
		return;
	if (s->pid > 0) {
		(void)kill(s->pid, SIGTERM);
		if (!gone(s, GRACE_MS)) {
			(void)kill(s->pid, SIGKILL);
			(void)waitpid(s->pid, NULL, 0);
		}
	}
	free(s);
}
