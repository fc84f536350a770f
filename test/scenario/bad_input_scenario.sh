#!/bin/bash
# bad_input_scenario.sh HOLDFAST: the worst days that need no server, in TAP: one
# error each, which names the thing, the cause and the remedy.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
store=$tmp/repo
repo=(--repo "file:$store")
hint="hint: "

# fresh: the repository and the state as they were after the first backup.
fresh() {
	rm -rf repo state
	cp -a good/repo good/state .
}
# object KIND: the largest one's path.
object() {
	find "repo/hf1/main/$1" -type f -printf '%s %p\n' | sort -rn |
		sed -n '1s/[^ ]* //p'
}
backup() { hf backup "${repo[@]}" --from "tree:$tmp/tree" "$@"; }
backups() { hf list --json "${repo[@]}" && wc -l <out; }
refused() { # STATUS WORDS... -- [OPTION...]: a backup that writes nothing
	local before after
	before=$(find repo -type f | sort)
	fails "$@" backup "${repo[@]}" --from "tree:$tmp/tree" || return 1
	after=$(find repo -type f | sort)
	[ "$before" = "$after" ] || { echo "# it wrote" && false; }
}

mkdir -p tree/deep
echo a >tree/a
seq 300000 >tree/b
head -c 3000000 /dev/urandom >tree/deep/c
begin() {
	hf init "${repo[@]}" && backup --source-name t && mkdir good &&
		cp -a repo state good && hf keygen --out other.key
}

wrong_key_reads() {
	fails 7 other.key "$hint" key -- cat latest a "${repo[@]}" \
		--key file:other.key && [ ! -s out ] &&
		fails 7 other.key "$hint" -- restore latest --to new \
			"${repo[@]}" --key file:other.key && [ ! -e new ]
}
# An end-to-end slip: it would be found on the day of the restore.
wrong_key_writes() {
	fails 7 other.key "no key of this repository" "key add" -- \
		backup "${repo[@]}" --key file:other.key --from "tree:$tmp/tree" &&
		[ "$(backups)" = 1 ]
}
no_key() {
	XDG_CONFIG_HOME=$tmp/none fails 7 "at hand is none" "--key" -- \
		cat latest a "${repo[@]}" &&
		XDG_CONFIG_HOME=$tmp/none fails 7 "--key" -- \
			backup "${repo[@]}" --from "tree:$tmp/tree" &&
		fails 4 "file:gone.key" "$hint" -- cat latest a "${repo[@]}" \
			--key file:gone.key &&
		fails 4 "env:NONE" "export NONE" -- cat latest a "${repo[@]}" \
			--key passphrase:env:NONE
}
secret_as_a_value() {
	fails 2 "$hint" env: -- cat latest a "${repo[@]}" \
		--key passphrase:hunter2 && ! grep -q hunter2 err
}

# A byte of what is stored: each kind of object, each end of it.
damage() { # KIND STATUS OFFSET
	fresh
	flip "$(object "$1")" "$3"
	fails "$2" "$(object "$1" | sed 's,repo/hf1/main/,,')" -- \
		cat latest deep/c "${repo[@]}"
}
damaged_pack() {
	damage p 8 3 && says err "--keep-going" && damage p 8 70 &&
		says err "--keep-going" && flip "$(object p)" -5 &&
		fails 8 "1 damaged backup" "$hint" -- verify "${repo[@]}"
}
damaged_manifest() {
	damage s 4 70 && fails 8 "see the warnings" -- list "${repo[@]}" &&
		fails 8 "not whole" "remedy" -- verify "${repo[@]}" &&
		! says err "''" >/dev/null
}
damaged_writer() {
	damage w 4 -5 && fails 8 "not whole" "remedy" -- verify "${repo[@]}"
}
damaged_head() {
	fresh
	flip repo/hf1/main/F 70
	fails 8 "'F'" signature "state/" "is a copy of F" -- list "${repo[@]}" &&
		cp "$(ls -d state/*/F)" repo/hf1/main/F &&
		hf verify "${repo[@]}"
}
damaged_wrapping() {
	local f
	fresh
	for f in repo/hf1/main/k/*; do
		flip "$f" -5
	done
	fails 8 ".hfk'" damaged -- cat latest a "${repo[@]}"
}

whole_and_rest() {
	fresh
	flip "$(object p)" $(($(stat -c %s "$(object p)") / 2))
	fails 8 "--keep-going" -- restore latest --to new "${repo[@]}" &&
		[ -z "$(ls -d new* .new* 2>/dev/null)" ] || return 1
	fails 8 "could not be restored, the others are whole" -- \
		restore latest --to new --keep-going "${repo[@]}" || return 1
	local f lost=0
	for f in a b deep/c; do
		[ -e "new/$f" ] || {
			says err "'$f'" || return 1
			lost=$((lost + 1))
			continue
		}
		same "tree/$f" "new/$f" || return 1
	done
	[ $lost -gt 0 ] && [ $lost -lt 3 ]
}
missing_pack() {
	fresh
	rm "$(object p)"
	fails 8 "is missing" "$hint" -- verify --level 0 "${repo[@]}" &&
		fails 8 "missing from the store" "$hint" -- \
			restore latest --to none "${repo[@]}" && [ ! -e none ]
}
missing_head() {
	fresh
	rm repo/hf1/main/F
	fails 4 "no repository" "$tmp/state/" "'hf1/main/F'" -- list "${repo[@]}" &&
		fails 5 "backups of a repository 'main' whose F is gone" \
			"nothing was written" "bring 'hf1/main/F' back" -- \
			init "${repo[@]}" &&
		cp "$(ls -d state/*/F)" repo/hf1/main/F && hf verify "${repo[@]}"
}
set_back() {
	fresh
	rm repo/hf1/main/s/*
	fails 3 "seen here before, is gone" "see the warnings" -- \
		list "${repo[@]}" && fails 8 "1 finding" -- verify "${repo[@]}"
}
replaced() {
	rm -rf repo
	HOLDFAST_STATE_DIR=$tmp/thief hf init "${repo[@]}" || return 1
	fails 8 "not the repository that was expected" "state/pins/" -- \
		list "${repo[@]}" && refused 8 "not the repository" --
}
another_fingerprint() {
	fresh
	fails 8 "instead of '00000000000000000000000000000000'" "$hint" -- \
		list "${repo[@]}" --fingerprint 00000000000000000000000000000000
}
mixed() {
	fresh
	cp -a thief.repo/hf1/main/s repo/hf1/main/
	fails 8 "has no certificate" "see the warnings" -- list "${repo[@]}" &&
		[ "$(grep -c ' t ' out)" = 1 ] &&
		hf cat latest:t a "${repo[@]}" && same out tree/a
}
a_thief() {
	HOLDFAST_STATE_DIR=$tmp/thief2 hf init --repo "file:$tmp/thief.repo" &&
		HOLDFAST_STATE_DIR=$tmp/thief2 hf backup \
			--repo "file:$tmp/thief.repo" --from "tree:$tmp/tree" &&
		mixed
}

places() {
	fails 4 "'$tmp/none'" "$hint" -- list --repo "file:$tmp/none" &&
		fails 2 "is a file" "$hint" -- list --repo "file:$tmp/tree/a" &&
		fails 2 "is a file" "$hint" -- init --repo "file:$tmp/tree/a" &&
		fails 4 "file:$tmp/repo" "$hint" -- list --repo "$tmp/repo" &&
		fails 5 "nothing was written" "$hint" -- init "${repo[@]}"
}
no_home() {
	env -u HOME -u XDG_CONFIG_HOME -u HOLDFAST_STATE_DIR setpriv \
		--reuid 65534 --clear-groups "$holdfast" list "${repo[@]}" \
		>out 2>err
	[ $? = 4 ] && one_error && says err "no home folder" "--state-dir"
}
no_state() {
	HOLDFAST_STATE_DIR=/proc/none fails 4 "/proc/none" --state-dir -- \
		list "${repo[@]}"
}
not_ours() {
	mkdir -m 777 theirs
	HOLDFAST_STATE_DIR=$tmp/theirs setpriv --reuid 65534 --clear-groups \
		"$holdfast" list "${repo[@]}" >out 2>err
	[ $? = 6 ] && one_error && says err "Permission denied" "$hint"
}
read_only() {
	mount -o bind,ro repo repo || return 1
	at_end umount "$tmp/repo"
	hf list "${repo[@]}" &&
		fails 6 "$tmp/repo" "Read-only file system" -- backup \
			"${repo[@]}" --from "tree:$tmp/tree" &&
		hf restore latest --to ro "${repo[@]}" && same_tree ro tree
	local rc=$?
	umount repo
	return $rc
}

small_disk() { # SIZE
	mkdir -p small
	mount -t tmpfs -o "size=$1" none small && at_end umount "$tmp/small"
}
full_store() {
	small_disk 2m && hf init --repo "file:$tmp/small/r" || return 1
	fails 10 "$tmp/small/r" "No space left" -- backup \
		--repo "file:$tmp/small/r" --from "tree:$tmp/tree" &&
		hf list --json --repo "file:$tmp/small/r" && [ ! -s out ] &&
		mount -o remount,size=20m small &&
		hf backup --repo "file:$tmp/small/r" --from "tree:$tmp/tree" &&
		hf verify latest --level 3 --repo "file:$tmp/small/r"
	local rc=$?
	umount small
	return $rc
}
full_target() {
	small_disk 1m
	fails 10 "No space left" -- restore latest --to small/new \
		"${repo[@]}" && [ -z "$(ls -A small)" ]
	local rc=$?
	umount small
	return $rc
}

gone_reader() {
	"$holdfast" show --files latest "${repo[@]}" 2>err | true
	[ "${PIPESTATUS[0]}" = 0 ] && [ ! -s err ]
}
full_answer() {
	"$holdfast" list "${repo[@]}" 2>err >/dev/full
	[ $? = 10 ] && one_error && says err "standard output" "No space left"
}
# Nothing that we open may take their places.
closed_files() {
	local got
	"$holdfast" backup --from stream:- --source-name closed "${repo[@]}" \
		<&- >out 2>err
	got=$?
	[ $got = 12 ] && one_error && says err "Bad file descriptor" || return 1
	"$holdfast" list "${repo[@]}" <&- >&- 2>err
	got=$?
	[ $got = 1 ] && one_error && says err "standard output" \
		"Bad file descriptor" || return 1
	rm -rf closed closed2
	"$holdfast" restore latest --to closed "${repo[@]}" <&- >&- 2>&- &&
		"$holdfast" restore latest --to closed2 "${repo[@]}" \
		>out 2>err && same_tree closed closed2
}
targets() {
	fails 5 "$tmp/tree" --overwrite -- restore latest --to "$tmp/tree" \
		"${repo[@]}" &&
		fails 4 "/none/deep" -- restore latest --to /none/deep/er \
			"${repo[@]}" &&
		fails 4 "'nothing'" -- restore latest --to x --only nothing \
			"${repo[@]}" && [ ! -e x ] &&
		fails 4 "'nothing'" -- cat latest nothing "${repo[@]}"
}
names() {
	fails 2 "'nosuch'" "latest:SOURCE" -- show nosuch "${repo[@]}" &&
		fails 4 "'ffffffff'" "$hint" -- show ffffffff "${repo[@]}" &&
		fails 4 "'none'" "holdfast list" -- show latest:none \
			"${repo[@]}" &&
		fails 2 "'lst'" "'list'" -- lst &&
		fails 2 "'--rpo'" "'--repo'" -- list --rpo x
}

# The failing source: no backup, and status 12.
failing_command() {
	fails 12 "status 3" "$hint" -- backup "${repo[@]}" \
		--from 'stream:exec:echo hi; exit 3' &&
		fails 12 "status 127" "whole path" -- backup "${repo[@]}" \
			--from 'stream:exec:nosuchcommand 2>/dev/null' &&
		fails 12 "signal" -- backup "${repo[@]}" \
			--from 'stream:exec:kill -9 $$' && [ "$(backups)" = 1 ]
}
missing_source() {
	fails 4 "'$tmp/none'" "No such file" -- backup "${repo[@]}" \
		--from "tree:$tmp/none" && [ "$(backups)" = 1 ]
}

# configuration TEXT: in place of the file.
configuration() { printf '%s\n' "$@" >holdfast.yaml; }
typo() { # WORDS... -- LINE...
	local words=()
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	configuration "$@"
	fails 2 "holdfast.yaml:" "${words[@]}" -- list --config holdfast.yaml
}
typos() {
	typo "3" "'retetion'" "'retention'" -- 'repositories:' '  main:' \
		'    { url: "file:/x", retetion: { keep_last: 1 } }' &&
		typo "3" "'main'" -- 'repositories:' \
			'  main: { url: "file:/x" }' \
			'  main: { url: "file:/y" }' &&
		typo "keep_last" -- 'repositories:' \
			'  main: { url: "file:/x", retention: { keep_last: many } }' &&
		typo "secret_key" -- 'repositories:' \
			'  main: { url: "s3://b", secret_key: hunter2 }' &&
		! grep -q hunter2 err &&
		typo "anchor" -- 'repositories: &a' '  main: { url: "file:/x" }' &&
		typo "'none'" -- 'repositories:' \
			'  main: { url: "file:/x", keys: [none] }'
}
no_configuration() {
	fails 4 "nothere.yaml" -- list --config nothere.yaml
}

check "a repository, a backup" begin
check "a wrong key reads nothing" wrong_key_reads
check "a wrong key writes nothing" wrong_key_writes
check "no key, no key's file, no passphrase" no_key
check "a passphrase on the line is refused, and not repeated" \
	secret_as_a_value
check "a damaged pack" damaged_pack
check "a damaged manifest" damaged_manifest
check "a damaged certificate" damaged_writer
check "a damaged F, and the remedy helps" damaged_head
check "damaged wrapped keys" damaged_wrapping
check "--keep-going restores all that is whole, and lists the rest" \
	whole_and_rest
check "a missing pack" missing_pack
check "a missing F: init keeps away, and the remedy helps" missing_head
check "a store that was set back" set_back
check "another repository in the same place" replaced
check "another fingerprint than the pinned one" another_fingerprint
check "objects of another repository among ours" a_thief
fresh
check "places that are none" places
check "names that are none" names
check "targets that will not do" targets
check "a state folder that cannot be made" no_state
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$tmp" && chmod 700 repo
	check "no home" no_home
	check "a repository of another user" not_ours
	if unshare -m true 2>/dev/null; then
		check "a repository that is read-only" read_only
		check "a full disk below the store" full_store
		check "a full disk below the target" full_target
	fi
fi
check "a reader who has seen enough is no failure" gone_reader
check "an answer that cannot be written is one" full_answer
check "standard files that are closed" closed_files
check "a command that fails is no backup" failing_command
check "a source that is not there is no backup" missing_source
check "slips in the configuration, each with its line" typos
check "no such configuration" no_configuration
finish
