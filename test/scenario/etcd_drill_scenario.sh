#!/bin/bash
# etcd_drill_scenario.sh HOLDFAST VERSION PORT: backups of an etcd of that
# version, good and damaged, are drilled with the real server, in TAP.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2 MEMBERS=1 TLS=mutual AUTH=on
port=$3
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
mkdir "$tmp/scratch"
export TMPDIR=$tmp/scratch
unset ETCDCTL_API

ctl() {
	etcdctl --endpoints \
		"$ETCD_ENDPOINTS" --cacert "$ETCD_CA" --cert "$ETCD_CERT" \
		--key "$ETCD_KEY" --user root:rootpw "$@"
}
backed_up() { # NAME OPTION...
	local name=$1
	shift
	hf backup "${repo[@]}" --source-name "$name" "$@" \
		--from "etcd:$ETCD_ENDPOINTS" --etcd-ca "$ETCD_CA" \
		--etcd-cert "$ETCD_CERT" --etcd-key "$ETCD_KEY" \
		--etcd-user root --etcd-password "file:$tmp/rootpw"
}
lived() {
	local n lease pid
	hf init "${repo[@]}" || return 1
	for n in $(seq 30); do
		ctl put "/k/$n" "$n $(seq -s, "$n")" >puts || return 1
	done
	ctl del /k/7 >puts && ctl compaction 20 >puts || return 1
	# It lives until it was backed up.
	lease=$(ctl lease grant 10 | sed 's/lease \([^ ]*\) .*/\1/')
	ctl lease keep-alive "$lease" >kept-alive &
	pid=$!
	at_end kill $pid
	ctl put --lease="$lease" /soon/gone x >puts &&
		backed_up cp --etcd-form records &&
		backed_up raw --etcd-form snapshot && kill $pid
}
drill() { hf drill etcd "$@" "${repo[@]}" --etcd-program "$ETCD_BIN/etcd"; }
nothing_left() {
	[ -z "$(ls -A "$TMPDIR")" ] || {
		echo "# left: $(ls -A "$TMPDIR")"
		return 1
	}
	! pgrep -f "listen-client-urls unix://client:1" -s 0 >/dev/null
}

good() {
	drill "latest:$1" && says out "level 4: etcd $version serves it" \
		'30 keys, ' 'restored in' && nothing_left &&
		hf list "$1" "${repo[@]}" && says out 'verified to level 4'
}
in_json() {
	json drill etcd latest:cp "${repo[@]}" --etcd-program "$ETCD_BIN/etcd" &&
		says out '"good":true' '"attested":true'
}
kept() {
	local at
	drill latest:cp --keep && at=$(sed -n 's/^kept: //p' out) &&
		[ -f "$at/data/member/snap/db" ] && [ -s "$at/log" ] &&
		[ "$(stat -c %a "$at")" = 700 ] && rm -r "$at" && nothing_left
}
no_program() {
	fails 4 "no-such" --etcd-program -- drill etcd latest:cp "${repo[@]}" \
		--etcd-program no-such && nothing_left &&
		fails 2 "is no etcd" -- drill etcd latest:cp "${repo[@]}" \
			--etcd-program true && nothing_left &&
		hf list cp "${repo[@]}" && says out 'verified to level 4'
}
# An etcd that dies, or that serves something else, is told and attested.
cat >dies <<'.'
#!/bin/sh
[ "$1" != --version ] || { echo "etcd Version: 99.0.0"; exit; }
echo "it is broken" >&2
exit 3
.
chmod +x dies
told_of_death() {
	fails 8 'failed the drill' -- drill etcd latest:raw "${repo[@]}" \
		--etcd-program ./dies && says out 'BAD' 'it is broken' &&
		nothing_left && hf list raw "${repo[@]}" &&
		says out 'found damaged'
}
# A bit rots on the way to the server: bbolt's pages have no sums.
cat >rots <<'.'
#!/bin/sh
[ "$1" = --version ] ||
	LC_ALL=C sed -i 's,/soon/gone,/sooN/gone,' data/member/snap/db
exec "$REAL" "$@"
.
chmod +x rots
told_of_rot() {
	REAL=$ETCD_BIN/etcd fails 8 'failed the drill' -- \
		drill etcd latest:cp "${repo[@]}" --etcd-program ./rots &&
		says out "BAD: etcd's HashKV is" && nothing_left
}
older() {
	cat >old <<-'.'
		#!/bin/sh
		echo "etcd Version: 3.1.0"
	.
	chmod +x old
	fails 2 'older minor version' -- drill etcd latest:cp "${repo[@]}" \
		--etcd-program ./old && nothing_left
}
stopped() {
	"$holdfast" drill etcd latest:raw "${repo[@]}" \
		--etcd-program ./hangs >out 2>err &
	local pid=$! rc
	until_true test -s hanging || return 1
	kill "$1" $pid
	wait $pid 2>/dev/null
	rc=$?
	until_true gone "$(cat hanging)" && rm hanging && [ $rc = "$2" ]
}
gone() { ! runs "$1"; }
cat >hangs <<.
#!/bin/sh
[ "\$1" != --version ] || { echo "etcd Version: 99.0.0"; exit; }
echo \$\$ >"$tmp/hanging"
exec sleep 98765
.
chmod +x hangs
interrupted() {
	stopped -INT 13 && nothing_left && stopped -HUP 13 && nothing_left
}
killed() { stopped -KILL 137 && rm -r "$TMPDIR"/holdfast-drill-*; }
# Heard even if it waits for an answer: who is connected to is silent.
cat >silent <<'.'
#!/bin/sh
[ "$1" != --version ] || { echo "etcd Version: 99.0.0"; exit; }
exec /usr/bin/python3 -c '
import os, signal, socket
s = socket.socket(socket.AF_UNIX)
s.bind("client:1")
s.listen()
c, _ = s.accept()
c.recv(1)
os.kill(os.getppid(), signal.SIGINT)
signal.pause()'
.
chmod +x silent
interrupted_waiting() {
	fails 13 'interrupted' -- drill etcd latest:raw "${repo[@]}" \
		--etcd-program ./silent && nothing_left
}
# A disk that is full makes no backup bad.
cat >fills <<'.'
#!/bin/sh
[ "$1" != --version ] || { echo "etcd Version: 99.0.0"; exit; }
head -c 200000000 /dev/zero >fill
echo "no space left on device" >&2
exit 1
.
chmod +x fills
no_room() {
	local rc=0
	mkdir small && mount -t tmpfs -o size=100m none small || return 1
	at_end umount "$tmp/small"
	TMPDIR=$tmp/small fails 10 'etcd has failed' 'is full' \
		'nothing is said of the backup' -- \
		drill etcd latest:cp "${repo[@]}" --etcd-program ./fills &&
		[ -z "$(ls -A small)" ] && hf list cp "${repo[@]}" &&
		says out 'verified to level 4' || rc=1
	umount small
	return $rc
}
damaged() {
	local pack
	for pack in repo/hf1/main/p/*/*; do
		flip "$pack" $(($(stat -c %s "$pack") / 2))
	done
	drill latest:cp
	[ $? = 8 ] && says out 'BAD: it cannot be restored' &&
		says err 'has failed the drill' && nothing_left &&
		hf list cp "${repo[@]}" && says out 'found damaged'
}

printf rootpw >rootpw
chmod 600 rootpw
hf keygen --out site.key
peer etcd "$port"
version=$("$ETCD_BIN/etcd" --version | sed -n 's/etcd Version: //p')
check "etcd $ETCD: fill it, back it up" lived
"$peers/etcd.sh" stop "$tmp/etcd"
# What would lead a server astray that is started with it.
export ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:1 ETCD_NAME=other
check "etcd $ETCD: a good backup is served" good cp
check "etcd $ETCD: one that is a snapshot, too" good raw
check "etcd $ETCD: in JSON" in_json
check "etcd $ETCD: what was restored may be kept" kept
check "etcd $ETCD: without an etcd nothing is attested" no_program
check "etcd $ETCD: nor with one that is too old" older
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	check "etcd $ETCD: nor if there is no room for it" no_room
fi
check "etcd $ETCD: interrupted, nothing is left" interrupted
check "etcd $ETCD: interrupted while it waits for an answer" interrupted_waiting
check "etcd $ETCD: killed, its server goes too" killed
check "etcd $ETCD: a server with other keys is told" told_of_rot
check "etcd $ETCD: a server that dies is told" told_of_death
check "etcd $ETCD: a damaged backup is attested so" damaged
finish
