# shellcheck shell=bash
# power_lib.sh: what the tests of a power cut share.  Such a script gets the
# paths of holdfast and of power (power.c) and looks like this:
#
#	. "$(dirname "$0")/power_lib.sh"
#	fresh() { ...make what is there before, in $ROOT; }
#	run() { record backup ...; }
#	check() { ...fail unless what is left is sound; `ended` if run had; }
#	power_each 'a backup that ...' fresh run check
#	crash_done
#
# power_killed takes the same: the run is killed somewhere, and run again until
# it ends well; then the power goes.  What the first has left without a sync is
# no safer for having been found there by the second.
#
# All that the program has lies in $ROOT: its state, configuration and keys,
# too.  Of all states that a power cut may leave, so many are tried, the same
# ones each time; with HOLDFAST_POWER=all, all of them.
# No sync needs to be waited for: it is the log that counts.
[ ! -w /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
# shellcheck source=test/crash/lib.sh
. "$(dirname "$0")/lib.sh"
POWER=$2
MOST=${MOST_STATES:-12}
[ "${HOLDFAST_POWER:-}" != all ] || MOST=0
ROOT=$DIR/live
LOG=$DIR/log
export HOME=$ROOT/home XDG_CONFIG_HOME=$ROOT/config XDG_STATE_HOME=$ROOT/state
# The recorder comes before the sanitizer; other tests look for leaks.
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0

how=() # of `power run`

# record ARGUMENT...: the program, recorded.
record() {
	"$POWER" run "${how[@]}" "$ROOT" "$LOG" "$HOLDFAST_FAULT_BIN" "$@"
}

# ended: had the run ended well when the power went?
ended() { [ "$(tail -n 1 "$DIR/said")" = 'exit 0' ]; }

# The log must tell all that happened, or the states are worth nothing.
log_is_true() {
	"$POWER" build "$LOG" "$DIR/built" >"$DIR/said" &&
		diff -r --no-dereference "$ROOT" "$DIR/built" && ended
}

# try_states SENTENCE CHECK: each of $DIR/states; counts in $bad.
try_states() {
	local cut state n

	while read -r cut state n; do
		rm -rf "$ROOT"
		"$POWER" build "$LOG" "$cut" "$state" "$n" "$ROOT" >"$DIR/said"
		"$1" >"$DIR.log" 2>&1 && continue
		bad=$((bad + 1))
		echo "# not sound when the power goes behind this," \
			"in the state $state $n:"
		"$POWER" show "$LOG" "$cut" | tail -n 8 | sed 's/^/#   /'
		tail -n 12 "$DIR.log" | sed 's/^/#     /'
	done < <(sed '$d' "$DIR/states")
}

# prepared FRESH RUN: 0 if both are done, and the log is true.
prepared() {
	rm -rf "${DIR:?}"/*
	mkdir "$ROOT"
	{
		"$1" && cp -a "$ROOT" "$DIR/before" && "$2" && log_is_true
	} >"$DIR.log" 2>&1 && return
	sed 's/^/#   /' "$DIR.log"
	return 1
}

# power_each SENTENCE FRESH RUN CHECK
power_each() {
	local bad=0

	if prepared "$2" "$3"; then
		"$POWER" states "$LOG" "$MOST" >"$DIR/states"
		try_states "$4"
		echo "# $1: $(sed '$d' "$DIR/states" | wc -l)" \
			"of $(tail -n 1 "$DIR/states") states"
	else
		bad=1
	fi
	crash_result $bad "$1"
}

# few N COMMAND...: try no more than N states at a time.
few() {
	local MOST=$((MOST < $1 ? MOST : $1))
	"${@:2}"
}

# killing_points: of the records that the run has made, some from its begin to
# its end, and some, above all the last, behind which something has a name that
# nobody has synced yet.
killing_points() {
	"$POWER" show "$LOG" 999999 | awk -v all=$((MOST == 0)) \
		-v some=$((MOST < 6 ? MOST : 6)) '
		$2 == "begin" { begun = 1; next }
		!begun || !/^[0-9]+ / || $2 == "said" || $2 == "exit" { next }
		{ n++ }
		$2 == "name" || $2 == "rename" { named[++k] = n }
		END {
			for (i = 1; i <= n; i += all ? 1 : int(n / some) + 1)
				kill[i] = 1
			for (i = k; i > 0; i -= i > k - some / 2 ? 1 : int(k / 4) + 1)
				kill[named[i]] = 1
			for (i = 1; i <= n; i++)
				if (i in kill)
					print i
		}'
}

# power_killed SENTENCE FRESH RUN CHECK
power_killed() {
	local bad=0 n kills=0

	: >"$DIR.kill"
	if prepared "$2" "$3"; then killing_points >"$DIR.kill"; fi
	while read -r n; do
		rm -rf "$ROOT"
		cp -a "$DIR/before" "$ROOT"
		how=(-k "$n")
		"$3" >"$DIR.log" 2>&1
		[ $? != $KILLED ] || kills=$((kills + 1))
		how=(-a)
		"$3" >>"$DIR.log" 2>&1
		"$POWER" states -e "$LOG" "$MOST" >"$DIR/states"
		try_states "$4"
	done <"$DIR.kill"
	how=()
	echo "# $1: killed $kills times"
	[ $kills -gt 2 ] || bad=1
	crash_result $bad "$1"
}
