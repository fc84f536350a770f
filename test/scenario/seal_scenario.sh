#!/bin/bash
# seal_scenario.sh HOLDFAST: seal, open and keygen as people use them, and the
# search for secrets where none may be, in TAP.
set -u
holdfast=$(realpath "$1")
reader=$(cd "$(dirname "$0")/../vector" && pwd)/reader.py
tmp=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-seal.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export HOME=$tmp XDG_CONFIG_HOME=$tmp/config XDG_STATE_HOME=$tmp/state
unset "${!HOLDFAST_@}"
count=0

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
		sed 's/^/# /' err
		echo "not ok $count - $name"
	fi
}
hf() { "$holdfast" "$@" 2>err; }
same() { cmp -s "$1" "$2" || { echo "# $1 and $2 differ" && false; }; }

# fails STATUS WORDS COMMAND...: with this exit status and this message.
fails() {
	local want=$1 words=$2 got
	shift 2
	"$@" >out 2>err
	got=$?
	[ "$got" = "$want" ] && grep -qF -- "$words" err && return 0
	echo "# exit status $got, not $want, or no word of '$words'"
	return 1
}

# What is planted, and must be found nowhere else.
pass=marker-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
secret_words() { # One pattern a line, for grep -P.
	local hex
	hex=$(tr -d '\n' <site.key)
	printf '%s\n' "$pass" "(?i)$hex"
	tr -d "\n" <site.key | sed "s/../\\\\x&/g"
	cut -c 5-68 <backup.id
}

keys_are_made() {
	hf keygen --out site.key >out && hf keygen --recipient --out backup.id \
		>pair && [ "$(stat -c %a site.key backup.id | sort -u)" = 600 ] &&
		recipient=$(sed -n 's/^recipient  *recipient://p' pair) &&
		[ ${#recipient} = 76 ] &&
		fails 5 "never overwritten" "$holdfast" keygen --out site.key
}

sealed_for_all() {
	PASS=$pass hf seal --key file:site.key --key "recipient:$recipient" \
		--key passphrase:env:PASS <plain >all.hfs
}
each_opens() {
	hf open --key file:site.key <all.hfs >back && same plain back &&
		hf open --key identity:backup.id <all.hfs >back &&
		same plain back &&
		PASS=$pass hf open --key passphrase:env:PASS all.hfs >back &&
		same plain back
}
through_pipes() {
	# shellcheck disable=SC2002 # A pipe is what is tried.
	cat plain | hf seal --key file:site.key | cat |
		hf open --key file:site.key | cmp -s - plain
}
reader_opens() { # KEY
	/usr/bin/python3 "$reader" open all.hfs --key "$1" >back 2>err &&
		same plain back
}
reader_opens_all() {
	reader_opens file:site.key && reader_opens identity:backup.id &&
		PASS=$pass reader_opens passphrase:env:PASS
}

wrong_keys() {
	hf keygen --out other.key >out &&
		fails 7 "sealed for file" "$holdfast" open --key file:other.key \
			all.hfs && [ ! -s out ] &&
		fails 7 "only the public half" "$holdfast" open \
			--key "recipient:$recipient" all.hfs
}
damage() {
	cp all.hfs bad.hfs
	printf x | dd of=bad.hfs bs=1 seek=1500000 conv=notrunc status=none
	fails 8 "frame 1 is damaged" "$holdfast" open --key file:site.key \
		--to half bad.hfs && [ -z "$(ls half* 2>/dev/null)" ]
}
cut_off() {
	head -c 1500000 all.hfs >cut.hfs
	fails 8 "cut off at byte 1500000" "$holdfast" open \
		--key file:site.key --to half cut.hfs &&
		[ -z "$(ls half* 2>/dev/null)" ]
}
no_overwriting() {
	echo mine >there
	fails 5 "--overwrite" "$holdfast" open --key file:site.key \
		--to there all.hfs && [ "$(cat there)" = mine ] &&
		hf open --overwrite --key file:site.key --to there all.hfs &&
		same plain there
}
full_disk() {
	# shellcheck disable=SC2016 # $0 is the inner shell's.
	fails 10 "No space left" sh -c \
		'exec "$0" open --key file:site.key all.hfs >/dev/full' "$holdfast"
}
no_terminal() {
	script -qec "$holdfast seal --key file:site.key plain" /dev/null \
		>out </dev/null
	[ $? = 2 ] && grep -qF "standard output is a terminal" out
}

# A program that waits for its input, its keys long used and put away.
start_waiting() {
	mkfifo silent
	PASS=$pass "$holdfast" -v seal --key file:site.key \
		--key passphrase:env:PASS --to waits.hfs <silent >out 2>err &
	pid=$!
	exec 9>silent
	echo beginning >&9
	for _ in $(seq 600); do
		[ -z "$(find . -name 'waits.hfs.*' -size +0)" ] || return 0
		sleep 0.1
	done
	echo "# it never wrote its header"
	return 1
}
no_core() {
	grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits"
}
not_in_memory() {
	# AddressSanitizer keeps a copy of the environment for itself, and its
	# shadow is terabytes of nothing.
	local first=1
	! grep -qa __asan_init "$holdfast" || first=2
	secret_words | sed -n "$first,3p" | /usr/bin/python3 -c '
import re, sys
pid, found = sys.argv[1], 0
words = [re.compile(w.encode()) for w in sys.stdin.read().split()]
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
    for line in maps:
        start, end = (int(x, 16) for x in line.split()[0].split("-"))
        if line.split()[1][0] != "r" or end - start > 1 << 28:
            continue
        try:
            mem.seek(start)
            data = mem.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        found += len(data)
        for w in words:
            if w.search(data):
                sys.exit(f"# {w.pattern[:12]} is in {line}")
sys.exit(found < 1 << 20)' "$pid"
}
not_in_environment() {
	tr '\0' '\n' <"/proc/$pid/environ" >environ
	grep -q '^HOME=' environ && ! grep -qF "$pass" environ
}
stops_cleanly() {
	kill -TERM "$pid"
	wait "$pid"
	[ $? = 13 ] && [ -z "$(ls waits.hfs* 2>/dev/null)" ]
	local rc=$?
	pid=
	exec 9>&-
	return $rc
}

# All that a repository leaves behind: the store, the state, what was said.
a_repository() {
	mkdir tree
	cp plain tree/file
	export PASS=$pass
	{
		hf -v init --repo "file:$tmp/repo" --key file:site.key \
			--key passphrase:env:PASS &&
			PASS=$pass hf -v --json backup --repo "file:$tmp/repo" \
				--from "tree:$tmp/tree" --key file:site.key \
				--key passphrase:env:PASS &&
			hf -v --json verify --repo "file:$tmp/repo" \
				--key file:site.key
	} >said 2>&1
	local rc=$?
	cat err >>said
	unset PASS
	[ $rc = 0 ] || sed 's/^/# /' said
	return $rc
}
nowhere_else() {
	secret_words >words
	while read -r word; do
		grep -rlaP --exclude=site.key --exclude=backup.id \
			--exclude=words -- "$word" . | sed 's/^/# found in /'
	done <words >found
	[ ! -s found ] || { cat found && false; }
	# The search does find what there is.
	grep -qaP -- "$(sed -n 2p words)" site.key
}

{ head -c 2000000 /dev/urandom && seq 200000; } >plain
check "keygen makes keys that only their owner can read, and never twice" \
	keys_are_made
check "seal takes several keys" sealed_for_all
check "each of them opens what was sealed" each_opens
check "seal and open work as filters" through_pipes
if /usr/bin/python3 -c 'import nacl, zstandard' 2>/dev/null; then
	check "the second reader opens it with each of them" reader_opens_all
else
	skip "the second reader opens it with each of them" \
		"apt-get install python3-nacl python3-zstandard"
fi
check "no other key opens it, and its openers are named" wrong_keys
check "damage is named, and nothing half-written stays" damage
check "a stream that was cut off leaves nothing either" cut_off
check "a file that exists is not touched without --overwrite" no_overwriting
check "a full disk is its own exit status" full_disk
check "nothing binary goes to a terminal" no_terminal
if check "seal waits for its input" start_waiting && [ -n "$pid" ]; then
	check "a running seal leaves no core" no_core
	check "a running seal has forgotten its keys" not_in_memory
	check "a running seal has cleared its environment" not_in_environment
	check "a running seal stops when asked, and leaves nothing" \
		stops_cleanly
fi
check "a repository is made, filled and verified" a_repository
check "the planted secrets are in no store, state or message" nowhere_else
echo "1..$count"
