# shellcheck shell=bash disable=SC2034 # The scenarios use what we set.
# scenario.sh: what the scenarios of the whole program share; sourced with the
# program as first argument, in a home of its own that is the current folder.
set -u
# Who runs the tests under nohup(1) ignores SIGHUP, and so would the program.
[ -n "${SCENARIO_HUP:-}" ] ||
	SCENARIO_HUP=default exec env --default-signal=HUP "$0" "$@"
unset SCENARIO_HUP
holdfast=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
peers=$here/../peers
tmp=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-scenario.XXXXXX")
started=()
trap leave EXIT
cd "$tmp" || exit 1
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache} # The peers lie there.
export HOME=$tmp XDG_CONFIG_HOME=$tmp/config HOLDFAST_STATE_DIR=$tmp/state
unset "${!HOLDFAST_@}" "${!AWS_@}" http_proxy https_proxy
export HOLDFAST_STATE_DIR=$tmp/state
count=0

# Mounts and servers go before the folder that they lie in.  What is to be
# killed must still be a child of ours: the number of one that has ended is soon
# another's, of another test's server perhaps.
leave() {
	local p
	for p in "${started[@]}"; do
		[[ $p != kill* ]] || is_child "${p##* }" || continue
		$p >/dev/null 2>&1
	done
	rm -rf "$tmp"
}
is_child() {
	local parent
	parent=$(ps -o ppid= -p "$1") && [ $((parent)) = $$ ]
}
at_end() { started=("$*" "${started[@]}"); }

# check NAME COMMAND...: one line of TAP.
check() {
	local name=$1
	shift
	count=$((count + 1))
	: >out
	: >err
	if "$@"; then
		echo "ok $count - $name"
	else
		tail -n 20 out err | sed 's/^/# /'
		echo "not ok $count - $name"
	fi
}
# skip NAME REASON: a failure where everything must be there.
skip() {
	[ "${CI:-}" != true ] || {
		check "$1: $2" false
		return
	}
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}
finish() { echo "1..$count"; }

hf() { "$holdfast" "$@" >out 2>err; }
same() { cmp -s "$1" "$2" || { echo "# $1 and $2 differ" && false; }; }
same_tree() { diff -r "$1" "$2" >differ || { sed "s,^,# ," differ && false; }; }
says() { # FILE WORDS...
	local f=$1 w
	shift
	for w in "$@"; do
		grep -qF -- "$w" "$f" || { echo "# '$w' is not in $f" && false; } ||
			return 1
	done
}

# fails STATUS WORDS... -- ARGUMENT...: the program ends with this status, all
# these words, and exactly one error.
fails() {
	local want=$1 words=() got
	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	hf "$@"
	got=$?
	[ "$got" = "$want" ] || {
		echo "# exit status $got, not $want"
		return 1
	}
	one_error && says err "${words[@]}"
}
one_error() {
	[ "$(grep -c '^holdfast: ' err)" = \
		$((1 + $(grep -cE '^holdfast: (hint|warning): ' err))) ] ||
		{ echo "# not one error" && false; }
}

# json ARGUMENT...: every line of the answer is a document.
json() {
	hf --json "$@" && [ -s "${where:-out}" ] && documents out &&
		documents err
}
documents() {
	/usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1]):
    assert isinstance(json.loads(line), dict), line' "$1"
}

# peer NAME PORT: start a real server; without it there is nothing to test.
peer() {
	"$peers/$1.sh" start "$tmp/$1" "$2" >started-as 2>&1
	case $? in
	0)
		at_end "$peers/$1.sh stop $tmp/$1"
		# shellcheck disable=SC1090 # It is made by the line above.
		. "$tmp/$1/env"
		;;
	77)
		[ "${CI:-}" != true ] || {
			echo "Bail out! $(cat started-as)"
			exit 1
		}
		echo "1..0 # SKIP $(tail -n 1 started-as)"
		exit 0
		;;
	*)
		sed 's/^/# /' started-as
		echo "Bail out! $1 does not start"
		exit 1
		;;
	esac
}

# runs PID: is it there, and no zombie?
runs() {
	local state
	state=$(ps -o stat= -p "$1") && [[ $state != Z* ]]
}
# until_true COMMAND...: wait for what must come; whoever waits in vain is told.
until_true() {
	local n
	for ((n = 0; n < 1200; n++)); do
		"$@" && return 0
		sleep 0.1
	done
	echo "# in vain: $*"
	return 1
}
# A busy machine takes its time, and an election, too.
etcdctl() {
	"$ETCD_BIN/etcdctl" --command-timeout 60s --dial-timeout 30s "$@"
}
# healthy URL: an etcd answers there, and has a leader.
healthy() { curl -sk --noproxy '*' --max-time 30 "$1/health" | grep -q true; }
# serves PID URL LOG: wait until that etcd does, or has ended.
serves() {
	until_true healthy_or_gone "$1" "$2" && healthy "$2" && return 0
	tail -n 5 "$3" | cut -c 1-300 | sed 's/^/# /'
	return 1
}
healthy_or_gone() { healthy "$2" || ! runs "$1"; }

# flip FILE OFFSET: another byte there; negative: from the end.
flip() {
	local at=$2 byte
	[ "$at" -ge 0 ] || at=$(($(stat -c %s "$1") + at))
	byte=$(od -An -tu1 -j "$at" -N 1 "$1" | tr -d ' ')
	# shellcheck disable=SC2059 # The byte is made so.
	printf "\\$(printf %03o $((byte ^ 255)))" |
		dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}
