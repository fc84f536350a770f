#!/bin/bash
# power_crash.sh HOLDFAST POWER: the power goes while the program works, or
# right after it has said that it is done.
# shellcheck source=test/crash/power_lib.sh
. "$(dirname "$0")/power_lib.sh"

REPO="--repo=file:$ROOT/repo"

# Small, and of several kinds; a change later makes another backup of it.
source_tree() {
	mkdir -p "$ROOT/src/sub/deep"
	echo one >"$ROOT/src/a"
	head -c 9000 /dev/urandom >"$ROOT/src/sub/b"
	head -c 700 /dev/urandom >"$ROOT/src/sub/deep/c"
	ln -s sub/b "$ROOT/src/link"
	ln "$ROOT/src/a" "$ROOT/src/hard"
	chmod 711 "$ROOT/src" && chmod 750 "$ROOT/src/sub/deep" &&
		chmod 4751 "$ROOT/src/a" && chmod 2440 "$ROOT/src/sub/b"
	setfattr -n user.file -v f "$ROOT/src/sub/b"
	setfattr -n user.folder -v d "$ROOT/src/sub"
	# Folders last, and older than what lies in them.
	touch -h -d '2001-02-03 04:05:06.789012345' "$ROOT/src/link" \
		"$ROOT/src/sub/b" "$ROOT/src/sub/deep" "$ROOT/src/sub"
}
other_tree() {
	head -c 9000 /dev/urandom >"$ROOT/src/sub/$1" && echo "$1" >>"$ROOT/src/a"
}
# like FOLDER: what there is, but for the bytes.
like() {
	(cd "$1" && find . -printf '%P %y %m %U:%G %n %T@ %l\n' | sort &&
		find . | sort | xargs getfattr -h -d -m '^user\.')
}
source_is() {
	diff -r --no-dereference "$ROOT/src" "$1" &&
		diff <(like "$ROOT/src") <(like "$1")
}

backup() { holdfast backup "$REPO" --from "tree:$ROOT/src"; }
with_repo() { source_tree && holdfast init "$REPO"; }
with_backup() { with_repo && backup; }
with_two() { with_backup && other_tree two && backup; }
with_three() { with_two && other_tree three && backup; }

KEYS=() # Those that are needed, if it is not the default one alone.
whole() { holdfast verify "$REPO" --level 3 "${KEYS[@]}"; }
# backups N: nothing is wrong, and there are N backups.
backups() {
	whole && [ "$(holdfast list "$REPO" --json | wc -l)" = "$1" ]
}
# comes_back [OPTION...]: the newest backup is what is there now.
comes_back() {
	rm -rf "$ROOT/back"
	holdfast restore latest "$REPO" --to "$ROOT/back" "${KEYS[@]}" "$@" &&
		source_is "$ROOT/back"
}
goes_on() { backup && comes_back; }

init() { record init "$REPO"; }
init_check() {
	if ended; then
		holdfast list "$REPO"
	else
		# Behind its last step it is done, and says that it is.
		holdfast init "$REPO" || [ $? = 5 ]
	fi && goes_on && backups 1
}
power_each 'init' source_tree init init_check
power_killed 'init, killed before' source_tree init init_check

first() { record backup "$REPO" --from "tree:$ROOT/src"; }
first_check() {
	if ended; then backups 1 && comes_back; fi && goes_on && whole
}
power_each 'a first backup' with_repo first first_check

# A file that was written within two seconds is read again.
changed() {
	source_tree && sleep 3 && holdfast init "$REPO" && backup &&
		other_tree two
}
# Nothing is recorded of the list: it may keep no copies.
second() {
	first && holdfast list "$REPO" --cache none --json |
		grep '"increment"'
}
second_check() {
	if ended; then
		backups 2 && comes_back
	else
		backups 1 || backups 2
	fi && goes_on && whole
}
power_each 'an increment' changed second second_check
# The killed one may have got through.
again_check() { { backups 2 || backups 3; } && comes_back && goes_on; }
power_killed 'a backup, killed before' with_backup first again_check

prune() { record prune "$REPO" --keep-last 1; }
# Three are listed, two of them as removed.
is_removed() {
	[ "$(holdfast list "$REPO" --removed --json |
		grep -c '"removed": *true')" = 2 ]
}
prune_check() {
	whole && comes_back && { ! ended || is_removed; } &&
		holdfast prune "$REPO" --keep-last 1 && is_removed && goes_on
}
power_each 'a prune that removes' with_three prune prune_check

removed() {
	with_backup &&
		PACKS=$(find "$ROOT/repo/hf1/main/p" -type f | wc -l) &&
		other_tree two && backup && other_tree three && backup &&
		holdfast prune "$REPO" --keep-last 1 &&
		find "$ROOT/repo" -type f -exec touch -d '-60 days' {} +
}
erase() { record prune "$REPO" --keep-last 1 --undo-window 0s; }
# One manifest and its packs are left.
is_erased() {
	[ "$(find "$ROOT/repo/hf1/main/s" -type f | wc -l)" = 1 ] &&
		[ "$(find "$ROOT/repo/hf1/main/p" -type f | wc -l)" = "$PACKS" ]
}
erase_check() {
	whole && comes_back && { ! ended || is_erased; } &&
		holdfast prune "$REPO" --keep-last 1 --undo-window 0s &&
		is_erased && backups 1 && goes_on
}
power_each 'a prune that erases' removed erase erase_check
# A manifest that the killed one erased may be back: as removed, so that it
# costs nothing, and the next prune erases it.
erase_again_check() {
	whole && comes_back &&
		holdfast prune "$REPO" --keep-last 1 --undo-window 0s &&
		is_erased && backups 1 && goes_on
}
power_killed 'a prune, killed before' removed erase erase_again_check

a_new_key() { with_backup && holdfast keygen --out "$ROOT/new.key"; }
rotate() { record rotate-key "file:$ROOT/new.key" "$REPO"; }
rotate_check() {
	comes_back && { ended || holdfast rotate-key "file:$ROOT/new.key" \
		"$REPO"; } && comes_back --key "file:$ROOT/new.key" && goes_on
}
power_each 'a rotation' a_new_key rotate rotate_check
power_killed 'a rotation, killed before' a_new_key rotate rotate_check
add_key() { record key add "file:$ROOT/new.key" "$REPO"; }
power_each 'a new key' a_new_key add_key rotate_check

# A host that opens nothing, so that it cannot certify itself.
two() {
	HOLDFAST_STATE_DIR=$ROOT/two holdfast "$@" "$REPO" --host two \
		--key "recipient:$RECIPIENT"
}
public_of_two() {
	two writer show 2>&1 | sed -n 's/.*writer add \([0-9a-f]*\) .*/\1/p'
}
with_recipient() {
	with_backup &&
		RECIPIENT=$(holdfast keygen --recipient --out "$ROOT/two.id" |
			sed -n 's/^recipient *recipient://p') &&
		holdfast key add "recipient:$RECIPIENT" "$REPO"
}
KEYS=(--key "file:$XDG_CONFIG_HOME/holdfast/holdfast.key"
	--key "identity:$ROOT/two.id")

show_two() {
	HOLDFAST_STATE_DIR=$ROOT/two record writer show "$REPO" --host two \
		--key "recipient:$RECIPIENT"
}
show_two_check() {
	local public
	public=$(public_of_two)
	[ -n "$public" ] && { ! ended || grep "$public" "$DIR/said"; }
}
power_each 'the key of a host' with_recipient show_two show_two_check
power_killed 'the key of a host, killed before' with_recipient show_two \
	show_two_check

a_second_host() {
	with_recipient && PUBLIC=$(public_of_two) && [ -n "$PUBLIC" ]
}
add_writer() { record writer add "$PUBLIC" two "$REPO"; }
add_writer_check() {
	{ ended || holdfast writer add "$PUBLIC" two "$REPO"; } &&
		two backup --from "tree:$ROOT/src" && goes_on && whole
}
power_each 'a new writer' a_second_host add_writer add_writer_check
power_killed 'a new writer, killed before' a_second_host add_writer \
	add_writer_check

two_hosts() {
	a_second_host && holdfast writer add "$PUBLIC" two "$REPO" &&
		two backup --from "tree:$ROOT/src"
}
revoke() { record writer revoke two "$REPO"; }
revoke_check() {
	comes_back && { ended || holdfast writer revoke two "$REPO"; } &&
		! two backup --from "tree:$ROOT/src" && backups 2 && goes_on
}
power_each 'a writer that is taken back' two_hosts revoke revoke_check
power_killed 'a writer that is taken back, killed before' two_hosts revoke \
	revoke_check
KEYS=()

nothing() { :; }
keygen() { record keygen --out "$ROOT/new.key"; }
keygen_check() {
	[ -e "$ROOT/new.key" ] || { ! ended && holdfast keygen \
		--out "$ROOT/new.key"; } &&
		holdfast seal --key "file:$ROOT/new.key" </dev/null >"$ROOT/x"
}
power_each 'a key' nothing keygen keygen_check

restore() { record restore latest "$REPO" --to "$ROOT/out"; }
restore_check() {
	if ended || [ -e "$ROOT/out" ]; then source_is "$ROOT/out"; fi &&
		rm -rf "$ROOT/out" &&
		holdfast restore latest "$REPO" --to "$ROOT/out" &&
		source_is "$ROOT/out"
}
power_each 'a restored folder' with_backup restore restore_check

with_out() { with_backup && cp -a "$ROOT/src" "$ROOT/old" && cp -a \
	"$ROOT/src" "$ROOT/out" && other_tree two && backup; }
replace() { record restore latest "$REPO" --to "$ROOT/out" --overwrite; }
replace_check() {
	source_is "$ROOT/out" || { ! ended && diff -r --no-dereference \
		"$ROOT/old" "$ROOT/out" && diff <(like "$ROOT/old") \
		<(like "$ROOT/out"); } &&
		holdfast restore latest "$REPO" --to "$ROOT/out" --overwrite &&
		source_is "$ROOT/out"
}
power_each 'a replaced folder' with_out replace replace_check

with_key() { source_tree && holdfast keygen --out "$ROOT/site.key"; }
KEY="--key=file:$ROOT/site.key"
opens() { holdfast open "$KEY" "$ROOT/x.hfs" | cmp - "$ROOT/src/sub/b"; }
seal() { record seal "$KEY" --to "$ROOT/x.hfs" "$ROOT/src/sub/b"; }
seal_check() {
	if ended || [ -e "$ROOT/x.hfs" ]; then opens; fi &&
		rm -f "$ROOT/x.hfs" && holdfast seal "$KEY" --to \
		"$ROOT/x.hfs" "$ROOT/src/sub/b" && opens
}
power_each 'a sealed file' with_key seal seal_check

# The name is the shell's: of what it stands for, all is there in the end.
redirect() {
	# shellcheck disable=SC2016 # It is for sh.
	"$POWER" run "$ROOT" "$LOG" sh -c 'exec "$@" >"$0"' "$ROOT/x.hfs" \
		"$HOLDFAST_FAULT_BIN" seal "$KEY" "$ROOT/src/sub/b"
}
redirect_check() {
	[ ! -e "$ROOT/x.hfs" ] || opens || { ! ended &&
		! holdfast open "$KEY" "$ROOT/x.hfs" >/dev/null; }
}
power_each 'a redirected seal' with_key redirect redirect_check

# What is opened may be all that is left of it.
sealed() {
	with_key && holdfast seal "$KEY" --to "$ROOT/x.hfs" "$ROOT/src/sub/b"
}
is_open() { cmp "$ROOT/x" "$ROOT/src/sub/b"; }
open_it() { record open "$KEY" --to "$ROOT/x" "$ROOT/x.hfs"; }
open_check() {
	if ended || [ -e "$ROOT/x" ]; then is_open; fi && rm -f "$ROOT/x" &&
		holdfast open "$KEY" --to "$ROOT/x" "$ROOT/x.hfs" && is_open
}
power_each 'an opened file' sealed open_it open_check
crash_done
