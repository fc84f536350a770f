#!/bin/bash
# etcd_ask_scenario.sh VERSION PORT ASK CHURN READ FILL: what the etcd client
# asks of real servers of one version, and what it watches, in TAP.  The
# programs are etcd_ask, etcd_churn, etcd_read and etcd_fill.
set -u
export ETCD=$1
port=$2 ask=$3 churn=$4 read=$5 fill=$6
peer=$(cd "$(dirname "$0")/../peers" && pwd)/etcd.sh
tmp=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-ask.XXXXXX")
extra=
trap leave EXIT
leave() {
	[ -z "$extra" ] || {
		kill -9 "$extra"
		wait "$extra" 2>/dev/null
	}
	"$peer" stop "$tmp/etcd"
	rm -rf "$tmp"
}
count=0
unset ETCDCTL_API "${!ASK_@}"
# What a slow taker makes us keep is to be seen, not what ASan has kept.
export ASAN_OPTIONS=quarantine_size_mb=1:detect_leaks=0

# How a server is started: up [NAME=VALUE...]
up() {
	"$peer" stop "$tmp/etcd"
	env "$@" "$peer" start "$tmp/etcd" "$port" >"$tmp/start" 2>&1
	case $? in
	0)
		# shellcheck disable=SC1091 # It is made by the line above.
		. "$tmp/etcd/env"
		url=${ETCD_ENDPOINTS%%,*}
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
}

# check NAME COMMAND...: one line of TAP.
check() {
	local name=$1
	shift
	count=$((count + 1))
	: >"$tmp/out"
	: >"$tmp/err"
	if "$@"; then
		echo "ok $count - $ETCD: $name"
	else
		tail -n 5 "$tmp/err" "$tmp/out" | cut -c 1-200 | sed 's/^/# /'
		echo "not ok $count - $ETCD: $name"
	fi
}

# asks STATUS WHAT...: and expects the exit status.
asks() {
	local want=$1 got
	shift
	timeout 300 "$ask" "$url" "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ "$got" = "$want" ] || {
		echo "# $*: exit status $got, not $want"
		return 1
	}
}
says() { # FILE WORDS
	grep -qF -- "$2" "$tmp/$1" || {
		echo "# '$2' is not in $1"
		return 1
	}
}
fact() { sed -n "s/^$1=//p" "$tmp/out"; }
ctl() {
	"$ETCD_BIN/etcdctl" --endpoints "$url" --command-timeout 60s \
		--dial-timeout 30s "$@" 2>>"$tmp/etcdctl"
}
# churned TXNS OPS [LEASE]: the events that there were.
churned() { "$churn" "$url" "$@" >"$tmp/events"; }
revision() { asks 0 range 1 && fact revision; }
take_snapshot() {
	"$read" "$tmp/snapshot.db" "endpoints=$url" form=snapshot ${as[@]+"${as[@]}"} \
		>/dev/null
}

# equal FROM: what was watched is what the database has from there on.
equal() {
	sed -i '/^complete/d' "$tmp/watched"
	take_snapshot && "$ask" "$url" records "$tmp/snapshot.db" |
		awk -v from="$1" '$1 >= from' >"$tmp/stored" || return 1
	[ -s "$tmp/stored" ] || return 1
	cmp "$tmp/watched" "$tmp/stored" >&2
}
# watched START UNTIL: all of it, into the file of that name.
watched() {
	asks 0 watch "$@" && says out complete && cp "$tmp/out" "$tmp/watched"
}

empty_store() {
	asks 0 watch 0 0 && says out "complete 1" &&
		asks 0 hashkv 0 && [ "$(fact compact)" = 0 ]
}
hash_is_etcdctls() {
	asks 0 hashkv 0 && [ "$(fact gone)" = read ] &&
		ctl endpoint hashkv -w simple |
		grep -q ", $(fact hash)\(,\|\$\)"
}
hash_of_the_past() {
	local old
	asks 0 hashkv 500 && old=$(fact hash) && churned 100 8 &&
		asks 0 hashkv 500 && [ "$(fact hash)" = "$old" ] &&
		[ "$(fact of)" = "$(of_500)" ]
}
of_500() { case $ETCD in 3.4 | 3.5) echo 0 ;; *) echo 500 ;; esac; }
hash_of_none() { asks 4 hashkv 99999999 && says out gone=future; }
hash_of_compacted() { asks 4 hashkv 500 && says out gone=compacted; }
range_of_compacted() { asks 4 range 1 500 && says out gone=1; }
members_are_etcdctls() {
	asks 0 members && ctl member list | sort >"$tmp/list" &&
		sort "$tmp/out" | cmp - "$tmp/list" >&2
}
leases_are_known() {
	asks 0 leases && says out "$(printf '%016x' "0x$lease") 3600 3" &&
		[ "$(wc -l <"$tmp/out")" = 1 ]
}
range_counts() {
	asks 0 range 10 && [ "$(fact seen)" = 10 ] && [ "$(fact more)" = 1 ] &&
		[ "$(fact count)" = "$(ctl get '' --prefix --keys-only |
			grep -c .)" ]
}

# 20,000 events: half of them before the watch begins, half while it runs.
watch_equals_database() {
	churned 1500 8 "$lease" || return 1
	ON_CREATED="'$churn' '$url' 1500 8 '$lease' >'$tmp/events2' &" \
		watched 2 3001 && equal 2 &&
		[ "$(wc -l <"$tmp/stored")" -ge 20000 ] &&
		[ "$(wc -l <"$tmp/stored")" = \
			$(($(cat "$tmp/events") + $(cat "$tmp/events2"))) ] &&
		grep -q ' t ' "$tmp/stored"
}
# A watch ends, things happen, and another one goes on.
resumed() {
	local half
	asks 0 drain 2 3001 && half=$(sed -n 's/^complete //p' "$tmp/out") &&
		[ "$half" = 3001 ] && churned 300 8 &&
		watched $((half + 1)) 3301 && equal $((half + 1))
}
drained() {
	asks 0 drain 2 3001 &&
		echo "# $(sed -n 's/^per second/events per second:/p' "$tmp/out")"
}

# A revision of many fragments, and all of it deleted in one.
fragments() {
	"$fill" "$url" 192 && ctl del --prefix /fill/ >/dev/null &&
		ctl del --prefix /churn/ >/dev/null &&
		watched 2 "$(revision)" && equal 2
}
slow_taker() {
	asks 0 drain 2 "$(revision)" 200 &&
		echo "# $(sed -n 's/^rss //p' "$tmp/out") kB" &&
		[ "$(sed -n 's/^rss //p' "$tmp/out")" -lt 100000 ]
}
compacted_before() {
	ctl compact 1000 >/dev/null && asks 0 watch 2 3 &&
		says out "compacted 1000"
}
compacted_under() {
	local from
	from=$(revision)
	ON_CREATED="'$churn' '$url' 50 8 >/dev/null; \
		'$ETCD_BIN/etcdctl' --endpoints '$url' compact $((from + 40))" \
		watched $((from + 1)) $((from + 50))
}
killed() {
	ON_CREATED="kill -9 $(cat "$tmp/etcd/run/m0.pid")" asks 9 watch 1001 \
		99999999 && says out "next "
}

single() {
	up
	check "an empty store has nothing to watch" empty_store
	lease=$(ctl lease grant 3600 | cut -d ' ' -f 2)
	check "20,000 events give the database's records" watch_equals_database
	check "a watch goes on where another ended" resumed
	check "events are drained" drained
	check "the hash is etcdctl's" hash_is_etcdctls
	check "the hash of a revision stays" hash_of_the_past
	check "the hash of a revision to come" hash_of_none
	check "members are etcdctl's" members_are_etcdctls
	check "a lease and what it has left" leases_are_known
	check "a range and its count" range_counts
	check "revisions in fragments" fragments
	check "a slow taker needs no more memory" slow_taker
	check "a watch from before the compaction" compacted_before
	check "a compaction does not end a watch" compacted_under
	check "the hash of a revision that was compacted" hash_of_compacted
	check "a range of a revision that was compacted" range_of_compacted
	check "a server killed under the watch" killed
}

with_auth() {
	export ASK_USER=root ASK_PASSWORD=file:$tmp/good
	as=(user=root "password=file:$tmp/good")
	churned 50 8 && watched 2 51 && equal 2
}
as_reader() {
	ASK_USER=reader ASK_PASSWORD=file:$tmp/reader watched 2 51 &&
		ASK_USER=reader ASK_PASSWORD=file:$tmp/reader asks 6 hashkv 0
}
no_user() { (unset ASK_USER ASK_PASSWORD && asks 6 watch 2 51 && says err "hint: "); }
secured() {
	up AUTH=on TLS=mutual
	export ASK_CA=$ETCD_CA ASK_CERT=$ETCD_READER_CERT
	export ASK_KEY=$ETCD_READER_KEY
	check "a watch as a user, over TLS" with_auth_tls
	check "a watch by a certificate that may read all" by_certificate
	check "an unknown authority" wrong_ca
	unset ASK_CA ASK_CERT ASK_KEY ASK_USER ASK_PASSWORD
	up AUTH=on
	check "a watch as a user" with_auth
	check "a reader may watch and not hash" as_reader
	check "a watch without a user is denied" no_user
	unset ASK_USER ASK_PASSWORD
	as=()
}
with_auth_tls() {
	as=("ca=$ETCD_CA" "cert=$ETCD_CERT" "key=$ETCD_KEY")
	(
		export ASK_USER=root ASK_PASSWORD=file:$tmp/good
		churned 50 8 && watched 2 51 && equal 2
	)
}
by_certificate() { watched 2 51 && equal 2; }
wrong_ca() { ASK_CA=$ETCD_OTHER_CA asks 2 watch 2 51; }

pid_of() { cat "$tmp/etcd/run/m$1.pid"; }
# The watch is the third member's; the others die.
loses_leader() {
	ON_CREATED="kill -9 $(pid_of 0) $(pid_of 1)" asks 9 watch 2 99999999 &&
		says err "no leader"
}
has_no_leader() { asks 9 watch 2 99999999 && says err "no leader"; }
members() {
	up MEMBERS=3
	url=${ETCD_ENDPOINTS##*,}
	check "a member that loses its leader ends the watch" loses_leader
	check "a member without a leader refuses a watch" has_no_leader
}

# learner NAME PORT: add a member that has no vote, and start it.
learner() {
	local at=http://127.0.0.1
	ctl member add "$1" --learner --peer-urls "$at:$(($2 + 1))" \
		>/dev/null || return 1
	"$ETCD_BIN/etcd" --name "$1" --data-dir "$tmp/$1" \
		--listen-client-urls "$at:$2" --advertise-client-urls "$at:$2" \
		--listen-peer-urls "$at:$(($2 + 1))" \
		--initial-advertise-peer-urls "$at:$(($2 + 1))" \
		--initial-cluster-state existing --initial-cluster \
		"m0=$at:$((port + 1)),$1=$at:$(($2 + 1))" --unsafe-no-fsync \
		>"$tmp/$1.log" 2>&1 9>&- &
	extra=$!
	local i
	for ((i = 0; i < 1200; i++)); do
		ctl member list | grep -q ", started, $1," && return
		sleep 0.1
	done
	return 1
}
# A learner serves a moment after it is known; 3.4 lets it answer nothing else.
until_it_answers() { # URL
	local i
	for ((i = 0; i < 1200; i++)); do
		"$ETCD_BIN/etcdctl" --endpoints "$1" endpoint status \
			>/dev/null 2>&1 && return
		sleep 0.1
	done
	return 1
}
reads() { # STATUS NAME=VALUE...
	local want=$1
	shift
	"$read" "$tmp/snapshot.db" "$@" >"$tmp/out" 2>"$tmp/err"
	[ $? = "$want" ]
}
unstarted_is_noted() {
	ctl member add m9 --learner --peer-urls http://127.0.0.1:1 >/dev/null &&
		members_are_etcdctls && says out ", unstarted, , " &&
		reads 0 "endpoints=$url" && says out "etcd.members=2" &&
		says out "etcd.note.members=1 of them never started" &&
		ctl member remove "$(ctl member list |
			sed -n 's/, unstarted.*//p')" >/dev/null
}
learner_is_read() {
	local it=http://127.0.0.1:$((port + 2))
	churned 20 8 && learner m1 $((port + 2)) &&
		until_it_answers "$it" && members_are_etcdctls && says out ", true" || return 1
	# 3.4 lets no learner be read.
	if [ "$ETCD" = 3.4 ]; then
		reads 9 "endpoints=$it" && says err "learner" &&
			says err "hint: " || return 1
		reads 0 "endpoints=$url,$it" && says out etcd.leader=true
	else
		reads 0 "endpoints=$it" form=snapshot &&
			says out etcd.leader=false || return 1
		# Nobody is there who could vouch for its records.
		reads 9 "endpoints=$it" && says err "is a learner" &&
			says err "hint: name a voting member" || return 1
		reads 0 "endpoints=$url,$it" && says out etcd.leader=false &&
			says out "etcd.hashkv.members=1 of 1 agree"
	fi
}
learner_is_found() {
	"$read" - "endpoints=$url,http://127.0.0.1:$((port + 2))" \
		2>"$tmp/err"
	[ $? = 3 ] && says err "is a learner, which cannot vouch"
}
learner_refuses() {
	url=http://127.0.0.1:$((port + 2)) asks 9 watch 2 3 &&
		says err learner && says err "hint: name a voting member"
}
odd_members() {
	up
	check "a member that never started" unstarted_is_noted
	check "a learner is read where etcd lets it" learner_is_read
	check "a probe finds the learner" learner_is_found
	check "a learner refuses a watch" learner_refuses
}

printf rootpw >"$tmp/good"
printf readerpw >"$tmp/reader"
chmod 600 "$tmp/good" "$tmp/reader"
as=()
single
secured
members
odd_members
echo "1..$count"
