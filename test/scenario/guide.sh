#!/bin/bash
# guide.sh HOLDFAST GUIDE PORT: run every `sh` block of the guide, in order, in one
# shell with an empty home folder; one line of TAP for each block.  Those marked
# `sh etcd` are run if there is an etcd, which is then at $ETCD.
holdfast=$(realpath "$1")
guide=$2
peer=$(cd "$(dirname "$0")/../peers" && pwd)/etcd.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-guide-XXXXXX")
trap '"$peer" stop "$dir/etcd" >/dev/null 2>&1; rm -rf "$dir"' EXIT
mkdir "$dir/bin" "$dir/home"
ln -s "$holdfast" "$dir/bin/holdfast"
marks='^```sh$'
if ETCD=3.6 MEMBERS=1 TLS=off AUTH=off \
	"$peer" start "$dir/etcd" "$3" >"$dir/start" 2>&1; then
	# shellcheck disable=SC1091 # It is made by the line above.
	. "$dir/etcd/env"
	ln -s "$ETCD_BIN/etcdctl" "$dir/bin/etcdctl"
	marks='^```sh( etcd)?$'
elif [ "${CI:-}" = true ]; then
	echo "Bail out! $(tail -n 1 "$dir/start")"
	exit 1
else
	echo "# without etcd: $(tail -n 1 "$dir/start")"
fi

# A block prints its number when it is through.  `! COMMAND` must fail, which
# bash itself would not insist on.
awk -v dir="$dir" -v marks="$marks" '
	$0 ~ marks { on = 1; n++; next }
	/^```$/ && on { on = 0; print "echo " n " >>" dir "/done"; next }
	on && /^! / { print "if " substr($0, 3) "; then exit 1; fi"; next }
	on { print }
	END { print n >(dir "/count") }
' "$guide" >"$dir/script"

env -i HOME="$dir/home" PATH="$dir/bin:$PATH" TMPDIR="$dir" \
	XDG_STATE_HOME="$dir/home/.local/state" LANG=C.UTF-8 \
	ASAN_OPTIONS="${ASAN_OPTIONS:-}" ETCD="${ETCD_ENDPOINTS:-}" \
	bash -euo pipefail "$dir/script" >"$dir/out" 2>&1 </dev/null

count=$(cat "$dir/count")
through=$(wc -l <"$dir/done")
echo "1..$count"
for ((n = 1; n <= count; n++)); do
	if [ "$n" -le "$through" ]; then
		echo "ok $n - block $n of the guide"
	else
		echo "not ok $n - block $n of the guide"
	fi
done
[ "$through" = "$count" ] || tail -20 "$dir/out" | sed 's/^/# /'
