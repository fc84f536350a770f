# shellcheck shell=bash
# lib.sh: what every NAME_crash.sh sources.  Such a script gets the path of
# holdfast-fault as its argument and looks like this:
#
#	. "$(dirname "$0")/lib.sh"
#	fresh() { ...make $DIR as it is before the run, from nothing; }
#	run() { holdfast backup ...; }
#	check() { ...fail unless what is left after a kill is sound; }
#	crash_each 'a backup that is killed ...' kill fresh run check
#	crash_done
#
# $DIR is a folder of the test's own; the configuration and the state of the
# program are in there, too.
set -u

HOLDFAST_FAULT_BIN=$1
DIR=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-crash-XXXXXX")
trap 'rm -rf "$DIR" "$DIR".*' EXIT
export HOME=$DIR/home XDG_CONFIG_HOME=$DIR/config XDG_STATE_HOME=$DIR/state
unset HOLDFAST_FAULT HOLDFAST_CONFIG HOLDFAST_REPO
KILLED=137
# More writes than any of the small runs here has.
MOST=500
tests=0

holdfast() {
	"$HOLDFAST_FAULT_BIN" "$@"
}

# One line of TAP; 0 is good.
crash_result() {
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
	fi
}

# crash_once KIND N FRESH RUN CHECK: 0 if the run was killed and CHECK is
# content, 10 if it got through and CHECK is content, 1 otherwise.
crash_once() {
	local status

	rm -rf "${DIR:?}"/*
	"$3" >"$DIR.log" 2>&1 || {
		echo "# $1:$2: could not be prepared"
		return 1
	}
	HOLDFAST_FAULT=$1:$2 "$4" >>"$DIR.log" 2>&1
	status=$?
	if [ $status != 0 ] && [ $status != $KILLED ]; then
		echo "# $1:$2: exit status $status"
		return 1
	fi
	if ! "$5" $status >>"$DIR.log" 2>&1; then
		echo "# $1:$2: what is left is not sound (status $status)"
		return 1
	fi
	[ $status = $KILLED ] || return 10
}

# crash_each SENTENCE KIND FRESH RUN CHECK: kill RUN at its first write, its
# second, ... until it gets through.  CHECK gets the run's exit status.
crash_each() {
	local n rc

	for ((n = 1; n <= MOST; n++)); do
		crash_once "$2" $n "$3" "$4" "$5"
		rc=$?
		[ $rc = 0 ] && continue
		if [ $rc = 10 ] && [ $n -gt 1 ]; then
			echo "# $1: $((n - 1)) times"
			crash_result 0 "$1"
		else
			# A run without a write proves nothing.
			[ $rc = 10 ] && echo "# it was never killed"
			sed 's/^/#   /' "$DIR.log"
			crash_result 1 "$1"
		fi
		return
	done
	echo "# more than $MOST writes"
	crash_result 1 "$1"
}

crash_done() {
	echo "1..$tests"
}
