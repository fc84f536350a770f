#!/bin/bash
# program_crash.sh HOLDFAST-FAULT: the program itself, killed at every write.
. "$(dirname "$0")/lib.sh"

REPO="--repo=file:$DIR/repo"

source_tree() {
	mkdir -p "$DIR/src/sub"
	echo one >"$DIR/src/a"
	head -c 1500000 /dev/urandom >"$DIR/src/sub/b"
}

nothing() { source_tree; }

one_backup() {
	source_tree
	holdfast init "$REPO" && holdfast backup "$REPO" --from "tree:$DIR/src"
}

init() { holdfast init "$REPO"; }

backup() { holdfast backup "$REPO" --from "tree:$DIR/src"; }

rotate() { holdfast rotate-key "file:$DIR/new.key" "$REPO"; }

remove() { holdfast prune "$REPO" --keep-last 1; }

two_backups() { one_backup && backup; }

a_new_key() { one_backup && holdfast keygen --out "$DIR/new.key"; }

# backups N: nothing is wrong, and there are at least N backups.
backups() {
	holdfast verify "$REPO" --level 3 &&
		[ "$(holdfast list "$REPO" --json | wc -l)" -ge "$1" ]
}

comes_back() {
	rm -rf "$DIR/out"
	holdfast restore latest "$REPO" --to "$DIR/out" &&
		diff -r "$DIR/src" "$DIR/out"
}

init_again() {
	# Killed behind its last write it is done, and says that it is.
	holdfast init "$REPO" || [ $? = 5 ]
	backup && comes_back
}

whole() { backups 1 && backup && comes_back; }

opened_by_both() {
	comes_back && rotate && holdfast cat latest a "$REPO" \
		--key "file:$DIR/new.key" | cmp - "$DIR/src/a"
}

crash_each 'init, killed, is run again' kill nothing init init_again
crash_each 'a backup that is killed is not there' \
	kill one_backup backup whole
crash_each 'a backup killed right behind a write is whole or not there' \
	kill-after one_backup backup whole
crash_each 'a rotation that is killed leaves the old key' \
	kill a_new_key rotate opened_by_both
crash_each 'a prune that is killed leaves the newest backup' \
	kill two_backups remove whole
crash_done
