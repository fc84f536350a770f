#!/bin/bash
# install.sh: get every real server that the tests use, once; what cannot be
# had is named, and the tests that need it skip (with CI=true they fail).
here=$(cd "$(dirname "$0")" && pwd)

# get WHAT COMMAND...
get() {
	local what=$1
	shift
	if "$@" >&2; then
		echo "peers: $what is there"
	else
		echo "peers: $what cannot be had (see above)"
	fi
}

get 'Ceph' "$here/ceph.sh" install
for version in 3.4 3.5 3.6 3.7; do
	ETCD=$version get "etcd $version" "$here/etcd.sh" install
done
get 'versitygw' "$here/versitygw.sh" install
