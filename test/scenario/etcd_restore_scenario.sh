#!/bin/bash
# etcd_restore_scenario.sh HOLDFAST VERSION PORT FILL: an etcd of that version is
# backed up and lost; what `holdfast restore` makes of the backup is started as
# one and as three members, and compared with what was there, in TAP.
fill=$(realpath "$4")
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2 MEMBERS=1 TLS=off AUTH=off
port=$3
token=tok-1
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
unset ETCDCTL_API
pids=() form="cp"

client() { echo "http://127.0.0.1:$((port + 2 * $1))"; }
peer_url() { echo "http://127.0.0.1:$((port + 2 * $1 + 1))"; }
cluster() { # OF
	local i list
	for ((i = 0; i < $1; i++)); do
		list+=,m$i=$(peer_url $i)
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
ctl() { # I COMMAND...
	local at
	at=$(client "$1")
	shift
	etcdctl --endpoints "$at" "$@"
}
util() {
	local util=$ETCD_BIN/etcdutl
	[ -x "$util" ] || util=$ETCD_BIN/etcdctl
	"$util" "$@"
}
number() { sed -n "s/.*\"$2\": *\\([0-9]*\\).*/\\1/p" "$1" | head -n 1; }
hash_kv() { # I [REVISION]
	ctl "$1" endpoint hashkv ${2:+--rev "$2"} -w json >hashed && number hashed hash
}
now() { ctl "$1" get none -w json >said && number said revision; }

# A cluster with some of everything; compacted in the midst.
lived() {
	local n lease
	"$fill" "$(client 0)" 4 || return 1
	lease=$(ctl 0 lease grant 7200 | sed 's/lease \([^ ]*\) .*/\1/')
	for n in $(seq 40); do
		ctl 0 put "/k/$n" "$n $(seq -s, "$n")" &&
			ctl 0 put /k/all "$n" &&
			ctl 0 put --lease="$lease" "/leased/$n" "$n" || return 1
	done >puts
	ctl 0 del /k/7 >>puts
	compacted=$(now 0)
	compacted=$((compacted - 30))
	ctl 0 compaction "$compacted" >>puts
	gone=$(ctl 0 lease grant 7200 | sed 's/lease \([^ ]*\) .*/\1/')
	ctl 0 put --lease="$gone" /lock me >>puts
	ctl 0 get /k --prefix >keys.before
	before=$(now 0) hash_before=$(hash_kv 0)
	ctl 0 lease revoke "$gone" >>puts
	ctl 0 put /k/late late >>puts && ctl 0 del /k/8 >>puts
	revision=$(now 0) hash=$(hash_kv 0)
	ctl 0 get /k --prefix >keys
	ctl 0 lease list | sort >leases
	[ -n "$hash" ] && [ "$(wc -l <keys)" = 80 ]
}
backed_up() {
	hf init "${repo[@]}" && hf backup "${repo[@]}" --source-name raw \
		--from "etcd:$(client 0)" --etcd-form snapshot &&
		hf backup "${repo[@]}" --source-name cp \
			--from "etcd:$(client 0)" --etcd-form records
}

# laid_down OF OPTION...: the directory of each member, as ours/mI.
laid_down() {
	local of=$1 i
	shift
	rm -rf ours
	mkdir ours
	for ((i = 0; i < of; i++)); do
		hf restore "latest:$form" "${repo[@]}" --to "ours/m$i" --name "m$i" \
			--initial-cluster "$(cluster "$of")" \
			--initial-cluster-token $token "$@" || return 1
	done
}
said_digest() { # REVISION COMPACTED HASH: of the last restore
	[ -n "$3" ] && says err "revision $1, compacted to $2, HashKV $3"
}
boot() { # I OF
	"$ETCD_BIN/etcd" --name "m$1" --data-dir "ours/m$1" \
		--listen-client-urls "$(client "$1")" \
		--advertise-client-urls "$(client "$1")" \
		--listen-peer-urls "$(peer_url "$1")" \
		--initial-advertise-peer-urls "$(peer_url "$1")" \
		--initial-cluster "$(cluster "$2")" \
		--initial-cluster-token $token --unsafe-no-fsync \
		>"log$1" 2>&1 &
	pids[$1]=$!
	at_end kill -9 $!
}
await() { serves "${pids[$1]}" "$(client "$1")" "log$1"; } # I
up() { # OF
	local i
	for ((i = 0; i < $1; i++)); do
		boot "$i" "$1"
	done
	for ((i = 0; i < $1; i++)); do
		await "$i" || return 1
	done
}
down() {
	[ "${#pids[@]}" = 0 ] || {
		kill "${pids[@]}"
		wait "${pids[@]}"
	} 2>/dev/null
	pids=()
}

# as_before I: the same keys, leases and hash as the server that is lost.
as_before() {
	[ "$(hash_kv "$1" "$revision")" = "$hash" ] &&
		ctl "$1" get /k --prefix --rev "$revision" >keys.now &&
		same keys keys.now && ctl "$1" lease list | sort >leases.now &&
		same leases leases.now
}
alive() { # OF: it takes writes, and starts again.
	local i
	ctl 0 put "/new" 1 >out && ctl $(($1 - 1)) get /new >out &&
		says out /new && down && up "$1" || return 1
	for ((i = 0; i < $1; i++)); do
		as_before "$i" || return 1
	done
}
lives_as() { # OF
	local i
	laid_down "$1" && said_digest "$revision" "$compacted" "$hash" &&
		up "$1" || return 1
	for ((i = 0; i < $1; i++)); do
		as_before "$i" || return 1
	done
	alive "$1"
}
is_removed() { # ID
	ctl 0 member remove "$1" >out 2>err
	ctl 0 member list >members 2>err && ! grep -q "^$1," members
}
loses_a_member() {
	local id
	id=$(ctl 0 member list | sed -n 's/^\([0-9a-f]*\),.* m2,.*/\1/p')
	# Not before the members have been in touch for five seconds; and if it
	# was the leader, there is none for a moment.
	until_true is_removed "$id" &&
		until_true ctl 0 put /fewer 1 >out 2>err &&
		[ "$(ctl 0 member list | wc -l)" = 2 ]
}

# The log is, byte for byte, the one that etcd's own tool writes.
same_log() {
	local wal=member/wal/0000000000000000-0000000000000000.wal i
	hf restore latest:cp "${repo[@]}" --as-snapshot snapshot.db &&
		laid_down 3 || return 1
	for i in 0 1 2; do
		rm -rf theirs
		util snapshot restore snapshot.db --data-dir theirs \
			--name "m$i" --initial-cluster "$(cluster 3)" \
			--initial-cluster-token $token \
			--initial-advertise-peer-urls "$(peer_url "$i")" \
			>out 2>&1 && same "theirs/$wal" "ours/m$i/$wal" ||
			return 1
	done
}
# etcd's tool takes the snapshot, and finds in it what it finds in etcd's own.
snapshot_is_taken() {
	rm -rf snapshot.db theirs
	fails 2 'it needs a file' -- restore latest:raw "${repo[@]}" \
		--as-snapshot - || return 1
	hf restore latest:raw "${repo[@]}" --as-snapshot snapshot.db &&
		hf restore latest:raw "${repo[@]}" --only snapshot.db \
			--to theirs.db || return 1
	# shellcheck disable=SC2094 # The word is no file.
	util snapshot status snapshot.db -w json >status 2>err &&
		util snapshot status theirs.db -w json >status.theirs 2>err &&
		[ "$(number status hash)" = "$(number status.theirs hash)" ] &&
		[ "$(number status revision)" = "$revision" ] &&
		[ "$(number status totalKey)" = \
			"$(number status.theirs totalKey)" ] &&
		util snapshot restore snapshot.db --data-dir theirs >out 2>&1
}

# A client that had seen this revision is told to list anew.
watcher_is_told() {
	local last
	laid_down 1 --bump-revision 1000000 --mark-compacted && up 1 || return 1
	last=$((revision + 1000000))
	said_digest $last $last "$(hash_kv 0)" && [ "$(now 0)" = $last ] && ctl 0 get /k --prefix >keys.now &&
		same keys keys.now || return 1
	timeout 120 "$ETCD_BIN/etcdctl" --endpoints "$(client 0)" watch /k \
		--prefix --rev $((revision + 1)) >watched 2>&1
	says watched 'required revision has been compacted' &&
		ctl 0 put /after 1 >out
}
bumped_three() {
	local i last=$((revision + 1000))
	laid_down 3 --bump-revision 1000 --mark-compacted && up 3 || return 1
	# 3.4 does not hash the compact revision when it is named.
	for i in 0 1 2; do
		[ "$(now "$i")" = $last ] &&
			said_digest $last $last "$(hash_kv "$i")" || return 1
	done
}
back_in_time() {
	laid_down 1 --revision "$before" && cp err notes &&
		said_digest "$before" "$compacted" "$hash_before" && up 1 &&
		[ "$(now 0)" = "$before" ] &&
		[ "$(hash_kv 0)" = "$hash_before" ] &&
		ctl 0 get /k --prefix >keys.now && same keys.before keys.now
}
# A lease that a key had then, and that was gone: else the key would stay.
lease_again() {
	says notes "leases and users are as of revision $revision" \
		'1 lease that keys had was gone' || return 1
	(cat leases && echo "$gone") | sort -u >leases.want
	ctl 0 lease list | sort >leases.now
	grep -v found leases.want >want && grep -v found leases.now >got &&
		same want got &&
		ctl 0 lease timetolive "$gone" --keys >out 2>err &&
		says out 'granted with TTL(60s)' /lock &&
		ctl 0 lease revoke "$gone" >said && ctl 0 get /lock >out &&
		[ ! -s out ]
}

# A backup that is made while the cluster is being downgraded.  An etcd 3.5
# would not start from what its own tool restores of that.
older() {
	case $ETCD in
	3.5) echo 3.4 ;;
	3.6) echo 3.5 ;;
	3.7) echo 3.6 ;;
	esac
}
downgrading() {
	local before
	laid_down 1 && up 1 && before=$(applied) &&
		curl -s --noproxy '*' -o answer \
			"$(client 0)/v3/maintenance/downgrade" \
			-d "{\"action\":\"ENABLE\",\"version\":\"$(older).0\"}" &&
		until_true has_begun "$before" &&
		hf backup "${repo[@]}" --source-name down \
			--from "etcd:$(client 0)" --etcd-form "$1"
}
applied() { ctl 0 endpoint status -w json >said && number said raftAppliedIndex; }
# etcd 3.5 notes that it is wanted, later ones have the older version soon.
has_begun() { # APPLIED, before
	case $ETCD in
	3.5) [ "$(applied)" -gt "$1" ] ;;
	*) curl -s --noproxy '*' "$(client 0)/version" |
		grep -q "\"etcdcluster\":\"$(older).0\"" ;;
	esac
}
starts() {
	laid_down 1 --etcd-version "$1" &&
		says err "being downgraded to $(older).0" && up 1 &&
		as_before 0 && alive 1
}
starts_older() {
	local bin=$ETCD_BIN rc
	ETCD_BIN=$(dirname "$ETCD_BIN")/etcd${1/./}
	laid_down 1 --etcd-version "$1" && up 1 && as_before 0 && alive 1
	rc=$?
	ETCD_BIN=$bin
	return $rc
}
# The commands of the plan make the members, and the check finds them so.
planned() { # SOURCE REVISION HASH
	local line
	hf etcd plan "latest:$1" "${repo[@]}" --to "$tmp/ours/DIR" \
		--initial-cluster "$(cluster 3)" \
		--initial-cluster-token $token &&
		says out "revision $2, compacted to $compacted, HashKV $3" ||
		return 1
	grep -c '^holdfast restore ' out >lines
	sed -n 's/^holdfast \(etcd check.*\) --from .*/\1/p' out >check
	rm -rf ours
	mkdir ours
	sed -n 's/^holdfast restore/hf restore/p' out >commands
	while read -r line; do
		line=${line/DIR/$(expr "$line" : '.*--name \([^ ]*\)')}
		eval "$line" && said_digest "$2" "$compacted" "$3" ||
			return 1
	done <commands
	[ "$(cat lines)" = 3 ] && up 3 && checked same 3 "latest:$1" &&
		says err "revision $2, compacted to $compacted, HashKV $3" &&
		eval "hf $(cat check) --from etcd:$(clients 3)" &&
		says err "revision $2, compacted to $compacted, HashKV $3"
}
checked() { # WORD HOW-MANY [BACKUP]
	hf etcd check "${3:-latest:cp}" "${repo[@]}" --from "etcd:$(clients 3)"
	rc=$?
	[ "$(grep -c "  $1" out)" = "$2" ] && return $rc
}
# Logs continue the backup: the plan comes to their end, and names it, for more
# may come before the last member is restored.
followed() {
	local follower
	laid_down 1 && up 1 || return 1
	: >followed
	"$holdfast" follow "${repo[@]}" --source-name log --interval 1s \
		--from "etcd:$(client 0)" >followed 2>follow.err &
	follower=$!
	at_end kill -9 $follower
	until_true grep -q ' log to ' followed && ctl 0 put /followed 1 >said &&
		until_true grep -q ', 1 event,' followed || return 1
	kill -TERM $follower
	wait $follower
	logged=$(now 0) hash_logged=$(hash_kv 0)
	[ "$logged" -gt "$revision" ]
}
as_planned() {
	planned log "$logged" "$hash_logged" &&
		says commands "--revision $logged" &&
		[ "$(ctl 2 get /followed --print-value-only)" = 1 ]
}
others_likewise() {
	form=log laid_down 3 && says err 'restore the other members from' \
		"--revision $logged'"
}
base_alone_is_told() {
	laid_down 1 && up 1 && fails 8 '1 of 1 members' -- etcd check \
		latest:log "${repo[@]}" --from "etcd:$(client 0)" &&
		says out 'only at revision' && hf etcd check latest:log \
		"${repo[@]}" --from "etcd:$(client 0)" --revision "$revision"
}
still_the_same() {
	ctl 0 put /since 1 >said && ctl 0 compaction $((revision - 1)) >said &&
		checked same 3 && ctl 0 put /k/9 2 >said && checked same 3 &&
		json etcd check latest:cp "${repo[@]}" \
			--from "etcd:$(clients 3)"
}
# alarm ACTION: CORRUPT of the second member, through the gateway.
alarm() {
	local id
	id=$(ctl 0 member list | sed -n 's/^\([0-9a-f]*\),.* m1,.*/\1/p')
	curl -fsS --noproxy '*' -o said "$(client 0)/v3/maintenance/alarm" \
		-d "{\"action\":$1,\"memberID\":$(printf '%u' "0x$id"),\"alarm\":2}"
}
corrupt_is_told() {
	alarm 1 && fails 8 'the alarm CORRUPT for 1 member' -- etcd check \
		latest:cp "${repo[@]}" --from "etcd:$(clients 3)" &&
		says out "$(client 1)  the alarm CORRUPT is raised" &&
		[ "$(grep -c "  same" out)" = 3 ] && alarm 2 && checked same 3
}
no_more() {
	ctl 0 compaction $((revision + 1)) >said
	fails 4 'compacted beyond revision' -- etcd check latest:cp \
		"${repo[@]}" --from "etcd:$(clients 3)"
}
one_is_silent() {
	[ "${#pids[@]}" = 3 ] || return 1
	kill "${pids[1]}"
	wait "${pids[1]}" 2>/dev/null
	fails 9 '1 of 3 members' -- etcd check latest:cp "${repo[@]}" \
		--from "etcd:$(clients 3)"
}
another_is_told() {
	local n
	laid_down 1 --revision "$before" && up 1 || return 1
	fails 8 '1 of 1 members' -- etcd check latest:cp "${repo[@]}" \
		--from "etcd:$(client 0)" && says out 'only at revision' ||
		return 1
	for n in 1 2 3; do
		ctl 0 put /other "way $n" >said
	done
	fails 8 'were they restored from this backup' -- etcd check latest:cp \
		"${repo[@]}" --from "etcd:$(client 0)" &&
		says out "DIFFERENT: HashKV" && hf etcd check latest:cp \
		"${repo[@]}" --from "etcd:$(client 0)" --revision "$before"
}
default_member() {
	rm -rf ours/m0
	hf restore latest:cp "${repo[@]}" --to ours/m0 &&
		says err 'member default (' 'token etcd-cluster-' '(new)' \
			'the backup is of an etcd' && : >"ours/m0/x" &&
		fails 5 'ours/m0' -- restore latest:cp "${repo[@]}" --to ours/m0
}

hf keygen --out site.key
peer etcd "$port"
check "etcd $ETCD: fill it" lived
check "etcd $ETCD: back it up" backed_up
"$peers/etcd.sh" stop "$tmp/etcd"
check "etcd $ETCD: one member, from the backup alone" lives_as 1
down
form=raw
check "etcd $ETCD: likewise, from one that is a snapshot" lives_as 1
down
form="cp"
check "etcd $ETCD: three members" lives_as 3
check "etcd $ETCD: of which one may be removed" loses_a_member
down
case $ETCD in
3.5 | 3.6) check "etcd $ETCD: the log is etcdutl's" same_log ;;
esac
check "etcd $ETCD: as a snapshot, for etcd's own tool" snapshot_is_taken
check "etcd $ETCD: a million revisions later, watchers are told" watcher_is_told
down
check "etcd $ETCD: three members, a thousand revisions later" bumped_three
down
check "etcd $ETCD: as it was at a revision" back_in_time
check "etcd $ETCD: with the leases of then" lease_again
down
check "etcd $ETCD: by a plan, and checked" planned cp "$revision" "$hash"
check "etcd $ETCD: still the same, after writes and a compaction" still_the_same
check "etcd $ETCD: with an alarm raised for one" corrupt_is_told
check "etcd $ETCD: one that does not answer" one_is_silent
boot 1 3
await 1
check "etcd $ETCD: compacted further, nobody can tell" no_more
down
check "etcd $ETCD: one that went another way is told" another_is_told
down
check "etcd $ETCD: by default" default_member
check "etcd $ETCD: it is followed" followed
down
check "etcd $ETCD: with what followed, by a plan" as_planned
check "etcd $ETCD: all members likewise" others_likewise
down
check "etcd $ETCD: what followed is missed" base_alone_is_told
down
[ "$ETCD" = 3.4 ] || for as in records snapshot; do
	form="cp"
	check "etcd $ETCD, $as: backed up during a downgrade" downgrading $as
	down
	form=down
	check "etcd $ETCD, $as: which ends with the restore" starts "$ETCD"
	down
	[ -x "$(dirname "$ETCD_BIN")/etcd$(older | tr -d .)/etcd" ] || continue
	check "etcd $ETCD, $as: or is an etcd $(older)" starts_older "$(older)"
	down
done
finish
