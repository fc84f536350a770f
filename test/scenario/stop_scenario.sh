#!/bin/bash
# stop_scenario.sh HOLDFAST: runs that are interrupted or killed, and runs that
# meet others, in TAP.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
pid=

mkdir -p tree
for n in 1 2 3 4 5 6; do
	head -c 3000000 /dev/urandom >"tree/$n"
done
hf keygen --out site.key

backup() {
	hf backup "${repo[@]}" --from "tree:$tmp/tree" --source-name t
}
listed() { hf list --json "${repo[@]}" && wc -l <out; }
is_listed() { # COUNT
	local n
	n=$(listed)
	[ "$n" = "$1" ] || { echo "# $n backups, not $1" && false; }
}

# A backup whose source has given something and waits: a pipe that stays open.
waits() {
	rm -f pipe
	mkfifo pipe
	"$holdfast" backup "${repo[@]}" --from stream:- --source-name p \
		<pipe >out 2>err &
	pid=$!
	exec 8>pipe
	cat tree/1 tree/2 tree/3 >&8
}
ends() { # SIGNAL STATUS
	kill "-$1" "$pid"
	wait "$pid" 2>/dev/null
	local got=$?
	exec 8>&-
	[ $got = "$2" ] || { echo "# exit status $got, not $2" && false; }
}
interrupted() { # SIGNAL
	waits && ends "$1" 13 && one_error && is_listed 1 &&
		hf verify --level 1 "${repo[@]}"
}
killed() {
	waits && ends KILL 137 && is_listed 1 && hf verify "${repo[@]}" &&
		backup && is_listed 2 && hf verify latest --level 3 "${repo[@]}"
}

# Stopped as soon as something lies beside the target.
restore_stopped() { # SIGNAL STATUS TARGET
	"$holdfast" restore latest:t --to "$3" --overwrite "${repo[@]}" \
		>out 2>err &
	pid=$!
	for _ in $(seq 500); do
		[ -z "$(find . -maxdepth 1 -name "*$3*" ! -name "$3")" ] ||
			break
		kill -0 $pid 2>/dev/null || break
		sleep 0.002
	done
	kill "-$1" "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	local got=$?
	# It may have been faster than we.
	[ $got = 0 ] || [ $got = "$2" ] || {
		echo "# exit status $got, not $2"
		return 1
	}
	[ $got = 0 ] || [ "$(cat "$3/mine")" = mine ]
}
restore_again() { # SIGNAL STATUS
	mkdir -p "target$1"
	echo mine >"target$1/mine"
	restore_stopped "$1" "$2" "target$1" &&
		hf restore latest:t --to "target$1" --overwrite "${repo[@]}" &&
		same_tree tree "target$1"
}

two_hosts() {
	local a b n
	n=$(listed)
	HOLDFAST_STATE_DIR=$tmp/host2 "$holdfast" backup "${repo[@]}" \
		--host two --from "tree:$tmp/tree" --source-name two \
		>out2 2>err2 &
	b=$!
	backup
	a=$?
	wait $b || { sed 's/^/# /' err2 && return 1; }
	[ $a = 0 ] && is_listed $((n + 2)) && hf verify --level 2 "${repo[@]}"
}
two_of_one_host() {
	local n
	n=$(listed)
	"$holdfast" backup "${repo[@]}" --from "tree:$tmp/tree" \
		--source-name other >out2 2>err2 &
	backup && wait $! && is_listed $((n + 2)) &&
		hf verify --level 0 "${repo[@]}"
}

# What a running backup has stored is nobody's yet, and must not be collected.
prune_beside() {
	waits && hf prune --keep-last 1 --undo-window 0s "${repo[@]}" || return 1
	exec 8>&-
	wait "$pid" && hf verify latest:p --level 3 "${repo[@]}" &&
		hf cat latest:p "${repo[@]}" &&
		cat tree/1 tree/2 tree/3 | cmp - out
}
two_prunes() {
	local other
	backup && backup && backup || return 1
	"$holdfast" prune --keep-last 1 "${repo[@]}" >out2 2>err2 &
	other=$!
	hf prune --keep-last 1 "${repo[@]}" || return 1
	wait $other || { sed 's/^/# /' err2 && return 1; }
	hf list "${repo[@]}" t && [ "$(grep -c ' t ' out)" = 1 ] &&
		hf verify --level 2 "${repo[@]}"
}
# Two days later nobody can undo it, nor waits for a packless backup.
collected() {
	local before
	before=$(find repo -name '*.hfp' | wc -l)
	find repo -type f -exec touch -d '10 days ago' {} +
	hf prune --keep-last 1 --undo-window 0s "${repo[@]}" &&
		[ "$(find repo -name '*.hfp' | wc -l)" -lt "$before" ] &&
		hf verify --level 3 "${repo[@]}" &&
		hf restore latest:t --to last "${repo[@]}" && same_tree tree last
}

begin() { hf init "${repo[@]}" && backup && is_listed 1; }
check "a repository, a backup" begin
check "SIGINT ends a backup: nothing half-written is listed" interrupted INT
check "SIGTERM likewise" interrupted TERM
check "SIGHUP likewise: the terminal has gone" interrupted HUP
check "SIGKILL likewise, and the next run is fine" killed
check "SIGINT ends a restore: the target is as it was" restore_again INT 13
check "SIGKILL likewise, and the next run is fine" restore_again KILL 137
check "two hosts write at once" two_hosts
check "two runs of one host at once" two_of_one_host
check "a prune beside a running backup" prune_beside
check "two prunes at once" two_prunes
check "what nobody needs is collected, and the rest is whole" collected
finish
