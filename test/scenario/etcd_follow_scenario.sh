#!/bin/bash
# etcd_follow_scenario.sh HOLDFAST VERSION PORT CHURN: three members of that
# version are followed while they live, lose one of them and are compacted, and
# while the follower is killed; what is restored is what etcd itself answers, in
# TAP.
churn=$(realpath "$4")
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2 MEMBERS=3 TLS=off AUTH=off
port=$3
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
unset ETCDCTL_API
marks=() pid='' booted=''

client() { echo "http://127.0.0.1:$((port + 2 * $1))"; }
ctl() { "$ETCD_BIN/etcdctl" --endpoints "$(client 0)" "$@"; }
number() { sed -n "s/.*\"$2\": *\\([0-9]*\\).*/\\1/p" "$1" | tail -n 1; }
now() { ctl get none -w json >asked && number asked revision; }
hash_kv() { # REVISION
	ctl endpoint hashkv --rev "$1" -w json >hashed && number hashed hash
}

follow() { # OPTION...
	"$holdfast" follow --from "etcd:$ETCD_ENDPOINTS" --source-name cp \
		"${repo[@]}" --interval 1s --json "$@" \
		>>followed 2>>follow.err &
	pid=$!
	at_end kill -9 $pid
}
killed() {
	kill -9 "$pid"
	wait "$pid"
	echo "{\"killed\": $pid}" >>followed
} 2>/dev/null
ended() { # It stores what it has, and is content.
	local rc
	sleep 2 # The last mark is in a log then.
	kill -TERM "$pid"
	wait "$pid"
	rc=$?
	[ $rc = 0 ] || echo "# it ended with $rc"
	[ $rc = 0 ]
}
# stored REVISION: wait until it is.
stored() {
	local n last
	for ((n = 0; n < 900; n++)); do
		last=$(tail -n 1 followed)
		last=${last##*\"last\":}
		last=${last%%,*}
		[[ $last =~ ^[0-9]+$ ]] && [ "$last" -ge "$1" ] && return 0
		sleep 0.1
	done
	tail -n 3 followed follow.err | sed 's/^/# /'
	return 1
}
# mark: remember what etcd answers now, and what it hashes to, once it has come
# to the follower: a time is that of its arrival.
mark() {
	local rev
	rev=$(now)
	stored "$rev" || return 1
	ctl get '' --from-key --rev "$rev" >"keys.$rev"
	hash_kv "$rev" >"hash.$rev"
	date -u +%Y-%m-%dT%H:%M:%S.%3NZ >"time.$rev"
	sleep 0.3
	marks+=("$rev")
	[ -s "keys.$rev" ] && [ -s "hash.$rev" ]
}

lives() { # TXNS
	"$churn" "$(client 0)" "$1" 7 "$lease" >out &&
		ctl put /big "$(head -c 30000 /dev/zero | tr '\0' x)" >out &&
		ctl del /big >out && ctl put "/mark/$RANDOM" 1 >out && mark
}
begins() {
	local n
	lease=$(ctl lease grant 7200 | sed 's/lease \([^ ]*\) .*/\1/')
	"$churn" "$(client 0)" 100 7 "$lease" >out && hf init "${repo[@]}" || return 1
	follow
	for ((n = 0; n < 900; n++)); do
		grep -q '"log"' followed && return 0
		sleep 0.1
	done
	sed 's/^/# /' follow.err
	return 1
}
is_killed_again_and_again() {
	local n busy
	(for n in $(seq 40); do
		"$churn" "$(client 0)" 20 5 "$lease" >out.churn
		sleep 0.1
	done) &
	busy=$!
	for n in 1 2 3 4 5 6; do
		sleep "$((RANDOM % 2)).$((RANDOM % 10))"
		killed
		follow
	done
	wait $busy
	mark && stored "${marks[-1]}"
}
# Backups come one after the other, and logs go on beside them: whatever it was
# doing, the latest that can be restored is what it had told of.
is_killed_while_it_takes_backups() {
	local n busy before
	before=$(grep -c '"backup"' followed)
	(for n in $(seq 40); do
		"$churn" "$(client 0)" 20 5 "$lease" >out.churn
		sleep 0.1
	done) &
	busy=$!
	for n in 1 2 3 4 5 6; do
		killed
		follow --base-every 1s
		sleep "$((RANDOM % 2)).$((RANDOM % 10))"
		latest_is_what_it_told || return 1
	done
	wait $busy
	mark && latest_is_what_it_told &&
		restored "${marks[-1]}" --revision "${marks[-1]}" || return 1
	for ((n = 0; n < 900; n++)); do
		[ "$(grep -c '"backup"' followed)" -gt $((before + 1)) ] && break
		sleep 0.1
	done
	[ $n -lt 300 ] && killed && follow
}
# told: the last revision of which a log or a backup was told.
told() {
	sed -n 's/.*"\(last\|revision\)": *\([0-9]*\).*/\2/p' followed |
		sort -n | tail -n 1
}
latest_is_what_it_told() {
	local told latest
	told=$(told)
	rm -f s.db
	hf restore latest:cp "${repo[@]}" --as-snapshot s.db --dry-run || return 1
	latest=$(sed -n 's/.*revision \([0-9]*\), compacted to.*/\1/p' err)
	[ "$latest" -ge "$told" ] && return 0
	echo "# it told of $told, and the latest is $latest"
	return 1
}
loses_a_member() {
	kill -9 "$(cat etcd/run/m1.pid)" "$(cat etcd/run/m2.pid)"
	sleep 1
	# There is no majority, and nothing can happen; one comes back.
	"$ETCD_BIN/etcd" --name m2 --data-dir etcd/m2 \
		--listen-client-urls "$(client 2)" \
		--advertise-client-urls "$(client 2)" \
		--listen-peer-urls "http://127.0.0.1:$((port + 5))" \
		--unsafe-no-fsync >m2.log 2>&1 &
	at_end kill -9 $!
	for n in $(seq 100); do
		ctl put /two 1 >out 2>&1 && break
		sleep 0.1
	done
	lives 30 && stored "${marks[-1]}"
}
is_compacted_behind_it() {
	ctl compaction "$(now)" >out && lives 30 && stored "${marks[-1]}"
}
# What it did not read in time is lost, and it says so and goes on.
is_compacted_before_it() {
	killed
	"$churn" "$(client 0)" 50 5 "$lease" >out
	gap=$(now)
	ctl compaction "$gap" >out
	follow
	lives 20 && stored "${marks[-1]}" && ended &&
		says follow.err 'are lost: the cluster had compacted them' &&
		fails 4 "revision $((gap - 1)) is in no backup of 'cp'" \
			"there are the revisions" -- \
			restore latest:cp "${repo[@]}" --to x \
			--revision $((gap - 1))
}
users_are_in_a_new_backup() {
	local n before
	before=$(grep -c '"backup"' followed)
	# It asks once more if no answer came, and is told that there is one.
	ctl user add root:rootpw >out || ctl user list | grep -qx root ||
		return 1
	for ((n = 0; n < 900; n++)); do
		[ "$(grep -c '"backup"' followed)" -gt "$before" ] && return 0
		sleep 0.1
	done
	return 1
}

boot() { # DIR
	local at us n
	at=http://127.0.0.1:$((port + 8)) us=http://127.0.0.1:$((port + 9))
	"$ETCD_BIN/etcd" --data-dir "$1" --listen-client-urls "$at" \
		--advertise-client-urls "$at" --listen-peer-urls "$us" \
		--unsafe-no-fsync >booted 2>&1 &
	booted=$!
	at_end kill -9 $booted
	for ((n = 0; n < 600; n++)); do
		kill -0 $booted 2>/dev/null || break # Else it is another that answers.
		curl -sf --noproxy '*' "$at/health" | grep -q true && return 0
		sleep 0.05
	done
	tail -n 5 booted | sed 's/^/# /'
	return 1
}
there() { "$ETCD_BIN/etcdctl" --endpoints "http://127.0.0.1:$((port + 8))" "$@"; }
# restored REVISION OPTION...: a server on it answers as the lost one did.
restored() {
	local rev=$1 rc=0
	shift
	rm -rf back
	hf restore latest:cp "${repo[@]}" --to back "$@" &&
		says err "revision $rev, compacted to" && boot back || return 1
	there get '' --from-key >keys.there && same "keys.$rev" keys.there &&
		there lease list >leases.there &&
		says leases.there "$lease" &&
		there lease timetolive "$lease" >ttl && says ttl '(7200s)' ||
		rc=1
	kill "$booted"
	wait "$booted" 2>/dev/null
	return $rc
}
every_mark_by_revision() {
	local rev
	for rev in "${marks[@]}"; do
		restored "$rev" --revision "$rev" || return 1
	done
}
every_mark_by_time() {
	local rev
	for rev in "${marks[@]}"; do
		rm -f s.db
		hf restore latest:cp "${repo[@]}" --as-snapshot s.db \
			--time "$(cat "time.$rev")" &&
			says err "revision $rev, compacted to" || return 1
	done
}
# lines FILE: keys and values, as etcdctl writes them.
lines() {
	/usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1]):
    d = json.loads(line)
    print(d["key"] + "\n" + d["text"])' "$1"
}
# Logs belong to the latest when it is looked into, too.
every_mark_without_an_etcd() {
	local rev last=${marks[-1]}
	for rev in "${marks[@]}"; do
		hf etcd export "latest:cp@$rev" "${repo[@]}" &&
			lines out >keys.there && same "keys.$rev" keys.there ||
			return 1
	done
	hf etcd export latest:cp "${repo[@]}" && lines out >keys.there &&
		same "keys.$last" keys.there &&
		hf etcd diff "latest:cp@$last" "${repo[@]}" && [ ! -s out ] &&
		hf etcd diff "latest:cp@${marks[0]}" "@$last" "${repo[@]}" &&
		cp out want && [ -s want ] &&
		hf etcd diff "latest:cp@${marks[0]}" "${repo[@]}" &&
		same want out &&
		fails 4 "revision 999999999 is in no backup of 'cp'" \
			"there are the revisions" -- \
			etcd ls latest:cp@999999999 "${repo[@]}"
}
# A plan reaches the logs as a restore does, and names what it has found; so do
# those who look.
is_planned() {
	local rev=${marks[0]} log
	log=$(grep -o '"log":"[0-9a-f]*"' followed | head -n 1 | cut -d '"' -f 4)
	hf etcd plan latest:cp "${repo[@]}" --time "$(cat "time.$rev")" --to d \
		--initial-cluster a=http://a:2380,b=http://b:2380 &&
		says out "# revision $rev, compacted to" \
			"HashKV $(cat "hash.$rev")" \
			"--revision $rev --to d --name a" \
			"--revision $rev --to d --name b" &&
		hf etcd ls "latest:cp@$rev" /mark/ "${repo[@]}" &&
		says err "at revision $rev of backup" &&
		fails 4 "is in no log of 'cp'" "there are the times" -- \
			etcd plan latest:cp "${repo[@]}" --time 1970-01-01T00:00Z \
			--initial-cluster a=http://a:2380 &&
		fails 2 "is a log" "latest:cp" -- \
			restore "$log" "${repo[@]}" --to x
}
# As the latest is restored, it is drilled; a log that has rotted makes no backup
# bad.
rot() { # Once more, and it is gone.
	local pack
	find repo/hf1/main/p -type f -newer "time.${marks[-2]}" >packs
	[ -s packs ] || return 1
	while read -r pack; do
		flip "$pack" $(($(stat -c %s "$pack") / 2)) || return 1
	done <packs
}
drilled() {
	local rc
	hf drill etcd latest:cp "${repo[@]}" --etcd-program "$ETCD_BIN/etcd" &&
		says out 'serves it, with its logs' \
			"at revision ${marks[-1]}" || return 1
	rot || return 1
	fails 8 'is good, but not all of its logs' "--level 3" -- \
		drill etcd latest:cp "${repo[@]}" \
		--etcd-program "$ETCD_BIN/etcd" && says out 'serves it:'
	rc=$?
	rot && return $rc
}
# Before anything was compacted, the hash of the whole is the same, too.
same_hash() {
	rm -f s.db
	hf restore latest:cp "${repo[@]}" --as-snapshot s.db \
		--revision "${marks[0]}" &&
		says err "HashKV $(cat "hash.${marks[0]}")"
}
# The hash is asked for now and then, and of no revision twice.
proved() {
	local id hashed=''
	while read -r id; do
		hf show "$id" "${repo[@]}" && says out etcd.log.first \
			etcd.log.last etcd.log.previous etcd.state || return 1
		! grep -q 'etcd.hashkv = ' out || hashed=$id
	done < <(grep -o '"log":"[0-9a-f]*"' followed | cut -d '"' -f 4)
	[ -n "$hashed" ] && hf verify "$hashed" "${repo[@]}" --level 3
}
logs_go_with_their_backup() {
	local base
	base=$(grep -o '"backup":"[0-9a-f]*"' followed | head -n 1 | cut -d '"' -f 4)
	hf prune "${repo[@]}" --keep-last 1 --force &&
		hf list "${repo[@]}" --logs && ! grep -q "$base" out &&
		fails 4 "is in no backup of 'cp'" -- restore latest:cp "${repo[@]}" \
			--to x --revision "${marks[0]}" &&
		restored "${marks[-1]}" --revision "${marks[-1]}"
}

hf keygen --out site.key
peer etcd "$port"
check "follow $ETCD: from the first backup on" begins
check "follow $ETCD: puts, deletions, transactions, leases" lives 100
check "follow $ETCD: killed again and again" is_killed_again_and_again
check "follow $ETCD: killed while it takes one backup after the other" \
	is_killed_while_it_takes_backups
check "follow $ETCD: members die and come back" loses_a_member
check "follow $ETCD: compaction of what it has" is_compacted_behind_it
check "follow $ETCD: it ends when it is told to" ended
check "follow $ETCD: a log says what it holds, and verifies" proved
check "follow $ETCD: etcd as it was at each revision" every_mark_by_revision
check "follow $ETCD: and at each time" every_mark_by_time
check "follow $ETCD: with the same hash" same_hash
check "follow $ETCD: looked into at each revision" every_mark_without_an_etcd
check "follow $ETCD: a plan of then, and a look" is_planned
check "follow $ETCD: drilled with its logs" drilled
follow
check "follow $ETCD: compaction of what it has not" is_compacted_before_it
check "follow $ETCD: logs go with their backup" logs_go_with_their_backup
if [ "$ETCD" != 3.4 ]; then
	follow
	check "follow $ETCD: users are in a new backup" users_are_in_a_new_backup
	check "follow $ETCD: and that is all" ended
fi
finish
