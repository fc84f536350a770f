#!/bin/bash
# etcd_bolt_scenario.sh VERSION PORT COPY FILL: databases that we write, before the
# tools and the server of one version of etcd, in TAP.  COPY and FILL are the
# programs bolt_copy and etcd_fill.
copy=$(realpath "$3") fill=$(realpath "$4")
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$1 MEMBERS=1 TLS=off AUTH=off
port=$2
unset ETCDCTL_API

tool() {
	if [ -x "$ETCD_BIN/etcdutl" ]; then
		"$ETCD_BIN/etcdutl" "$@"
	else
		"$ETCD_BIN/etcdctl" "$@"
	fi
}
ctl() { etcdctl --endpoints "$1" "${@:2}"; }
field() { sed -n "s/.*\"$2\":\\([^,}]*\\).*/\\1/p" "$1"; }

# hash_kv ENDPOINT: of all that there is.
hash_kv() {
	ctl "$1" endpoint hashkv --write-out json |
		sed -n 's/.*"hash":\([0-9]*\).*/\1/p'
}

# A cluster with some of everything: big and small values, versions,
# tombstones, leases, users; compacted in the midst.
lived() {
	local at=$ETCD_ENDPOINTS n lease
	"$fill" "$at" 4 || return 1
	lease=$(ctl "$at" lease grant 3600 | sed 's/lease \([^ ]*\) .*/\1/')
	for n in $(seq 30); do
		echo "put \"/registry/$n\" \"$n $(seq -s, "$n")\""
		echo "put \"/registry/$((n % 7))\" \"again\""
		echo "del \"/registry/$((n % 11))\""
		echo "put --lease=$lease \"/leased/$n\" \"$n\""
	done >commands
	while read -r line; do
		eval "ctl $at $line"
	done <commands >puts || return 1
	ctl "$at" compaction 100 && ctl "$at" user add "u:p" &&
		ctl "$at" put /last value
} >out 2>err

# accepted FILE: etcd's tool finds it whole, and can say so of all of it.
accepted() {
	# shellcheck disable=SC2094 # The word is no file.
	tool snapshot status "$1" --write-out json >status 2>err &&
		[ "$(field status totalKey)" -gt 0 ]
}

same_hash() {
	accepted original && mv status status.original &&
		"$copy" original copied && accepted copied &&
		[ "$(field status hash)" = "$(field status.original hash)" ] &&
		[ "$(field status revision)" = \
			"$(field status.original revision)" ] &&
		[ "$(field status totalKey)" = \
			"$(field status.original totalKey)" ]
}
# The tools of all versions that are here agree.
every_tool() {
	local bin n=0
	for bin in "${ETCD_BIN%/*}"/etcd3*; do
		ETCD_BIN=$bin accepted copied &&
			[ "$(field status hash)" = \
				"$(field status.original hash)" ] || return 1
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}
smaller() {
	[ "$(stat -c %s copied)" -le "$(stat -c %s original)" ] &&
		"$copy" copied again && same copied again
}

# boots FILE: a server whose data is FILE, restored by etcd's own tool; the
# command that follows asks it.
boots() {
	local file=$1 at=http://127.0.0.1:$((port + 2)) pid rc
	local us=http://127.0.0.1:$((port + 3))
	shift
	rm -rf booted
	tool snapshot restore "$file" --name m --data-dir booted \
		--initial-cluster "m=$us" --initial-advertise-peer-urls "$us" \
		>out 2>err || return 1
	"$ETCD_BIN/etcd" --name m --data-dir booted \
		--listen-client-urls "$at" --advertise-client-urls "$at" \
		--listen-peer-urls "$us" --initial-advertise-peer-urls "$us" \
		--initial-cluster "m=$us" >log 2>&1 &
	pid=$!
	serves "$pid" "$at" log && "$@" "$at"
	rc=$?
	kill "$pid"
	wait "$pid" 2>/dev/null
	return "$rc"
}
# The same as the server whose snapshot it is, and alive.
same_as_before() {
	[ -n "$hash" ] && [ "$(hash_kv "$1")" = "$hash" ] && ctl "$1" put /more 1 >out &&
		ctl "$1" get /registry --prefix >there && same keys there &&
		ctl "$1" defrag >out
}
has_made() { # COUNT AT
	[ "$(ctl "$2" get /made/ --prefix --keys-only | grep -c /made/)" = \
		"$1" ] && ctl "$2" put /more 1 >out &&
		ctl "$2" compaction "$1" >out
}

# made RECORDS VALUE PAGE: from nothing.
made() {
	rm -f made.db
	"$copy" "$1" "$2" made.db "$3" && accepted made.db &&
		[ "$(field status totalKey)" -ge "$1" ] &&
		[ "$(field status revision)" = $(($1 + 1)) ] &&
		boots made.db has_made "$1"
}

peer etcd "$port"
check "etcd $ETCD: fill it" lived
ctl "$ETCD_ENDPOINTS" snapshot save original >out 2>&1
ctl "$ETCD_ENDPOINTS" get /registry --prefix >keys
hash=$(hash_kv "$ETCD_ENDPOINTS")
"$peers/etcd.sh" stop "$tmp/etcd"
check "etcd $ETCD: a copy has the hash of the original" same_hash
check "etcd $ETCD: tools of other versions find the same hash" every_tool
check "etcd $ETCD: a copy of the copy is the copy, and none is larger" smaller
check "etcd $ETCD: the copy boots" boots copied same_as_before
check "etcd $ETCD: a few records" made 3 10 4096
check "etcd $ETCD: many records, small pages" made 20000 20 1024
check "etcd $ETCD: big records" made 300 20000 4096
check "etcd $ETCD: big records, big pages" made 300 20000 16384
finish
