#!/bin/bash
# power_etcd_crash.sh HOLDFAST POWER VERSION PORT: the power goes while an etcd
# of that version is backed up, followed, restored or drilled.
peers=$(cd "$(dirname "$0")/../peers" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}
# A log of etcd's takes 64 MB: more than a small /dev/shm has.
export TMPDIR=${TMPDIR:-/tmp}
# shellcheck source=test/crash/power_lib.sh
. "$(dirname "$0")/power_lib.sh"
export ETCD=$3 MEMBERS=1 TLS=off AUTH=off
server=$(mktemp -d "$TMPDIR/holdfast-crash-XXXXXX")
peer() { XDG_CACHE_HOME=$cache "$peers/etcd.sh" "$@"; }
trap 'peer stop "$server"; rm -rf "$DIR" "$DIR".* "$server"' EXIT

peer start "$server" "$4" >"$server/started" 2>&1
case $? in
0) ;;
77)
	[ "${CI:-}" != true ] || {
		echo "Bail out! $(cat "$server/started")"
		exit 1
	}
	echo "1..0 # SKIP $(tail -n 1 "$server/started")"
	exit 0
	;;
*)
	sed 's/^/# /' "$server/started"
	echo 'Bail out! etcd does not start'
	exit 1
	;;
esac
# shellcheck disable=SC1091 # It is made by the line above.
. "$server/env"

REPO="--repo=file:$ROOT/repo"
FROM=(--from "etcd:$ETCD_ENDPOINTS" --source-name cp)
put() { "$ETCD_BIN/etcdctl" --endpoints "$ETCD_ENDPOINTS" put "$@"; }
export ETCDCTL_API=3

with_repo() { put /k/1 one && put /k/2 two && holdfast init "$REPO"; }
with_backup() { with_repo && holdfast backup "${FROM[@]}" "$REPO"; }

# newest: the revision that comes back.
newest() {
	rm -f "$ROOT/s.db"
	holdfast restore latest:cp "$REPO" --as-snapshot "$ROOT/s.db" 2>&1 |
		sed -n 's/.*revision \([0-9]*\), compacted to.*/\1/p'
}
goes_on() { holdfast backup "${FROM[@]}" "$REPO" && [ -n "$(newest)" ]; }

backup() { record backup "${FROM[@]}" "$REPO"; }
backup_check() {
	holdfast verify "$REPO" --level 3 && { ! ended || [ -n "$(newest)" ]; } &&
		goes_on
}
power_each 'a backup of an etcd' with_repo backup backup_check

# told FILE: the last revision of which it was said that it is stored.
told() { sed -n 's/.* revision \([0-9]*\)[, ].*/\1/p' "$1" | tail -n 1; }

# follow PROGRAM...: until two logs have been stored, one after the other.  No
# function: it is to get the signal.
follow() {
	local n i pid followed=$DIR/followed

	"$@" follow "${FROM[@]}" "$REPO" --interval 1s >"$followed" &
	pid=$!
	for i in 1 2; do
		put "/f/$i" "$RANDOM" || break
		for ((n = 0; n < 1200; n++)); do
			[ "$(grep -c ' log to revision' "$followed")" -ge $i ] &&
				break
			kill -0 $pid || break
			sleep 0.05
		done
	done
	kill -TERM $pid
	wait $pid && [ "$n" -lt 1200 ]
}
logs() {
	follow "$POWER" run "${how[@]}" "$ROOT" "$LOG" "$HOLDFAST_FAULT_BIN"
}
logs_check() {
	local said
	said=$(told "$DIR/said")
	holdfast verify "$REPO" --level 3 &&
		{ [ -z "$said" ] || [ "$(newest)" -ge "$said" ]; } &&
		follow "$HOLDFAST_FAULT_BIN" &&
		[ "$(newest)" -ge "$(told "$DIR/followed")" ]
}
# What was told before it was killed is in the log, too.
logs_killed_check() {
	local said
	said=$(told "$DIR/said")
	holdfast verify "$REPO" --level 3 && [ "$(newest)" -ge "$said" ]
}
few 6 power_each 'a log that is followed' with_backup logs logs_check
few 2 power_killed 'a log that is followed, killed before' with_backup logs \
	logs_killed_check

# What was made without a cut is kept beside the folder.
made() { rm -rf "$DIR/made" && cp -a --sparse=always "$1" "$DIR/made"; }
data_options=(--name m --initial-cluster m=http://127.0.0.1:1
	--initial-advertise-peer-urls http://127.0.0.1:1
	--initial-cluster-token t)
data() {
	"$1" restore latest:cp "$REPO" --to "$ROOT/data" "${data_options[@]}"
}
data_run() { data record && made "$ROOT/data"; }
data_check() {
	if ended || [ -e "$ROOT/data" ]; then
		diff -r "$ROOT/data" "$DIR/made"
	fi && rm -rf "$ROOT/data" && data holdfast &&
		diff -r "$ROOT/data" "$DIR/made"
}
power_each 'a data directory' with_backup data_run data_check

snapshot() {
	"$1" restore latest:cp "$REPO" --as-snapshot "$ROOT/x.db"
}
snapshot_run() { snapshot record && made "$ROOT/x.db"; }
snapshot_check() {
	if ended || [ -e "$ROOT/x.db" ]; then
		cmp "$ROOT/x.db" "$DIR/made"
	fi && rm -f "$ROOT/x.db" && snapshot holdfast &&
		cmp "$ROOT/x.db" "$DIR/made"
}
power_each 'a snapshot' with_backup snapshot_run snapshot_check

# The scratch folder is nobody's afterwards; what counts is the attestation.
mkdir "$server/scratch"
drill() {
	TMPDIR=$server/scratch "$1" drill etcd latest:cp "$REPO" \
		--etcd-program "$ETCD_BIN/etcd"
}
drill_run() { drill record; }
drilled() { holdfast list "$REPO" | grep 'verified to level 4'; }
drill_check() {
	{ ! ended || drilled; } && drill holdfast && drilled && goes_on
}
few 4 power_each 'a drill' with_backup drill_run drill_check

# The other tool's objects in a folder, and what stands in for it.
configure() {
	mkdir -p "$ROOT/copy/bucket" && printf '%064x' 7 >"$ROOT/master.key" &&
		chmod 600 "$ROOT/master.key" && cat >"$ROOT/config.yml" <<-EOF
			etcd_client:
			  endpoints: ["$ETCD_ENDPOINTS"]
			encryption_key_path: $ROOT/master.key
			s3_client:
			  objects_prefix: p
			  endpoint: file:$ROOT/copy
			  bucket: bucket
		EOF
}
old() { "$1" etcd-backup "${@:2}" --config "$ROOT/config.yml"; }
unpack() {
	rm -rf "$ROOT/old" "$ROOT/old.db"
	old holdfast restore -d "$ROOT/old" && [ -s "$ROOT/old/member/snap/db" ]
}
dump() { old record backup; }
dump_check() { { ! ended || unpack; } && old holdfast backup && unpack; }
power_each 'a dump for etcd-backup' configure dump dump_check
power_killed 'a dump for etcd-backup, killed before' configure dump dump_check

with_dump() { configure && old holdfast backup; }
unpack_run() {
	old record restore -d "$ROOT/data" && made "$ROOT/data"
}
unpack_check() {
	if ended || [ -e "$ROOT/data" ]; then
		diff -r "$ROOT/data" "$DIR/made"
	fi && rm -rf "$ROOT/data" &&
		old holdfast restore -d "$ROOT/data" &&
		diff -r "$ROOT/data" "$DIR/made"
}
power_each 'a data directory of a dump' with_dump unpack_run unpack_check
crash_done
