#ifndef TEST_PEER_H_
#define TEST_PEER_H_

/*
 * Real servers for a test program: test/peers/NAME.sh by name.  A server is
 * started at its first use, with its data in a new folder, and stopped when
 * the program ends.
 */

/**
 * peer_get(peer, port, name):
 * Return what the server ${peer}, started on ${port} and those behind it,
 * says about ${name} ("S3_HTTP").  If it is not installed the running test is
 * skipped, with the command that installs it; on machines of CI (CI=true) it
 * fails.
 */
const char *peer_get(const char *, unsigned, const char *);

#endif /* !TEST_PEER_H_ */
