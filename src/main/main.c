#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/cmd_main.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "key/passphrase/key_passphrase.h"
#include "key/recipient/key_recipient.h"
#include "net/net_policy.h"
#include "source/etcd/source_etcd.h"
#include "source/source.h"
#include "source/stream/source_stream.h"
#include "source/tree/source_tree.h"
#include "store/fs/store_fs.h"
#include "store/s3/store_s3.h"
#include "store/store.h"

/*
 * Wiring only: which drivers there are, and how the operator stops a run.
 */

static const struct store_driver *const stores[] = {
	&store_fs_driver,
	&store_s3_driver,
	NULL,
};

static const struct key_driver *const keys[] = {
	&key_file_driver,
	&key_passphrase_driver,
	&key_recipient_driver,
	&key_identity_driver,
	NULL,
};

static const struct source_driver *const sources[] = {
	&source_tree_driver,
	&source_stream_driver,
	&source_etcd_driver,
	NULL,
};

static const struct drivers drivers = {
	.stores = stores,
	.keys = keys,
	.sources = sources,
};

#define LINGER_SECONDS 15

static volatile sig_atomic_t cancel;
static volatile sig_atomic_t late; /* So long ago it was asked to stop. */

static void
on_signal(int sig)
{
	(void)sig;
	cancel = 1;
	(void)alarm(LINGER_SECONDS);
}

static void
on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

/*
 * The first signal asks the job to end cleanly.  It also removes the handler,
 * so that a second one ends the program at once, which is safe, too.
 */
static void
install_handlers(void)
{
	struct sigaction stop = { .sa_handler = on_signal,
		.sa_flags = (int)SA_RESETHAND };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction end = { .sa_handler = on_alarm,
		.sa_flags = SA_RESTART };
	struct sigaction was;

	(void)sigaction(SIGALRM, &end, NULL);

	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	/*
	 * The terminal has gone, which both the kernel and the shell may tell:
	 * the second is no wish for haste.  nohup(1) wants us to go on.
	 */
	stop.sa_flags = 0;
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		(void)sigaction(SIGHUP, &stop, NULL);
	/* If a reader has gone, the write fails; the program does not end. */
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

/*
 * If we were started without them, the first files that we open would become
 * standard input, output and error: a warning would be written into a database,
 * or one of our files be backed up.  So their places are filled with what fails
 * when it is used.
 */
static void
fill_standard_files(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null",
			    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/*
 * Who has something left to store may do so, but not for as long as a store
 * that hangs would take: whoever asked us to stop would kill us.
 */
static void
linger(void)
{
	net_cancel(&late);
}

int
main(int argc, char *argv[])
{
	const struct cmd_env env = {
		.drivers = &drivers,
		.cancel = &cancel,
		.linger = linger,
		.out = stdout,
		.err = stderr,
	};
	struct err err = ERR_INIT;

	fill_standard_files();
	if (secret_process_init(&err) < 0) {
		(void)fprintf(stderr, "holdfast: %s\n", err.msg);
		return err_class_of(err.code)->exit_status;
	}
	install_handlers();
	net_cancel(&cancel);
	return cmd_main(&env, argc, argv);
}
