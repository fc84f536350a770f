#!/bin/bash
# legacy_scenario.sh HOLDFAST VERSION PORT: holdfast in the place of
# the program etcd-backup, against a real etcd and a real S3 server, in TAP.
# The tests that are named B1 to B21 are for that program's defects.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2
port=$3
writer=$here/../vector/legacy_writer.py
unset ETCDCTL_API
ln -s "$holdfast" etcd-backup
legacy() { "$tmp/etcd-backup" "$@" >out 2>err; }

peer versitygw $((port + 40))
bucket=$tmp/versitygw/data/test

# ctl COMMAND...
ctl() {
	etcdctl --endpoints "${ETCD_ENDPOINTS%%,*}" "${client[@]}" "$@"
}

# up NAME=VALUE...: a new etcd with some keys.
up() {
	"$peers/etcd.sh" stop "$tmp/etcd"
	for setting in TLS=off AUTH=off MEMBERS=1 "$@"; do
		export "${setting?}"
	done
	peer etcd "$port"
	client=()
	[ "$TLS" = off ] || client=(--cacert "$ETCD_CA" --cert "$ETCD_CERT"
		--key "$ETCD_KEY")
	[ "$AUTH" = off ] || client+=(--user root:rootpw)
	fill 60
}
fill() { # so many keys of 16 KiB, so that a dump has more than one record
	local n value
	value=$(head -c 12000 /dev/zero | tr '\0' x)
	for n in $(seq "$1"); do
		ctl put "/registry/$n" "$n $value" >/dev/null || return 1
	done
	for n in $(seq "$1"); do # Revisions count, too.
		ctl put "/registry/$n" "$n again $value" >/dev/null || return 1
	done
	ctl get '' --from-key >keys
	[ "$(grep -c registry keys)" = "$1" ]
}

# configure PREFIX [LINE...]: config.yml for this etcd and this bucket.
configure() {
	local e
	{
		echo "etcd_client:"
		echo "  endpoints:"
		for e in ${ETCD_ENDPOINTS//,/ }; do
			echo "    - \"$e\""
		done
		echo "  connection_timeout: 5s"
		echo "  request_timeout: 1m"
		echo "  retries: 2"
		[ "$TLS" = off ] || printf '  auth:\n    ca_cert: %s\n' "$ETCD_CA"
		[ "$TLS" = off ] || printf '    client_cert: %s\n    client_key: %s\n' \
			"$ETCD_CERT" "$ETCD_KEY"
		[ "$AUTH" = off ] || [ "$TLS" != off ] || echo "  auth:"
		[ "$AUTH" = off ] || echo "    password_auth: $tmp/password.yml"
		echo "snapshot_path: $tmp/snap/snapshot.db"
		[ "${key:-master.key}" = none ] ||
			echo "encryption_key_path: $tmp/${key:-master.key}"
		echo "s3_client:"
		echo "  objects_prefix: \"$1\""
		echo "  endpoint: $S3_HTTP"
		echo "  bucket: test"
		echo "  region: us-east-1"
		echo "  request_timeout: 1m"
		echo "  auth:"
		echo "    key_auth: $tmp/auth.yml"
		echo "log_level: info"
	} >config.yml
}
umask 077
printf 'username: root\npassword: rootpw\n' >password.yml
printf 'access_key: %s\nsecret_key: %s\n' "$S3_ACCESS" "$S3_SECRET" >auth.yml
openssl rand -hex 32 >master.key # With the end of a line: B6.
openssl rand -hex 32 >new.key
openssl rand -hex 32 >foreign.key
mkdir snap

objects() { (cd "$bucket" && find . -type f -name "$1" | sort); }
n_objects() { objects "$1" | wc -l; }
newest() { objects "$1" | tail -n 1; }

# boots DIR: a server on that directory has the keys that we put.
boots() {
	local at=http://127.0.0.1:$((port + 8)) us=http://127.0.0.1:$((port + 9))
	local pid rc
	"$ETCD_BIN/etcd" --name again --data-dir "$1" \
		--listen-client-urls "$at" --advertise-client-urls "$at" \
		--listen-peer-urls "$us" --initial-advertise-peer-urls "$us" \
		--initial-cluster "again=$us" >booted 2>&1 &
	pid=$!
	serves "$pid" "$at" booted &&
		etcdctl --endpoints "$at" get '' --from-key >there 2>&1 &&
		same keys there
	rc=$?
	kill "$pid"
	wait "$pid" 2>/dev/null
	return $rc
}
member=(--name again --initial-cluster "again=http://127.0.0.1:$((port + 9))"
	--initial-advertise-peer-urls "http://127.0.0.1:$((port + 9))")

there_and_back() {
	rm -rf back
	legacy backup && says out .dump &&
		legacy restore --data-dir back "${member[@]}" && boots back
}

up
configure prod/etcd

check 'a backup is restored as a data directory that etcd starts from' \
	there_and_back
check 'its objects have the names of the other program' \
	bash -c "cd '$bucket/prod' && ls | grep -Eq \
	'^etcd-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z.dump$'"

# Everything in the objects is what the format says, by other code than ours.
readable() {
	local dump=$bucket/$1
	tr -d '\n' <"$2" >trimmed
	/usr/bin/python3 "$writer" read trimmed "${dump%.dump}.key" "$dump" plain
}
check 'other code reads what we have written, byte for byte' \
	readable "$(newest '*etcd-*.dump')" master.key

B1() {
	local tool=$ETCD_BIN/etcdutl
	[ -x "$tool" ] || tool=$ETCD_BIN/etcdctl
	rm -f snap/snapshot.db
	legacy restore -u=false && [ -s snap/snapshot.db ] &&
		same plain snap/snapshot.db &&
		"$tool" snapshot status snap/snapshot.db >said 2>&1
}
check 'B1: every byte of a snapshot of more than 1 MiB comes back' B1

B2() {
	legacy prune && legacy prune -a 10w -i 1 &&
		legacy prune --max-age=1y --min-count=0 &&
		legacy prune --max-age 1.5h --min-count 2 &&
		[ "$(n_objects '*etcd-*.dump')" = 1 ]
}
check 'B2: prune takes its default, and durations in d, w and y' B2

# Made by other code, with nonces as the other program makes them.
foreign_dump() { # NAME SIZE
	mkdir -p made
	/usr/bin/python3 "$writer" write made "$2" &&
		cp made/x.dump "$bucket/$1.dump" && cp made/x.key "$bucket/$1.key"
}
reads_others() {
	foreign_dump made-2024-12-06T21:22:25Z 5000000 || return 1
	chmod 600 made/master.key
	key=made/master.key configure made
	rm -f snap/snapshot.db
	legacy restore -u=false && same made/x.plain snap/snapshot.db
}
check 'what other code has written is restored' reads_others
B5() {
	local t
	for t in 2024-12-06T21:22:25.0Z 2024-12-06T21:22:25+00:00 \
		2024-12-06T16:22:25-05:00 2024-12-06T22:22:25+01:00; do
		rm -f snap/snapshot.db
		legacy restore -u=false -t "$t" &&
			same made/x.plain snap/snapshot.db || return 1
	done
	cp made/x.dump "$bucket/zone-2024-12-06T16:22:25-05:00.dump" &&
		cp made/x.key "$bucket/zone-2024-12-06T16:22:25-05:00.key" &&
		key=made/master.key configure zone && rm -f snap/snapshot.db &&
		legacy restore -u=false -t 2024-12-06T21:22:25Z &&
		same made/x.plain snap/snapshot.db &&
		legacy prune -a 1d -i 0 && [ "$(n_objects 'zone-*')" = 0 ]
}
check 'B5: a time is found in any zone, and so is a name with one' B5

B13() {
	key=made/master.key configure made
	head -c 9000000 /dev/zero >snap/snapshot.db
	! legacy restore -u=false && says err overwrite &&
		[ "$(stat -c %s snap/snapshot.db)" = 9000000 ] &&
		legacy restore -u=false --overwrite &&
		same made/x.plain snap/snapshot.db &&
		sed -i 's,^snapshot_path: .*,snapshot_path: snap,' config.yml &&
		! legacy restore -u=false --overwrite &&
		says err 'name a new file in it' && ! legacy restore &&
		says err --data-dir
}
check 'B13: what lies at the place stays, or goes whole; -d is asked for' B13

B15() {
	local d=$bucket/moved-2024-12-06T21:22:25Z r=$((1048576 + 40))
	key=made/master.key configure moved
	cp made/x.key "$d.key"
	{
		tail -c +$((r + 1)) made/x.dump | head -c $r
		head -c $r made/x.dump
		tail -c +$((2 * r + 1)) made/x.dump
	} >"$d.dump"
	rm -f snap/snapshot.db
	! legacy restore -u=false && says err 'stands where' &&
		[ ! -e snap/snapshot.db ] || return 1
	head -c $((3 * r)) made/x.dump >"$d.dump"
	! legacy restore -u=false && says err 'the end is missing' &&
		[ ! -e snap/snapshot.db ] && ! legacy restore -d back2 &&
		[ ! -e back2 ] && rm "$d.dump" "$d.key"
}
check 'B15: a dump that was moved about or cut is not restored' B15

# ago DAYS: a plain backup of that age.
ago() {
	cp small/x.plain "$bucket/rule-$(date -u -d "$1 days ago" +%FT%TZ).dump"
}
B2_defaults() {
	local n
	key=none configure rule
	mkdir small && /usr/bin/python3 "$writer" write small 4096 || return 1
	for n in {1..14} {16..40}; do
		ago "$n" || return 1
	done
	legacy prune && says out '19 removed, 20 kept' &&
		legacy prune -i 0 && says out '6 removed, 14 kept' &&
		rm "$bucket"/rule-*
}
check 'B2: prune keeps fifteen days, and twenty at least' B2_defaults

B15_renamed() {
	local old=$bucket/redated-2024-12-06T21:22:25Z
	local new=$bucket/redated-2026-01-01T00:00:00Z
	key=made/master.key configure redated
	cp made/x.dump "$old.dump" && cp made/x.key "$old.key" &&
		cp made/x.dump "$new.dump" && cp made/x.key "$new.key" || return 1
	rm -f snap/snapshot.db
	! legacy restore -u=false && says err renamed 2024-12-06T21:22:25Z &&
		[ ! -e snap/snapshot.db ] && ! legacy restore -d back2 &&
		[ ! -e back2 ] && legacy prune -a 1d -i 1 &&
		says err 'does not count' && [ -e "$old.dump" ] &&
		legacy restore -u=false -t 2024-12-06T21:22:25Z &&
		same made/x.plain snap/snapshot.db && rm "$old".* "$new".*
}
check 'B15: an old dump under a newer name is not restored, nor counted' \
	B15_renamed

B3() {
	configure prod/etcd
	key=new.key configure prod/etcd
	legacy rotate-key -p master.key && says out '1 rotated' &&
		rm -rf back && legacy restore -d back "${member[@]}" &&
		boots back && key=master.key configure prod/etcd &&
		! legacy restore -d back3 && says err 'does not open' &&
		[ ! -e back3 ] && key=new.key configure prod/none &&
		! legacy rotate-key -p master.key && says err 'no key object'
}
check 'B3: a prefix with a / is rotated, and one that has nothing is an error' B3

B4() {
	local p
	for p in prod.etcd 'a(b' '50%s'; do
		key=none configure "$p"
		legacy backup && [ "$(n_objects "$p-*.dump")" = 1 ] || return 1
	done
	cp "$bucket/$(newest 'prod.etcd-*')" "$bucket/prod-etcd-2020-01-01T00:00:00Z.dump"
	key=none configure prod.etcd
	sleep 2 # A server's clock may be a second behind.
	legacy prune -a 0 -i 0 && [ "$(n_objects 'prod.etcd-*')" = 0 ] &&
		[ "$(n_objects 'prod-etcd-2020*')" = 1 ] &&
		key=none configure 'a b' && ! legacy backup &&
		says err "'s3_client.objects_prefix'"
}
check 'B4: a prefix means its own bytes' B4

B6() {
	tr -d '\n' <master.key >bare.key
	key=bare.key configure six && legacy backup &&
		key=master.key configure six && rm -rf back &&
		legacy restore -d back "${member[@]}" &&
		echo 0123 >short.key && key=short.key configure six &&
		! legacy backup && says err short.key 'hex digits'
}
check 'B6: a key file is the same with and without the end of its line' B6

B7() {
	key=none configure seven && legacy backup && key=master.key configure seven &&
		rm -rf back && legacy restore -d back "${member[@]}" &&
		says err 'not encrypted' && boots back &&
		key=none configure six && ! legacy restore -d back4 &&
		says err encryption_key_path && [ ! -e back4 ]
}
check 'B7: encrypted and plain are told apart, whatever is configured' B7

B12() {
	key=none configure twelve
	sed -i 's,^s3_client:,&\n  connection_timeout: 1m,' config.yml
	sed -i 's,^  retries: 2,&\n  auth:\n    ca_cert: /no/such/ca.pem,' config.yml
	legacy backup &&
		sed -i 's,^    key_auth: .*,    ca_cert: /no/ca.pem,' config.yml &&
		AWS_ACCESS_KEY_ID=$S3_ACCESS AWS_SECRET_ACCESS_KEY=$S3_SECRET \
			"$tmp/etcd-backup" backup >out 2>err
}
check 'B12: files that nothing uses need not be there' B12
B12_tls() {
	configure tls
	sed -i "s,endpoint: .*,endpoint: ${S3_HTTPS#https://}," config.yml
	! legacy backup && says err certificate &&
		sed -i "s,^    key_auth: .*,&\n    ca_cert: $S3_CA," config.yml &&
		legacy backup
}
check 'B12: ip:port is TLS, with the authority that is given' B12_tls

B14() {
	configure prod/etcd
	! legacy backup --nonsense && ! legacy rotate-key && ! legacy &&
		[ ! -s out ] && says err holdfast: &&
		! legacy backup -c none.yml &&
		sed -i 's,bucket: test,bucket: none,' config.yml && ! legacy backup &&
		says err "no bucket 'none'" && ! legacy prune && ! legacy restore -d x
}
check 'B14: every failure has an exit status, and is told on stderr' B14

B16() {
	local d
	configure sixteen
	rm -rf snap/* back
	legacy backup && [ -z "$(ls snap)" ] &&
		legacy restore -d back "${member[@]}" && [ -z "$(ls snap)" ] ||
		return 1
	d=$bucket/$(newest 'sixteen-*.dump')
	flip "$d" 100000
	rm -rf back
	! legacy restore -d back "${member[@]}" && [ -z "$(ls snap)" ] &&
		[ ! -e back ] && ! compgen -G '*holdfast-*' >/dev/null
}
check 'B16: no snapshot lies on the disk, after success and after failure' B16

B17() {
	key=master.key configure seventeen
	legacy backup && legacy backup && legacy backup &&
		key=foreign.key configure seventeen && legacy backup &&
		key=new.key configure seventeen &&
		! legacy rotate-key -p master.key &&
		says out '3 rotated' '1 left as they are' && says err neither &&
		legacy rotate-key -p foreign.key &&
		says out '1 rotated' '3 had the new key already' && rm -rf back &&
		legacy restore -d back "${member[@]}" && boots back
}
check 'B17: a foreign key object is reported, and the rest is rotated' B17

B19() {
	local kb
	key=master.key configure nineteen
	fill 1500 || return 1
	/usr/bin/python3 - "$tmp/etcd-backup" >peak 2>err <<-'EOF' || return 1
		import resource, subprocess, sys
		subprocess.run([sys.argv[1], "backup"], check=True)
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	EOF
	kb=$(tail -n 1 peak)
	echo "# a dump of $(stat -c %s "$bucket/$(newest 'nineteen-*.dump')") bytes: $kb KiB"
	# The sanitizers have a share in it that is not ours.
	nm "$holdfast" 2>/dev/null | grep -q __asan_init || [ "$kb" -lt 98304 ] &&
		rm -rf back && legacy restore -d back "${member[@]}" && boots back
}
check 'B19: memory stays flat, and a dump of several parts comes back' B19

B20() {
	local one two
	key=master.key configure twenty
	"$tmp/etcd-backup" backup >out1 2>err & one=$!
	"$tmp/etcd-backup" backup >out2 2>err2 & two=$!
	wait $one && wait $two && [ "$(n_objects 'twenty-*.dump')" = 2 ] &&
		[ "$(n_objects 'twenty-*.key')" = 2 ] && rm -rf back &&
		legacy restore -d back "${member[@]}" && boots back
}
check 'B20: two runs in one second are two backups' B20

B21() {
	local k
	key=master.key configure twentyone
	legacy backup && sleep 1 && legacy backup || return 1
	k=$(objects 'twentyone-*.key' | head -n 1)
	rm "$bucket/$k"
	cp made/x.key "$bucket/twentyone-2024-01-01T00:00:00Z.key"
	sleep 2
	legacy prune -a 0s -i 1 && says err 'does not count' &&
		[ "$(n_objects 'twentyone-*.dump')" = 2 ] &&
		[ ! -e "$bucket/twentyone-2024-01-01T00:00:00Z.key" ] &&
		rm -rf back && legacy restore -d back "${member[@]}" && boots back
}
check 'B21: prune does not count what it cannot restore' B21

one_by_etcdutl() {
	[ -x "$ETCD_BIN/etcdutl" ] || return 0
	configure prod/etcd && legacy backup && rm -rf back &&
		legacy restore -d back -e "$ETCD_BIN/etcdutl" "${member[@]}" &&
		boots back && ! legacy restore -d back5 -e /no/etcdutl &&
		says err /no/etcdutl && [ ! -e back5 ] && one_as_etcdutl &&
		one_as_etcdutl -n b -a http://b:1 -o token \
			-l a=http://a:1,b=http://b:1,c=http://c:1
}
# The flags, and their defaults, have the meaning that etcdutl gives them: the
# log is the one that it writes, of 3.5 and 3.6, byte for byte.
one_as_etcdutl() {
	local log=member/wal/0000000000000000-0000000000000000.wal
	[[ $ETCD = 3.[56] ]] || return 0
	rm -rf ours theirs
	legacy restore -d ours "$@" &&
		legacy restore -d theirs -e "$ETCD_BIN/etcdutl" "$@" &&
		same ours/$log theirs/$log
}
check 'an etcdutl that is named makes the directory' one_by_etcdutl

imports() {
	local repo=(--repo "file:$tmp/repo" --key "file:$tmp/repo.key")
	local from=(--from-config "$tmp/config.yml")
	rm -rf "${bucket:?}"/*
	hf keygen --out repo.key && hf init "${repo[@]}" || return 1
	key=master.key configure prod/etcd
	legacy backup && foreign_dump prod/etcd-2024-12-06T21:22:25Z 100000 ||
		return 1
	! hf import etcd-backup "${from[@]}" "${repo[@]}" --source-name cp &&
		says out '1 imported' '1 could not be read' &&
		rm "$bucket/prod/etcd-2024-12-06T21:22:25Z.key" \
			"$bucket/prod/etcd-2024-12-06T21:22:25Z.dump" &&
		hf import etcd-backup "${from[@]}" "${repo[@]}" --source-name cp &&
		says out '0 imported, 1 were there already' &&
		hf verify latest:cp --level 3 "${repo[@]}" &&
		hf show latest:cp "${repo[@]}" &&
		says out etcd_backup.time etcd_backup.object prod/etcd- &&
		rm -f snap/snapshot.db && legacy restore -u=false &&
		hf cat latest:cp snapshot.db "${repo[@]}" &&
		same out snap/snapshot.db
}
check 'B18: imported, a backup is signed and verified like others' imports

up ETCD_FLAGS=--advertise-client-urls=http://192.0.2.1:2379
B10() {
	key=master.key configure ten && legacy backup && says out .dump
}
check 'B10: what a member advertises need not be reachable' B10
unset ETCD_FLAGS

up TLS=mutual AUTH=on MEMBERS=3
configure three
full() { # TLS, a certificate, a user and a password, and three members
	legacy backup && says out .dump
}
check 'TLS with a client certificate and a password, three members (B12)' full
B9() {
	# They are asked, and not what the members advertise; one that does not
	# answer is passed over, be it the leader's.
	local leader others
	leader=$(ctl --write-out json endpoint status --cluster | /usr/bin/python3 -c '
import json, sys
for e in json.load(sys.stdin):
    if e["Status"]["leader"] == e["Status"]["header"]["member_id"]:
        print(e["Endpoint"].rsplit(":", 1)[1])')
	others=$(tr , '\n' <<<"$ETCD_ENDPOINTS" | grep -v ":$leader$" | paste -sd,)
	ETCD_ENDPOINTS="https://127.0.0.1:1,$others" configure nine
	legacy backup -v && says out .dump &&
		ETCD_ENDPOINTS=https://127.0.0.1:1 configure nine &&
		! legacy backup && says err 127.0.0.1:1
}
check 'B9: a leader that does not answer is passed over' B9
add_unstarted() {
	ctl member add unstarted --peer-urls=https://127.0.0.1:1 >added 2>&1
	ctl member list 2>&1 | grep -qF https://127.0.0.1:1
}
B8() {
	configure eight
	# Not before the members have been in touch for five seconds.
	until_true add_unstarted && legacy backup && says out .dump
}
check 'B8: a member that was never started is no obstacle' B8

"$peers/etcd.sh" stop "$tmp/etcd"
B11() {
	local began=$SECONDS
	key=none configure eleven
	! legacy backup && [ $((SECONDS - began)) -ge 3 ] &&
		[ "$(n_objects 'eleven-*')" = 0 ]
}
check 'B11: an etcd that is gone is asked again, after waits' B11
finish
