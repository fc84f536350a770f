#!/bin/bash
# etcd_scenario.sh VERSION PORT READ FILL: the etcd source against real servers of one
# version, in TAP.  READ and FILL are the programs etcd_read and etcd_fill.
set -u
export ETCD=$1
port=$2 read=$3 fill=$4
peer=$(cd "$(dirname "$0")/../peers" && pwd)/etcd.sh
tmp=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-etcd.XXXXXX")
trap '"$peer" stop "$tmp/etcd"; rm -rf "$tmp"' EXIT
count=0
unset ETCDCTL_API

# How a server is started: up [NAME=VALUE...]
up() {
	"$peer" stop "$tmp/etcd"
	env "$@" "$peer" start "$tmp/etcd" "$port" >"$tmp/start" 2>&1
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
}

# take STATUS NAME=VALUE...: read, and expect the exit status.
take() {
	local want=$1 got
	shift
	rm -f "$tmp/snapshot.db"
	"$read" "$tmp/snapshot.db" "endpoints=$ETCD_ENDPOINTS" form=snapshot "$@" \
		>"$tmp/out" 2>"$tmp/err"
	got=$?
	[ "$got" = "$want" ] || {
		echo "# exit status $got, not $want"
		return 1
	}
}

# fact NAME: a piece of evidence, or what came as the entry.
fact() { sed -n "s/^$1=//p" "$tmp/out"; }

# says FILE WORDS: fails with the file shown.
says() {
	grep -qF -- "$2" "$tmp/$1" || {
		echo "# '$2' is not in $1"
		return 1
	}
}

# whole: etcd's own tool accepts the file, and its hash is what we said.
whole() {
	local sum tool=$ETCD_BIN/etcdutl
	sum=$(sha256sum "$tmp/snapshot.db" | cut -d ' ' -f 1)
	[ "$sum" = "$(fact entry.sha256)" ] || return 1
	[ "$(tail -c 32 "$tmp/snapshot.db" | od -An -v -tx1 | tr -d ' \n')" = \
		"$(fact etcd.sha256)" ] || return 1
	[ -x "$tool" ] || tool=$ETCD_BIN/etcdctl
	rm -rf "$tmp/restored"
	"$tool" snapshot status "$tmp/snapshot.db" >"$tmp/tool" 2>&1 &&
		"$tool" snapshot restore "$tmp/snapshot.db" \
			--data-dir "$tmp/restored" >>"$tmp/tool" 2>&1 &&
		return 0
	tail -n 3 "$tmp/tool" | sed 's/^/# /'
	return 1
}

# check NAME COMMAND...: one line of TAP.
check() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $ETCD: $name"
	else
		[ ! -s "$tmp/err" ] || sed 's/^/# /' "$tmp/err"
		[ ! -s "$tmp/out" ] || sed 's/^/# /' "$tmp/out"
		echo "not ok $count - $ETCD: $name"
	fi
}

reads() { take 0 "$@" && whole; }
refuses() { # STATUS WORDS NAME=VALUE...
	local status=$1 words=$2
	shift 2
	take "$status" "$@" && says err "$words"
}

plain() {
	reads && [ "$(fact entry.path)" = snapshot.db ] &&
		[ "$(fact entry.mode)" = 600 ] && says out "etcd.leader=true" &&
		says out etcd.note.member && says out "etcd.alarms=none" &&
		says out "etcd.members=1" && says out "etcd.version=$ETCD." &&
		[ "$(fact etcd.revision.at_least)" -ge 64 ]
}
probes() { "$read" - "endpoints=$ETCD_ENDPOINTS" form=snapshot "$@" 2>"$tmp/err"; }
finds() { # WORDS NAME=VALUE...
	local words=$1
	shift
	probes "$@"
	[ $? = 3 ] && says err "$words"
}

# A sink takes its first bytes, and nothing more before the server is killed.
# It is killed once the thread that reads it has ended: it has delivered, so it
# did not wait.  Nothing of the spool has a name.
slow() {
	ON_FIRST_BYTES="until [ \$(ls /proc/\$PPID/task | wc -l) = 1 ]; do
		sleep 0.05; done; kill -9 $(cat "$tmp/etcd/run/m0.pid")" \
		TMPDIR=$tmp reads &&
		[ -z "$(fact etcd.note.spool)" ] &&
		[ -z "$(find "$tmp" -mindepth 1 -name 'holdfast-*')" ]
}
no_spool() {
	SLOW_MS=60 TMPDIR=$tmp/none reads && says out etcd.note.spool
}

# alarm ACTION TYPE: through the gateway, for member 1 of the cluster.
alarm() {
	local id
	id=$(printf '%u' "0x$(fact etcd.member)")
	curl -fsS --noproxy '*' -o /dev/null "${ETCD_ENDPOINTS%%,*}/v3/maintenance/alarm" \
		-d "{\"action\":$1,\"memberID\":$id,\"alarm\":$2}"
}

corrupt() {
	alarm 1 2 && refuses 12 CORRUPT && says err "hint: " &&
		reads allow_corrupt=true && says out "CORRUPT of" && alarm 2 2
}
nospace() {
	alarm 1 1 && reads && says out "etcd.alarms=NOSPACE of" &&
		finds NOSPACE && alarm 2 1
}

# The server dies in the midst of the stream.
killed() {
	ON_FIRST_BYTES="kill -9 $(cat "$tmp/etcd/run/m0.pid")" take 9 &&
		[ -z "$(fact entry.path)" ]
}

tls_to_clear() {
	local ETCD_ENDPOINTS=${ETCD_ENDPOINTS/http:/https:}
	refuses 9 "http://"
}

filled() {
	up
	"$fill" "$ETCD_ENDPOINTS" 64 || {
		echo "Bail out! cannot fill etcd $ETCD"
		exit 1
	}
}

single() {
	filled
	check "a snapshot that etcd's own tool restores" plain
	check "a probe finds nothing" probes
	check "without a place for the spool it is slower, and says so" no_spool
	check "CORRUPT is refused unless allowed" corrupt
	check "NOSPACE is noted" nospace
	check "TLS where there is none" tls_to_clear
	check "a user where authentication is off" reads user=root \
		"password=file:$tmp/good"
	check "a server killed in the midst of the stream" killed
	filled
	check "a slow sink does not slow the server" slow
	check "a server that is not there" refuses 9 "127.0.0.1:$port"
}

tls() {
	up TLS=server
	check "TLS" reads "ca=$ETCD_CA"
	check "a wrong authority" refuses 2 "hint: the option 'ca'" \
		"ca=$ETCD_OTHER_CA"
	check "no authority" refuses 2 "hint: the option 'ca'"
	check "no file of an authority" refuses 2 "'ca'" "ca=$tmp/none"
	ETCD_ENDPOINTS=${ETCD_ENDPOINTS/https/http}
	check "no TLS where there is some" refuses 9 "https://"
}

# 6, or 9 when the server's alert has got lost; the hint is the same.
no_certificate() {
	local n
	for n in 1 2 3 4 5; do
		if take 6 "ca=$ETCD_CA" >/dev/null ||
			take 9 "ca=$ETCD_CA" >/dev/null; then
			says err "give the options 'cert'"
			return
		fi
	done
	return "$n"
}

mutual() {
	up TLS=mutual
	local mine=("ca=$ETCD_CA" "cert=$ETCD_CERT" "key=$ETCD_KEY")
	check "client certificates" reads "${mine[@]}"
	check "a client certificate is missing" no_certificate
	check "certificate and key of two pairs" refuses 2 "belong together" \
		"ca=$ETCD_CA" "cert=$ETCD_CERT" "key=$ETCD_READER_KEY"
	check "a certificate without its key" refuses 2 "'key'" \
		"ca=$ETCD_CA" "cert=$ETCD_CERT"
	openssl x509 -req -in "$tmp/etcd/tls/root.csr" -days 3 \
		-CA "$ETCD_CA" -CAkey "$tmp/etcd/tls/ca.key" -CAcreateserial \
		-out "$tmp/short.pem" 2>/dev/null
	check "a certificate that ends soon is found" finds "expires in" \
		"ca=$ETCD_CA" "cert=$tmp/short.pem" "key=$ETCD_KEY"
}

hidden() { refuses "$@" && ! grep -q secretpw "$tmp/err"; }

auth() {
	up AUTH=on
	check "user and password" reads user=root "password=file:$tmp/good"
	check "a wrong password" hidden 6 "check 'user' and 'password'" \
		user=root "password=file:$tmp/bad"
	check "no user" refuses 6 "authentication is on"
	check "a user without the role root" refuses 6 "role 'root'" \
		user=reader "password=file:$tmp/reader"
	check "a password in the clear" refuses 2 password user=root \
		password=rootpw
	up AUTH=on TLS=mutual
	check "user, password and client certificate" reads \
		user=root "password=file:$tmp/good" "ca=$ETCD_CA" \
		"cert=$ETCD_READER_CERT" "key=$ETCD_READER_KEY"
	check "the certificate's name as user" reads "ca=$ETCD_CA" \
		"cert=$ETCD_CERT" "key=$ETCD_KEY"
	check "the certificate of a user without the role root" refuses 6 \
		"role 'root'" "ca=$ETCD_CA" "cert=$ETCD_READER_CERT" \
		"key=$ETCD_READER_KEY"
}

follower() {
	reads && says out "etcd.leader=false" && says out "etcd.members=3" &&
		! grep -q etcd.note.member "$tmp/out"
}
pid_of() { cat "$tmp/etcd/run/m$1.pid"; }
# Those that are there: the number of one that is not may be another's.
kill_members() { # MEMBER...
	local m
	for m in "$@"; do
		! grep -qaF "$tmp" "/proc/$(pid_of "$m")/cmdline" 2>/dev/null ||
			kill -9 "$(pid_of "$m")"
	done
}
# Under eight names it is eight endpoints; five seconds are waited for each.
hanging() {
	local start=$SECONDS rc n first=${ETCD_ENDPOINTS%%,*} all=$ETCD_ENDPOINTS
	kill -STOP "$(pid_of 0)"
	for n in localhost LOCALHOST 127.1 127.0.1 2130706433 0x7f000001 \
		017700000001; do
		all=${first/127.0.0.1/$n},$all
	done
	ETCD_ENDPOINTS=$all reads
	rc=$?
	kill -CONT "$(pid_of 0)"
	[ "$rc" = 0 ] && [ $((SECONDS - start)) -lt 40 ]
}
members() {
	local leader
	up MEMBERS=3
	check "a follower of three" follower
	local all=$ETCD_ENDPOINTS
	check "members that hang cost their time once" hanging
	# Whoever answers the second time is not the one that was killed.
	leader=$(fact etcd.endpoint)
	kill_members $(((${leader##*:} - port) / 2))
	check "one member down" reads
	check "a probe names the member that is down" finds "$leader"
	kill_members 0 1 2
	check "all down: each is named" refuses 9 "$port"
	ETCD_ENDPOINTS=$all
	up MEMBERS=3
	kill_members 0 1
	await_no_leader
	check "no leader" refuses 9 "no leader"
}

# What is left of the cluster must first notice.
await_no_leader() {
	local i
	for ((i = 0; i < 1200; i++)); do
		"$read" - "endpoints=$ETCD_ENDPOINTS" 2>&1 |
			grep -q 'no leader' && return
		sleep 0.1
	done
}

printf rootpw >"$tmp/good"
printf readerpw >"$tmp/reader"
printf secretpw >"$tmp/bad"
chmod 600 "$tmp"/good "$tmp"/reader "$tmp"/bad
single
tls
mutual
auth
members
echo "1..$count"
