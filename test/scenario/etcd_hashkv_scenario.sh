#!/bin/bash
# etcd_hashkv_scenario.sh VERSION PORT HASH: what we compute from a snapshot
# against what servers of one version say, in TAP.  HASH is the program etcd_hash.
set -u
export ETCD=$1
port=$2 hash=$3
peer=$(cd "$(dirname "$0")/../peers" && pwd)/etcd.sh
tmp=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-hashkv.XXXXXX")
trap '"$peer" stop "$tmp/etcd" >/dev/null; rm -rf "$tmp"' EXIT
count=0
unset ETCDCTL_API http_proxy https_proxy

start() {
	"$peer" start "$tmp/etcd" "$port" >"$tmp/start" 2>&1
	case $? in
	0)
		# shellcheck disable=SC1091 # It is made by the line above.
		. "$tmp/etcd/env"
		;;
	77)
		[ "${CI:-}" != true ] || {
			echo "Bail out! $(cat "$tmp/start")"
			exit 1
		}
		echo "1..0 # SKIP $(tail -n 1 "$tmp/start")"
		exit 0
		;;
	*)
		sed 's/^/# /' "$tmp/start"
		echo "Bail out! etcd $ETCD does not start"
		exit 1
		;;
	esac
	tool=$ETCD_BIN/etcdutl
	[ -x "$tool" ] || tool=$ETCD_BIN/etcdctl
}

# check NAME COMMAND...: one line of TAP.
check() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $ETCD: $name"
	else
		tail -n 3 "$tmp"/ctl "$tmp"/out "$tmp"/err 2>/dev/null | sed 's/^/# /'
		echo "not ok $count - $ETCD: $name"
	fi
}

ctl() {
	"$ETCD_BIN/etcdctl" --endpoints "$ETCD_ENDPOINTS" --command-timeout 60s \
		--dial-timeout 30s "$@" >"$tmp/ctl" 2>&1
}
# number NAME: the number of that name in what etcdctl has said.
number() { grep -o "\"$1\":-\?[0-9]*" "$tmp/ctl" | head -n 1 | cut -d : -f 2; }

put() { ctl put "key$1" "$(head -c "$2" /dev/zero | tr '\0' v)"; }
fill() { # FROM TO: puts, puts again and deletions
	local i
	for ((i = $1; i < $2; i++)); do
		put $((i % 17)) $((i * 37 % 9000)) || return
		[ $((i % 5)) != 0 ] || ctl del key$((i * 7 % 17)) || return
	done
	ctl txn <<<$'\n\nput one 1\nput two 2\nput key3 3\ndel key4\n'
}
leased() {
	local id
	ctl lease grant 600 && id=$(cut -d ' ' -f 2 "$tmp/ctl") &&
		ctl put "--lease=$id" leased v
}

# same REVISION COMPACTED: our hash of the snapshot is the server's.
same() {
	local live compacted
	ctl endpoint hashkv --rev "$1" -w json || return
	live=$(number hash)
	compacted=$(number compact_revision)
	[ "${compacted:-0}" -gt 0 ] || compacted=0 # -1 before 3.5.
	[ "$compacted" = "$2" ] || {
		echo "# revision $1: compacted to $compacted, not $2"
		return 1
	}
	"$hash" "$tmp/db" "$1" "$2" >"$tmp/out" 2>"$tmp/err" || return
	[ "$(sed -n 's/^hashkv //p' "$tmp/out")" = "$live" ] || {
		echo "# revision $1: the server says '$live'"
		return 1
	}
}
# all FROM COMPACTED: at every fifth revision, and at the last.
all() {
	local i last
	rm -f "$tmp/db"
	ctl endpoint status -w json && last=$(number revision) &&
		ctl snapshot save "$tmp/db" || return
	for ((i = $1; i < last; i += 5)); do
		same "$i" "$2" || return
	done
	same "$last" "$2"
}
# At the compact revision itself, newer servers remember the hash that they
# computed while compacting, as it was compacted before.
compacted() {
	ctl compact --physical "$1" && all $(($1 + 1)) "$1"
}

# As after a start: the compact revision is the one that the file tells.
newest() {
	ctl endpoint hashkv -w json &&
		"$hash" "$tmp/db" >"$tmp/out" 2>"$tmp/err" &&
		grep -qx "hashkv $(number hash)" "$tmp/out" &&
		grep -qx "compact_revision $(number compact_revision)" "$tmp/out"
}

status() { "$tool" snapshot status "$1" >"$tmp/tool" 2>&1; }
sound() {
	status "$tmp/db" && "$hash" "$tmp/db" >"$tmp/out" 2>"$tmp/err"
}
# Bytes of the pages' headers and elements become others: what etcd's tool
# finds, we find.
damaged() {
	local i at pages found=0
	pages=$(($(stat -c %s "$tmp/db") / 4096))
	for ((i = 0; i < 60; i++)); do
		at=$((i * 7 % pages * 4096 + i * 11 % 48))
		cp "$tmp/db" "$tmp/bad"
		printf '\377' | dd of="$tmp/bad" bs=1 seek=$at conv=notrunc \
			status=none
		status "$tmp/bad" && continue
		found=$((found + 1))
		! "$hash" "$tmp/bad" >"$tmp/out" 2>"$tmp/err" || {
			echo "# byte $at: only $(tail -n 1 "$tmp/tool")"
			return 1
		}
		[ -s "$tmp/err" ] || return
	done
	echo "# of $i damaged ones the tool has found $found"
	[ "$found" -gt 3 ]
}

start
check "puts, deletions, a transaction and a lease" fill 0 60
check "a lease" leased
check "a history that was never compacted" all 2 0
check "compacted in the midst" compacted 40
check "goes on" fill 60 90
check "deletions after the compaction" all 41 40
check "a deletion" ctl del key3
ctl endpoint status -w json
last=$(number revision)
check "goes on after it" fill 90 110
check "compacted to a deletion" compacted "$last"
check "the compact revision is in the file" newest
check "a sound file passes" sound
check "damage" damaged
echo "1..$count"
