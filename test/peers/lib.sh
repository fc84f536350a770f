# shellcheck shell=bash disable=SC2034 # The scripts use what we set.
# lib.sh: what the scripts beside it share; sourced by them, never run.
#
# Every script NAME.sh installs, starts and stops one real server for tests:
#
#	NAME.sh install		get the program once (packages, or a build into
#				the cache); returns at once when it is there
#	NAME.sh start DIR PORT	run it on 127.0.0.1:PORT with all its data in DIR;
#				returns when it answers; prints NAME=VALUE lines
#				that say how to reach it, also kept in DIR/env
#	NAME.sh stop DIR	end it, by pid file; returns when it is gone
#	NAME.sh status DIR	pid and memory of each process; 1 if one is dead
#
# Exit status: 0 done, 1 failed (the cause on stderr), 2 usage, 77 the program
# is not installed (the command that installs it on stderr).
set -eu

PEER=$(basename "$0" .sh)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast-peers
VERB=${1:-}
DIR=
PORT=

die() {
	echo "$PEER: $*" >&2
	exit 1
}

# The arguments, checked; every script begins with this.
peer_args() {
	case $VERB in
	install) return ;;
	start) [ $# -eq 3 ] || peer_usage ;;
	stop | status) [ $# -eq 2 ] || peer_usage ;;
	*) peer_usage ;;
	esac
	if [ "$VERB" != start ] && [ ! -d "$2" ]; then
		exit 0
	fi
	mkdir -p "$2/run" "$2/log"
	DIR=$(cd "$2" && pwd)
	PORT=${3:-}
}

peer_usage() {
	echo "usage: $PEER.sh install | start DIR PORT | stop DIR | status DIR" >&2
	exit 2
}

# missing: leave with 77 and the remedy.
missing() {
	echo "$PEER is not installed; run: test/peers/$PEER.sh install" >&2
	exit 77
}

# apt_install PACKAGE...: as root, or through sudo.
apt_install() {
	local run=()
	[ "$(id -u)" = 0 ] || run=(sudo)
	"${run[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -o DPkg::Lock::Timeout=300 -qq install -y \
		--no-install-recommends "$@" >&2
}

# alive NAME: does the process that we started as NAME still run?  A zombie has
# a pid and no command line, and serves nobody; and the number of one that has
# ended is soon another's, whom nobody may stop.  Before it is the server, it is
# this script.
alive() {
	[ -s "$DIR/run/$1.pid" ] || return 1
	grep -qaF -e "$DIR" -e "/$PEER.sh" \
		"/proc/$(cat "$DIR/run/$1.pid")/cmdline" 2>/dev/null
}

# spawn NAME COMMAND...: run in the background, with a pid file and a log.  In
# its own session, so that an interrupt at the terminal stops the test first.
spawn() {
	local name=$1
	shift
	! alive "$name" || die "$name runs already in $DIR"
	setsid "$@" >"$DIR/log/$name.log" 2>&1 </dev/null 9>&- &
	echo $! >"$DIR/run/$name.pid"
}

# halt NAME: TERM, and after thirty seconds KILL.
halt() {
	local pid i
	[ -s "$DIR/run/$1.pid" ] || return 0
	pid=$(cat "$DIR/run/$1.pid")
	! alive "$1" || kill "$pid" 2>/dev/null || :
	for ((i = 0; i < 600; i++)); do
		alive "$1" || break
		sleep 0.05
	done
	# It keeps its port until it is gone.
	while alive "$1"; do
		kill -9 "$pid" 2>/dev/null || :
		sleep 0.05
	done
	rm -f "$DIR/run/$1.pid"
}

# tell_death NAME: its last words.
tell_death() {
	echo "$PEER: $1 ended at once:" >&2
	tail -5 "$DIR/log/$1.log" >&2
}

# port_free PORT...: a server that was left behind would answer in ours' place.
port_free() {
	local p
	for p in "$@"; do
		if (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
			die "port $p is taken"
		fi
	done
}

# await NAME COMMAND...: until COMMAND succeeds; fails if NAME ends, or hangs.
await() {
	local name=$1 i
	shift
	for ((i = 0; i < 2400; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		alive "$name" || {
			tell_death "$name"
			return 1
		}
		sleep 0.05
	done
	echo "$PEER: $name did not answer in time" >&2
	return 1
}

# answers URL: does anything speak HTTP there?  The status does not matter.
answers() {
	curl -sk --noproxy '*' -o /dev/null --max-time 30 "$1"
}

# tell NAME=VALUE...: what a test must know, to stdout and DIR/env.
tell() {
	printf '%s\n' "$@" | tee "$DIR/env"
}

# show_status: the verb status.
show_status() {
	local f name bad=0
	for f in "$DIR"/run/*.pid; do
		[ -e "$f" ] || continue
		name=$(basename "$f" .pid)
		if alive "$name"; then
			echo "$name pid $(cat "$f") rss $(ps -o rss= \
				-p "$(cat "$f")" | tr -d ' ') kB"
		else
			echo "$name dead"
			bad=1
		fi
	done
	return $bad
}

# make_tls: DIR/tls/ca.pem, and cert.pem with key.pem for localhost,
# *.localhost and 127.0.0.1; a second, unrelated CA in other-ca.pem.
make_tls() {
	[ ! -s "$DIR/tls/cert.pem" ] || return 0
	mkdir -p "$DIR/tls"
	(
		cd "$DIR/tls"
		umask 077
		for ca in ca other-ca; do
			openssl req -x509 -newkey ec -nodes -days 3650 \
				-pkeyopt ec_paramgen_curve:P-256 \
				-subj "/CN=holdfast test $ca" \
				-keyout $ca.key -out $ca.pem
		done
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-subj /CN=localhost -keyout key.pem -out csr.pem
		echo 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1' >ext
		openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key \
			-CAcreateserial -days 3650 -extfile ext -out cert.pem.new
		mv cert.pem.new cert.pem
	) 2>/dev/null || die "openssl cannot make certificates in $DIR/tls"
}

# s3_put PATH [BODY]: a signed PUT to the S3 server on PORT by its owner, with
# the keys in OWNER ("ID:SECRET"): makes buckets and policies.
s3_put() {
	local sum
	sum=$(printf '%s' "${2:-}" | sha256sum | cut -d' ' -f1)
	curl -sSf --noproxy '*' -o /dev/null -X PUT --user "$OWNER" \
		--aws-sigv4 aws:amz:us-east-1:s3 -H 'Content-Type: application/json' \
		-H "x-amz-content-sha256: $sum" --data-binary "${2:-}" \
		"http://127.0.0.1:$PORT/$1" || die "cannot put $1"
}

# write_only BUCKET PRINCIPAL: let PRINCIPAL put there, and nothing else.  The
# Deny is for Ceph, where whoever wrote an object may read it.
write_only() {
	s3_put "$1?policy=" "{\"Version\":\"2012-10-17\",\"Statement\":[
{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"$2\"]},
\"Action\":[\"s3:PutObject\"],\"Resource\":[\"arn:aws:s3:::$1/*\"]},
{\"Effect\":\"Deny\",\"Principal\":{\"AWS\":[\"$2\"]},
\"Action\":[\"s3:GetObject\",\"s3:DeleteObject\"],
\"Resource\":[\"arn:aws:s3:::$1/*\"]}]}"
}
