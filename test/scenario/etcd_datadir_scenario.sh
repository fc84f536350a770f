#!/bin/bash
# etcd_datadir_scenario.sh TOOL VERSION PORT: data directories that we lay down
# against those of etcd's own tool, and an etcd of that version that starts
# from them, in TAP.  TOOL is the program datadir_tool.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
tool=$holdfast
export ETCD=$2 MEMBERS=1 TLS=off AUTH=off
port=$3
token=tok-1
unset ETCDCTL_API

client() { echo "http://127.0.0.1:$((port + 2 * $1))"; }
# The first of three has two URLs.
urls() { # I OF
	local u=http://127.0.0.1:$((port + 2 * $1 + 1))
	[ "$1$2" != 03 ] || u+=,http://127.0.0.1:$((port + 7))
	echo "$u"
}
cluster() { # OF
	local i u list
	for ((i = 0; i < $1; i++)); do
		for u in $(urls $i "$1" | tr , ' '); do
			list+=,m$i=$u
		done
	done
	echo "${list#,}"
}
clients() { # OF
	local i list
	for ((i = 0; i < $1; i++)); do
		list+=,$(client $i)
	done
	echo "${list#,}"
}
ctl() { # OF COMMAND...
	local at
	at=$(clients "$1")
	shift
	etcdctl --endpoints "$at" "$@"
}

# A snapshot of a server with some history.
filled() {
	local n
	peer etcd "$port"
	for n in $(seq 40); do
		ctl 1 put "/k/$n" "$n $(seq -s, "$n")" && ctl 1 put /k/all "$n"
	done >puts 2>&1
	ctl 1 del /k/7 >>puts
	ctl 1 compaction 20 >>puts
	ctl 1 get '' --from-key >keys
	revision=$(ctl 1 get none -w fields | sed -n 's/^"Revision" : //p')
	ctl 1 snapshot save snapshot.db >>puts 2>&1 || {
		sed 's/^/# /' puts
		echo "Bail out! no snapshot of etcd $ETCD"
		exit 1
	}
	"$peers/etcd.sh" stop "$tmp/etcd"
}

util() {
	local util=$ETCD_BIN/etcdutl
	[ -x "$util" ] || util=$ETCD_BIN/etcdctl
	"$util" "$@"
}

# laid_down OF: etcd's tool restores every member, and we make its directory
# anew, around the database that the tool has made.
laid_down() {
	local of=$1 i
	rm -rf theirs ours
	mkdir theirs ours
	for ((i = 0; i < of; i++)); do
		util snapshot restore snapshot.db --data-dir theirs/m$i \
			--name m$i --initial-cluster "$(cluster "$of")" \
			--initial-cluster-token $token \
			--initial-advertise-peer-urls "$(urls $i "$of")" \
			>out 2>&1 &&
			"$tool" new ours/m$i theirs/m$i/member/snap/db m$i \
				"$(cluster "$of")" "$(urls $i "$of")" $token \
				2>err || return 1
	done
}

# each OF COMMAND...: for the name of each member.
each() {
	local of=$1 i
	shift
	for ((i = 0; i < of; i++)); do
		"$@" m$i || return 1
	done
}

# 3.4 has no conf_state in its log, and 3.7 leaves out zeroes.
same_log() {
	local wal=member/wal/0000000000000000-0000000000000000.wal
	case $ETCD in
	3.5 | 3.6) cmp "theirs/$1/$wal" "ours/$1/$wal" || return 1 ;;
	esac
	"$tool" wal "theirs/$1/$wal" >a && "$tool" wal "ours/$1/$wal" >b &&
		[ -s a ] && same a b
}
same_snap() {
	local name
	name=$(cd "theirs/$1/member/snap" && echo ./*.snap)
	"$tool" snap "theirs/$1/member/snap/$name" | sort >a &&
		"$tool" snap "ours/$1/member/snap/$name" | sort >b &&
		[ -s a ] && same a b
}
# In a leaf of the database a key and its value stand side by side.
same_members() { # OF
	local line
	"$tool" members m0 "$(cluster "$1")" "$(urls 0 "$1")" $token >lines &&
		[ "$(wc -l <lines)" = "$1" ] &&
		while IFS= read -r line; do
			grep -qaF -- "$line" theirs/m0/member/snap/db || {
				echo "# not in the database: $line"
				return 1
			}
		done <lines
}
# Nothing but the files and folders that etcd's tool makes.
same_files() {
	(cd "theirs/$1" && find . ! -name '*.tmp' -printf '%y %P\n' | sort) >a
	(cd "ours/$1" && find . -printf '%y %P\n' | sort) >b
	same a b && [ -z "$(find "ours/$1" -perm /077)" ]
}

boot() { # I OF
	"$ETCD_BIN/etcd" --name "m$1" --data-dir "ours/m$1" \
		--listen-client-urls "$(client "$1")" \
		--advertise-client-urls "$(client "$1")" \
		--listen-peer-urls "$(urls "$1" "$2")" \
		--initial-advertise-peer-urls "$(urls "$1" "$2")" \
		--initial-cluster "$(cluster "$2")" \
		--initial-cluster-token $token --unsafe-no-fsync \
		>"log$1" 2>&1 &
	pids[$1]=$!
	at_end kill -9 $!
}
up() { # OF
	local i
	for ((i = 0; i < $1; i++)); do
		boot $i "$1"
	done
	for ((i = 0; i < $1; i++)); do
		serves "${pids[$i]}" "$(client $i)" "log$i" || return 1
	done
}
down() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid"
		wait "$pid"
	done 2>/dev/null
	pids=()
}
one_hash() { # OF
	ctl "$1" endpoint hashkv >hashes 2>&1 &&
		[ "$(wc -l <hashes)" = "$1" ] &&
		[ "$(cut -d , -f 2 hashes | sort -u | wc -l)" = 1 ]
}
same_hash() { # OF
	until_true one_hash "$1" || ! sed 's/^/# /' hashes
}
lives() { # OF
	local n
	up "$1" && ctl "$1" get '' --from-key >there && same keys there &&
		same_hash "$1" && ctl "$1" put new "$1" >/dev/null &&
		[ "$(ctl "$1" member list | wc -l)" = "$1" ] && down &&
		up "$1" && [ "$(ctl "$1" get new --print-value-only)" = "$1" ] &&
		same_hash "$1" && down
	n=$?
	down
	return $n
}

# What a crash before the last step leaves beside: the log, and no database.
half() {
	rm ours/m0/member/snap/db
	boot 0 1
	until_true healthy_or_gone "${pids[0]}" "$(client 0)"
	if runs "${pids[0]}"; then
		echo "# it runs"
		down
		return 1
	fi
	pids=()
	says log0 "failed to find database snapshot file"
}

# The record behind the last, and the compaction that is to come.
bumped() {
	rm -rf theirs
	util snapshot restore snapshot.db --data-dir theirs \
		--bump-revision 1000000000 --mark-compacted >out 2>&1 &&
		"$tool" bump "$revision" 1000000000 >pair &&
		/usr/bin/python3 -c '
import sys
pair, db = (open(f, "rb").read() for f in sys.argv[1:])
key = pair[-17:]
assert pair[:-17] in db, "the compaction is another"
assert db.count(key) > db.count(pair[:-17]), "the record is another"' \
			pair theirs/member/snap/db
}

pids=()
filled
for of in 1 3; do
	check "etcd $ETCD, $of: its tool and we lay down the members" \
		laid_down $of
	check "etcd $ETCD, $of: the same files, ours for the owner alone" \
		each $of same_files
	check "etcd $ETCD, $of: the same log" each $of same_log
	check "etcd $ETCD, $of: the same .snap" each $of same_snap
	# That of 3.4 leaves the old ones there.
	[ "$ETCD" = 3.4 ] || check \
		"etcd $ETCD, $of: the same bucket 'members'" same_members $of
	check "etcd $ETCD, $of: it starts from ours, writes, and starts again" \
		lives $of
done
if util snapshot restore --help 2>&1 | grep -q -- --bump-revision; then
	check "etcd $ETCD: the same bump of the revision" bumped
fi
laid_down 1
check "etcd $ETCD: it does not start from half a directory" half
finish
