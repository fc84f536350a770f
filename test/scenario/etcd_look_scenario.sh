#!/bin/bash
# etcd_look_scenario.sh HOLDFAST VERSION PORT: what `holdfast etcd ls|get|export|diff`
# find in backups of an etcd of that version, in both forms, beside what that etcd
# answers itself, in TAP.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2 MEMBERS=1 TLS=off AUTH=off
port=$3
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
unset ETCDCTL_API

ctl() { etcdctl --endpoints "$ETCD_ENDPOINTS" "$@"; }
now() {
	ctl get none -w json | sed -n 's/.*"revision": *\([0-9]*\).*/\1/p'
}

# A history: keys put, put again, deleted, made anew; some of any bytes, some
# with a lease, some as Kubernetes has them.
lived() { live >puts; }
live() {
	local n lease
	for n in $(seq 30); do
		ctl put "/k/$n" "$n $(seq -s, "$n")" && ctl put /k/all "$n" ||
			return 1
	done
	compacted=$(now)
	lease=$(ctl lease grant 7200 | sed 's/lease \([^ ]*\) .*/\1/')
	ctl put --lease="$lease" /leased 1 && ctl del /k/7 &&
		ctl put /k/7 'a second life' && ctl del /k/8 &&
		printf '\0\1\377\n' | ctl put "$(printf '\377\376\1')" &&
		ctl put "$(printf 'esc\033[2J')" "$(printf '\033]0;x\007')" &&
		ctl put /k '' && ctl put /registry/minions/worker-1 node &&
		printf 'k8s\0\12\14\12\2v1\22\6Secret\22\0' |
			ctl put /registry/secrets/default/db &&
		printf 'k8s:enc:aescbc:v1:key1:\1\2' |
			ctl put /registry/secrets/default/enc &&
		ctl put /registry/stable.example.com/crontabs/default/c \
			'{"kind":"CronTab"}' &&
		ctl put /registry/services/specs/default/web x || return 1
	ctl compaction "$compacted"
	newest=$(now)
}

# What differs between etcd's answer and ours; nothing does.  The program is
# given the files and answers with lines of words.
compare() {
	/usr/bin/python3 - "$@" <<'PY'
import base64, json, sys

def theirs(path):
    doc = json.load(open(path))
    return {base64.b64decode(k["key"]): (k["create_revision"], k["mod_revision"],
        k["version"], k.get("lease", 0), base64.b64decode(k.get("value", "")))
        for k in doc.get("kvs", [])}

def key_of(d):
    return base64.b64decode(d["key_base64"]) if "key_base64" in d else d["key"].encode()

def ours(path, values):
    all, last = {}, None
    for line in open(path):
        d = json.loads(line)
        key = key_of(d)
        assert last is None or last < key, "not sorted: %r" % key
        last = key
        assert ("value" in d) == values, "a value: %r" % key
        value = base64.b64decode(d["value"]) if values else None
        if values and "text" in d:
            assert d["text"].encode() == value, "text of %r" % key
        all[key] = (d["create_revision"], d["mod_revision"], d["version"],
            d["lease"], value if values else d["size"])
    return all

what, a, b = sys.argv[1:4]
want = theirs(a)
if what == "export":
    got = ours(b, True)
elif what == "ls":
    got = ours(b, False)
    want = {k: v[:4] + (len(v[4]),) for k, v in want.items()}
else:
    after, got = theirs(sys.argv[4]), {}
    for line in open(b):
        d = json.loads(line)
        got[key_of(d.get("after", d.get("before")))] = d["change"]
    want = {k: "added" if k not in want else "removed" if k not in after else "changed"
        for k in want.keys() | after.keys()
        if k not in want or k not in after or want[k][4] != after[k][4]}
assert want, "nothing to compare"
assert got == want, "%r is not %r" % (got, want)
PY
}

# At each revision that the backup has: all keys.
one_revision() {
	ctl get '' --from-key --rev "$1" -w json >theirs &&
		hf etcd export "$cp@$1" "${repo[@]}" &&
		compare export theirs out &&
		hf etcd ls "$cp@$1" "${repo[@]}" --json &&
		compare ls theirs out
}
all_revisions() {
	local r
	for ((r = compacted; r <= newest; r++)); do
		if ! one_revision "$r"; then
			echo "# at revision $r"
			return 1
		fi
	done
	hf etcd export "$cp" "${repo[@]}" && compare export theirs out
}
prefixes() {
	local p
	for p in /k/1 /registry/ /k "$(printf '\377')"; do
		ctl get "$p" --prefix -w json >theirs &&
			hf etcd export "$cp" "$p" "${repo[@]}" &&
			compare export theirs out || return 1
	done
	hf etcd ls "$cp" /nothing "${repo[@]}" && [ ! -s out ] &&
		says err "0 keys at revision $newest"
}
one_key() {
	local key
	printf '\0\1\377\n' >want
	hf etcd get "$cp" "$(printf '\377\376\1')" "${repo[@]}" &&
		same want out || return 1
	for key in /k/all /k/7 /k; do
		ctl get "$key" --print-value-only >want
		hf etcd get "$cp" "$key" "${repo[@]}" && echo >>out &&
			same want out || return 1
	done
	hf etcd get "$cp@$compacted" /k/7 "${repo[@]}" &&
		[ "$(cat out)" = '7 1,2,3,4,5,6,7' ]
}
not_there() {
	fails 4 "no key '/k/8' at revision $newest" "it was deleted at" -- \
		etcd get "$cp" /k/8 "${repo[@]}" &&
		fails 4 "the nearest is '/registry/minions/worker-1'" -- \
			etcd get "$cp" /registry/minions/w2 "${repo[@]}" &&
		fails 4 "revision $((newest + 1)) is" \
			"the revisions $compacted to $newest" -- \
			etcd ls "$cp@$((newest + 1))" "${repo[@]}" &&
		fails 4 "revision $((compacted - 1)) is" \
			"the revisions $compacted to $newest" -- \
			etcd export "$cp@$((compacted - 1))" "${repo[@]}" &&
		fails 2 "'0' is no revision" -- etcd ls "$cp@0" "${repo[@]}"
}
differences() {
	ctl get '' --from-key --rev "$compacted" -w json >before &&
		ctl get '' --from-key -w json >after &&
		hf etcd diff "$cp@$compacted" "@$newest" "${repo[@]}" --json &&
		compare diff before out after &&
		hf etcd diff "$cp@$newest" "$cp" "${repo[@]}" &&
		[ ! -s out ] && says err "0 added, 0 removed, 0 changed" &&
		hf etcd diff "$cp@$compacted" "@$newest" /k/ "${repo[@]}" \
			--values &&
		[ "$(grep -c '^[-+~] ' out)" = 2 ] &&
		says out '- /k/8' '~ /k/7' '    + a second life'
}

# What is named alone is compared with what came before or after it.
since_revision() {
	hf etcd diff "$cp@$compacted" "@$newest" /k/ "${repo[@]}" &&
		cp out want && [ -s want ] &&
		hf etcd diff "$cp@$compacted" /k/ "${repo[@]}" &&
		same want out &&
		fails 2 "'/k/' names no backup" -- \
			etcd diff "$cp@$compacted" /k/ "$cp" "${repo[@]}"
}
since_backup() {
	fails 4 "no backup of the source 'records' before" BACKUP@REV -- \
		etcd diff latest:records "${repo[@]}" &&
		{ ctl put /k/1 changed && ctl del /k/2 && ctl put /new 1; } \
			>puts &&
		hf backup "${repo[@]}" --from "etcd:$ETCD_ENDPOINTS" \
			--source-name records &&
		hf etcd diff latest:records "${repo[@]}" &&
		printf '%s\n' '~ /k/1' '- /k/2' '+ /new' >want &&
		same want out &&
		hf etcd diff latest:records /k/ "${repo[@]}" &&
		printf '%s\n' '~ /k/1' '- /k/2' >want && same want out
}
kubernetes() {
	hf etcd ls "$cp" /registry/ "${repo[@]}" --values &&
		says out '(nodes worker-1)' '(secrets default/db)' \
			'protobuf v1 Secret, 20 B' '(services default/web)' \
			'encrypted by aescbc:v1:key1, 25 B' \
			'(crontabs.stable.example.com default/c)' &&
		hf etcd ls "$cp" /registry/ "${repo[@]}" &&
		! grep -q protobuf out
}

# A terminal is never sent what it would obey: not a key, not a value.
on_terminal() {
	script -qec "'$holdfast' $*" /dev/null </dev/null >out 2>err
}
terminal() {
	local key
	key=$(printf 'esc\033[2J')
	printf '%s' "$key" >key
	on_terminal etcd ls "$cp" esc "${repo[@]}" --values &&
		says out 'esc\x1b[2J' '\x1b]0;x\x07' || return 1
	! grep -qF "$key" out || return 1
	! on_terminal etcd get "$cp" "\"\$(cat '$tmp/key')\"" "${repo[@]}" &&
		says out 'may control the terminal' &&
		! grep -q "$(printf '\033]0')" out &&
		on_terminal etcd get "$cp" "\"\$(cat '$tmp/key')\"" \
			"${repo[@]}" --binary &&
		grep -q "$(printf '\033]0;x')" out
}
no_etcd() {
	hf backup "${repo[@]}" --from "stream:exec:echo x" --source-name s &&
		fails 2 "not of an etcd" -- etcd ls latest:s "${repo[@]}"
}
proved() {
	hf verify "$cp" --level 3 "${repo[@]}" && says out 'level 3: '
}

hf keygen --out site.key
hf init "${repo[@]}"
peer etcd "$port"
check "$ETCD: a history" lived
for form in records snapshot; do
	cp=latest:$form
	check "$ETCD, $form: a backup" hf backup "${repo[@]}" \
		--from "etcd:$ETCD_ENDPOINTS" --source-name "$form" \
		--etcd-form "$form"
	check "$ETCD, $form: level 3 proves it" proved
	check "$ETCD, $form: all keys at every revision" all_revisions
	check "$ETCD, $form: by prefix" prefixes
	check "$ETCD, $form: one key, byte for byte" one_key
	check "$ETCD, $form: what is not there" not_there
	check "$ETCD, $form: what has changed" differences
	check "$ETCD, $form: what has changed since a revision" since_revision
	check "$ETCD, $form: names of Kubernetes" kubernetes
	check "$ETCD, $form: a terminal is not misled" terminal
done
check "$ETCD: the two forms are the same" hf etcd diff latest:records \
	latest:snapshot "${repo[@]}"
check "$ETCD: what has changed since the backup before" since_backup
check "$ETCD: another backup is refused" no_etcd
finish
