#!/bin/bash
# etcd_setback_scenario.sh HOLDFAST VERSION PORT: an etcd of that version is
# followed, set back to an older snapshot under the same cluster id, and goes
# on: the same revisions, with other content, in TAP.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2 MEMBERS=1 TLS=off AUTH=off
port=$3
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
unset ETCDCTL_API
client=http://127.0.0.1:$port
peers_at=http://127.0.0.1:$((port + 1))

ctl() { etcdctl --endpoints "$client" "$@"; }
util() {
	local util=$ETCD_BIN/etcdutl
	[ -x "$util" ] || util=$ETCD_BIN/etcdctl
	"$util" "$@"
}
now() { ctl get none -w json | sed 's/.*"revision":\([0-9]*\).*/\1/'; }
puts() { # VALUE N...
	local value=$1 n
	shift
	for n in "$@"; do
		ctl put "k$n" "$value" >puts.out || return 1
	done
}
# followed COMMAND...: what is done meanwhile; `log` is what was told.
followed() {
	local pid rc
	"$holdfast" follow --from "etcd:$client" --source-name cp \
		"${repo[@]}" --interval 1s >log 2>log.err &
	pid=$!
	at_end kill -9 $pid
	until_true grep -q "log to revision" log && "$@" &&
		until_true grep -q "log to revision $(now) " log
	kill -TERM $pid
	wait $pid
	rc=$?
	[ $rc = 0 ] || sed 's/^/# /' log log.err
	[ $rc = 0 ]
}
backups() { grep -c "backup at revision" log; }

# A backup beside what is followed, which has nothing after k6.
aside() { hf backup --from "etcd:$client" --source-name aside "${repo[@]}"; }

lives() {
	hf init "${repo[@]}" && puts old 1 2 3 &&
		ctl snapshot save snapshot >out 2>err &&
		ctl put forged fzotpfnkty >out && puts old 4 5 6 && aside &&
		followed puts old 7 && [ "$(backups)" = 1 ]
}
goes_on() { followed puts old 8 && [ "$(backups)" = 0 ] && [ ! -s log.err ]; }
# start_from NAME: what the snapshot makes, in the place of what ran before.
start_from() {
	local pid
	util snapshot restore snapshot --data-dir "$1" --name m0 \
		--initial-cluster "m0=$peers_at" \
		--initial-advertise-peer-urls "$peers_at" \
		>out 2>err || return 1
	"$ETCD_BIN/etcd" --name m0 --data-dir "$1" \
		--listen-client-urls "$client" \
		--advertise-client-urls "$client" \
		--listen-peer-urls "$peers_at" >etcd.log 2>&1 &
	pid=$!
	running=$pid
	at_end kill -9 $pid
	serves $pid "$client" etcd.log
}
is_set_back() {
	"$peers/etcd.sh" stop "$tmp/etcd"
	start_from back &&
		ctl put forged ddnyqbvmir >out 2>err &&
		puts old 4 5 6 && puts new 7 8 9 10
}
# Somebody has chosen a value with the length and CRC-32C of the one that the
# same revision had: all that was stored after the snapshot would be kept.
is_not_forged() {
	aside && hf etcd get latest:aside forged "${repo[@]}" &&
		[ "$(cat out)" = ddnyqbvmir ]
}
is_told() {
	followed puts new 11 && [ "$(backups)" = 1 ] &&
		says log.err "the cluster was set back"
}
has_the_new() {
	hf etcd get latest:cp k8 "${repo[@]}" && [ "$(cat out)" = new ]
}
# What was compacted meanwhile cannot be compared: a backup settles it.
is_compacted() {
	puts new 12 13
	ctl compaction $(($(now) - 1)) >out && followed puts new 14 &&
		[ "$(backups)" = 1 ]
}

# Much was gathered and is in no log yet when it is set back, and the follower
# is killed as soon as it has a new backup: that is the latest then, not what is
# void.
is_set_back_meanwhile() {
	local pid latest
	"$holdfast" follow --from "etcd:$client" --source-name meanwhile \
		"${repo[@]}" --interval 1h >live 2>live.err &
	pid=$!
	at_end kill -9 $pid
	until_true grep -q "backup at revision" live &&
		puts void 1 2 3 4 5 6 7 8 9 || return 1
	sleep 2 # They come to the follower; if they do not, nothing is void.
	kill -9 "$running"
	wait "$running" 2>/dev/null
	start_from again && puts other 1 && latest=$(now) &&
		until_true again_backed_up && kill -9 "$pid" || return 1
	wait "$pid" 2>/dev/null
	hf restore latest:meanwhile --to x --dry-run "${repo[@]}" &&
		says err "revision $latest, compacted"
}
again_backed_up() { [ "$(grep -c "backup at revision" live)" -gt 1 ]; }

hf keygen --out site.key
peer etcd "$port"
check "set back $ETCD: it is followed" lives
check "set back $ETCD: started again, the follower goes on" goes_on
check "set back $ETCD: the cluster counts the same revisions again" is_set_back
check "set back $ETCD: a value with an old one's checksum is stored" \
	is_not_forged
check "set back $ETCD: that is told, and a new backup taken" is_told
check "set back $ETCD: it has what there is now" has_the_new
check "set back $ETCD: compacted meanwhile" is_compacted
check "set back $ETCD: while it is followed" is_set_back_meanwhile
finish
