#!/bin/bash
# etcd_records_scenario.sh HOLDFAST VERSION PORT FILL COPY: three members of an
# etcd of that version, backed up as records, over and over, in TAP.
fill=$(realpath "$4") copy=$(realpath "$5")
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2 MEMBERS=3 TLS=off AUTH=off
port=$3
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
unset ETCDCTL_API

ctl() { etcdctl --endpoints "$ETCD_ENDPOINTS" "$@"; }
member() { echo "http://127.0.0.1:$((port + 2 * $1))"; } # 0, 1, 2
on() { # MEMBER COMMAND...
	local m=$1
	shift
	etcdctl --endpoints "$(member "$m")" "$@"
}
revisions() {
	ctl endpoint status -w json | grep -o '"revision":[0-9]*' | sort -u
}
# What each member has applied; and the version that it notes in its database
# itself, since 3.6, some seconds after it has started.
applied() {
	ctl endpoint status -w json | sed 's/{"Endpoint"/\n&/g' | while read -r m; do
		grep -o '"revision":[0-9]*\|"raftAppliedIndex":[0-9]*\|"storageVersion":"[^"]*"' \
			<<<"$m" | tr '\n' ' '
		echo
	done | grep revision
}
# Until all members have what one has.
settled() { until_true all_have_applied || ! sed 's/^/# /' has_applied; }
all_have_applied() {
	local n=2
	case $ETCD in 3.6 | 3.7) n=3 ;; esac
	applied >has_applied
	[ "$(wc -l <has_applied)" = 3 ] && [ "$(sort -u has_applied | wc -w)" = $n ]
}
# Until all members have scheduled the compaction to a revision.
compacted() { until_true all_have_compacted "$1"; }
all_have_compacted() {
	[ "$(ctl endpoint hashkv -w json |
		grep -o "\"compact_revision\":$1\b" | wc -l)" = 3 ]
}
fact() { # BACKUP NAME
	hf show "$1" "${repo[@]}" --json &&
		sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p" out
}
# back NAME OPTION...: of the whole cluster.
back() {
	local name=$1
	shift
	hf backup "${repo[@]}" --from "etcd:$ETCD_ENDPOINTS" --etcd-form records \
		--source-name "$name" "$@"
}
# digests BACKUP: of every file, as the index would have them compared.
digests() {
	hf show "$1" --files --json "${repo[@]}" || return 1
	grep -o '"path":"[^"]*"\|"sha256":"[0-9a-f]*"' out
}
stored() { sed -n 's/.*"stored_bytes":\([0-9]*\).*/\1/p' "$1"; }

start() {
	peer etcd "$port"
	local n
	for n in $(seq 30); do
		ctl put "key $((n % 12))" "value $n"
	done >/dev/null
	ctl txn <<-'.' >/dev/null

		put together1 a
		put together2 b
		del "key 3"


	.
	ctl put leased x --lease "$(ctl lease grant 3600 | awk '{print $2}')" \
		>/dev/null
	hf keygen --out site.key && hf init "${repo[@]}"
}

agree() {
	back all && [ "$(fact latest:all etcd.hashkv.members)" = "3 of 3 agree" ] &&
		[ "$(fact latest:all etcd.hashkv)" = "$(on 0 endpoint hashkv -w json |
			grep -o '"hash":[0-9]*' | cut -d: -f2)" ]
}

same_on_all() {
	local m
	ctl compact 20 >/dev/null && settled && compacted 20 || return 1
	for m in 0 1 2; do
		hf backup "${repo[@]}" --from "etcd:$(member "$m")" \
			--etcd-form records --source-name "m$m" || return 1
		digests "latest:m$m" >"digests$m" || return 1
	done
	same digests0 digests1 && same digests0 digests2
}
same_after_defrag() {
	on 1 defrag >/dev/null && hf backup "${repo[@]}" --full \
		--from "etcd:$(member 1)" --etcd-form records --source-name m1 &&
		digests latest:m1 >digests1 && same digests0 digests1
}

# A hundredth of the keys is touched, and history is compacted away.
little_travels() {
	local size n
	"$fill" "$(member 0)" 24 && settled && back all
	size=$(fact latest:all etcd.db_size)
	for n in 1 2 3; do
		head -c 60000 /dev/urandom | od -An -tx1 | tr -d ' \n' |
			on 0 put "/fill/$(printf %08d $((n * 50)))" >/dev/null
	done
	n=$(revisions | cut -d: -f2)
	on 0 compact "$n" >/dev/null && settled && compacted "$n" || return 1
	back all --json || return 1
	grep -q '"kind":"increment"' out || return 1
	n=$(stored out)
	[ "$((n * 100))" -le "$size" ] || {
		echo "# $n bytes were stored, of a database with $size"
		return 1
	}
	hf verify latest:all --level 3 "${repo[@]}"
}
nothing_travels() {
	back all --json && [ "$(stored out)" -lt 20000 ]
}

# while_down COMMAND...: with m2's database as last argument, while it is down.
while_down() {
	local pid cmd rc
	settled || return 1
	pid=$(pgrep -f -- "--name m2 --data-dir $tmp/etcd/m2")
	mapfile -d '' cmd <"/proc/$pid/cmdline"
	kill "$pid"
	while runs "$pid"; do sleep 0.05; done
	"$@" "$tmp/etcd/m2/member/snap/db"
	rc=$?
	"${cmd[@]}" >>again.log 2>&1 &
	pid=$!
	at_end kill $pid
	serves $pid "$(member 2)" again.log && settled && [ "$rc" = 0 ]
}

# One member's disk tells something else: who reads it must learn that.
one_differs() {
	ctl put victim "the bytes that were written" >/dev/null || return 1
	LC_ALL=C while_down sed -i \
		's/the bytes that were written/the bytes that were altered/' ||
		return 1
	fails 12 "$(member 2)" "HashKV" "replace the one that differs" -- \
		backup "${repo[@]}" --from "etcd:$ETCD_ENDPOINTS" \
		--etcd-form records --source-name all
}

# What this program does not know is kept as it is, and the operator is told.
add_bucket() { "$copy" -b quantum "$1" "$1.new" && mv "$1.new" "$1"; }
unknown() {
	hf backup "${repo[@]}" --from "etcd:$(member 2)" --source-name m2 \
		--etcd-form records "$@"
	[ $? = 3 ]
}
# The file that comes back is the one that etcd sent, whoever reads it.
comes_back() {
	hf cat latest:m2 snapshot.db "${repo[@]}" && mv out whole.db &&
		[ "$(head -c -32 whole.db | sha256sum | cut -d' ' -f1)" = \
			"$(fact latest:m2 etcd.sha256)" ] &&
		hf verify latest:m2 --level 3 "${repo[@]}" &&
		hf restore latest:m2 --as-snapshot again.db --overwrite \
			"${repo[@]}" && same whole.db again.db &&
		/usr/bin/python3 "$here/../vector/reader.py" pages "$tmp/repo" \
			latest --key "file:$tmp/site.key" >second.db &&
		same whole.db second.db
}
unknown_bucket() {
	while_down add_bucket || return 1
	unknown && says err "stored as pages" \
		"bucket that is not known here: 'quantum'" &&
		[ "$(fact latest:m2 etcd.note.form)" = \
			"stored as pages: the database has a bucket that is not known here: 'quantum'" ] &&
		comes_back
}
few_pages_travel() {
	local n size
	on 2 put changed "$(date)" >/dev/null && settled || return 1
	unknown --json && grep -q '"kind":"increment"' out || return 1
	n=$(stored out) size=$(stat -c %s whole.db)
	[ "$((n * 50))" -le "$size" ] || {
		echo "# $n bytes were stored, of a database with $size"
		return 1
	}
	comes_back
}
etcd_takes_it() {
	local tool=$ETCD_BIN/etcdutl
	[ -x "$tool" ] || tool=$ETCD_BIN/etcdctl
	ETCDCTL_API=3 "$tool" snapshot status again.db >out 2>err &&
		ETCDCTL_API=3 "$tool" snapshot restore again.db \
			--data-dir "$tmp/from-pages" >out 2>err &&
		hf restore latest:m2 --to "$tmp/by-us" "${repo[@]}"
}
pages_by_choice() {
	local n
	for n in 1 2; do
		hf backup "${repo[@]}" --from "etcd:$(member 0)" --json \
			--source-name chosen --etcd-form pages || return 1
		[ ! -s err ] || return 1
		on 0 put chosen "$n" >/dev/null
	done
	grep -q '"kind":"increment"' out && [ "$(stored out)" -lt 500000 ] &&
		hf verify latest:chosen --level 3 "${repo[@]}"
}

# Each pack of a backup is lost in turn: files that are whole without it come
# back byte for byte, and all others are named.
salvaged() { # FOLDER
	local f
	while read -r f; do
		if [ -e "$1/$f" ]; then
			cmp -s "$1/$f" "whole/$f" || { echo "# $f" && return 1; }
		else
			says err "'$f'" || return 1
			echo "$f" >>lost
		fi
	done <names
}
packs_are_lost() {
	local at=(--repo "file:$tmp/lossy" --key "file:$tmp/site.key") pack rc n=0
	hf init "${at[@]}" && hf backup "${at[@]}" --memory 16MiB \
		--from "etcd:$ETCD_ENDPOINTS" --etcd-form records &&
		hf restore latest "${at[@]}" --only '**' --to whole || return 1
	(cd whole && find . -type f | sed 's,^\./,,' | sort) >names
	: >lost
	for pack in lossy/hf1/main/p/*/*; do
		n=$((n + 1))
		mv "$pack" away
		hf restore latest "${at[@]}" --only '**' --to "part$n" --keep-going
		rc=$?
		# Nothing is wrong if it had copies alone.
		case $rc in 0 | 3 | 8) ;; *) return 1 ;; esac
		salvaged "part$n" || return 1
		mv away "$pack"
	done
	[ $n -gt 2 ] && sort -u lost | cmp -s - names
}

check "etcd $ETCD: three members start" start
check "etcd $ETCD: all members agree with what is stored" agree
check "etcd $ETCD: each member's backup is the same" same_on_all
check "etcd $ETCD: so it is after a defragmentation" same_after_defrag
check "etcd $ETCD: of little that has changed little travels" little_travels
check "etcd $ETCD: of nothing, next to nothing" nothing_travels
check "etcd $ETCD: a pack that is lost costs what lies in it" packs_are_lost
check "etcd $ETCD: a member that differs is named, and nothing stored" \
	one_differs
check "etcd $ETCD: a bucket that is not known is backed up as it is" \
	unknown_bucket
check "etcd $ETCD: of its pages the changed ones travel" few_pages_travel
check "etcd $ETCD: and etcd restores what comes back" etcd_takes_it
check "etcd $ETCD: pages are stored for who asks for them" pages_by_choice
finish
