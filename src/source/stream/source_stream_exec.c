#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "source/source.h"
#include "source/stream/source_stream_exec.h"

#define PIPE_SIZE (1 << 20)
#define GRACE_MS 2000
#define WAIT_MS_MAX 50

/*
 * The command starts as from a login shell.  It has a group of its own, so that
 * all of it can be ended; no signal is blocked; and SIGPIPE works as usual:
 * programs in a pipeline count on it, and holdfast ignores it.
 */
static int
set_attr(posix_spawnattr_t *attr)
{
	sigset_t none, deflt;
	int rc;

	(void)sigemptyset(&none);
	(void)sigemptyset(&deflt);
	(void)sigaddset(&deflt, SIGPIPE);
	(void)sigaddset(&deflt, SIGINT);
	(void)sigaddset(&deflt, SIGTERM);
	(void)sigaddset(&deflt, SIGHUP);
	if ((rc = posix_spawnattr_setsigmask(attr, &none)) != 0 ||
	    (rc = posix_spawnattr_setsigdefault(attr, &deflt)) != 0 ||
	    (rc = posix_spawnattr_setpgroup(attr, 0)) != 0)
		return rc;
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF |
						  POSIX_SPAWN_SETPGROUP);
}

static int
set_files(posix_spawn_file_actions_t *fa, int out)
{
	int rc;

	rc = posix_spawn_file_actions_addopen(
	    fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc != 0)
		return rc;
	return posix_spawn_file_actions_adddup2(fa, out, STDOUT_FILENO);
}

/* Spawn the shell; return 0 or an errno. */
static int
spawn(const char *command, int out, pid_t *pid)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	char *args[4];
	int rc;

	memcpy(args, argv, sizeof(args));
	if ((rc = posix_spawn_file_actions_init(&fa)) != 0)
		return rc;
	if ((rc = posix_spawnattr_init(&attr)) == 0) {
		if ((rc = set_attr(&attr)) == 0 &&
		    (rc = set_files(&fa, out)) == 0)
			rc = posix_spawn(
			    pid, "/bin/sh", &fa, &attr, args, environ);
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&fa);
	return rc;
}

int
source_stream_exec_start(
    struct source_stream_exec *x, const char *command, struct err *err)
{
	CLEANUP(freep_fd) int in = -1;
	CLEANUP(freep_fd) int out = -1;
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "make a pipe");
	in = fds[0];
	out = fds[1];
	/*
	 * A large pipe saves switches between the two; if it is refused, no
	 * harm is done.
	 */
	(void)fcntl(in, F_SETPIPE_SZ, PIPE_SIZE);
	if ((rc = spawn(command, out, &x->pid)) != 0) {
		x->pid = 0;
		return err_errno(err, rc, "run '%s'", command);
	}
	x->fd = TAKE_FD(in);
	return 0;
}

/* Wait up to ${ms} for the end; 1 if it has come, 0 if not, or -errno. */
static int
wait_ms(pid_t pid, int ms, int *status)
{
	int nap = 1, waited = 0;
	pid_t got;

	for (;;) {
		got = waitpid(pid, status, WNOHANG);
		if (got == pid)
			return 1;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (waited >= ms)
			return 0;
		(void)poll(NULL, 0, nap);
		waited += nap;
		nap = 2 * nap < WAIT_MS_MAX ? 2 * nap : WAIT_MS_MAX;
	}
}

static int
judge(int status, struct err *err)
{
	if (WIFSIGNALED(status))
		return err_set(err, HF_ESOURCE,
		    "the command was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == 0)
		return 0;
	(void)err_set(err, HF_ESOURCE, "the command exited with status %d",
	    WEXITSTATUS(status));
	if (WEXITSTATUS(status) == 127)
		return err_hint(err, "the shell did not find a program: "
				     "give its whole path");
	return err_hint(err, "what it said is above; run it by hand to see");
}

int
source_stream_exec_wait(
    struct source_stream_exec *x, struct sink *sink, struct err *err)
{
	int status, rc;

	/* The command may run on for long after closing its end of the pipe. */
	while ((rc = wait_ms(x->pid, WAIT_MS_MAX, &status)) == 0)
		if ((rc = sink_check(sink, err)) < 0)
			return rc;
	x->pid = 0;
	if (rc < 0)
		return err_set(err, HF_ESOURCE,
		    "the exit status of the command cannot be had: %s",
		    strerror(-rc));
	return judge(status, err);
}

void
source_stream_exec_stop(struct source_stream_exec *x)
{
	int status;

	freep_fd(&x->fd);
	x->fd = -1;
	if (x->pid <= 0)
		return;
	(void)kill(-x->pid, SIGTERM);
	(void)wait_ms(x->pid, GRACE_MS, &status);
	/*
	 * The shell may be gone while a part of its pipeline still runs.
	 * Another group cannot have got its number meanwhile: that is in use as
	 * long as the group has a member.
	 */
	(void)kill(-x->pid, SIGKILL);
	(void)waitpid(x->pid, &status, 0);
	x->pid = 0;
}
