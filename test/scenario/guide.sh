#!/bin/bash
# guide.sh HOLDFAST GUIDE: run every `sh` block of the guide, in order, in one
# shell with an empty home folder; one line of TAP for each block.
holdfast=$(realpath "$1")
guide=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-guide-XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin" "$dir/home"
ln -s "$holdfast" "$dir/bin/holdfast"

# A block prints its number when it is through.  `! COMMAND` must fail, which
# bash itself would not insist on.
awk -v dir="$dir" '
	/^```sh$/ { on = 1; n++; next }
	/^```$/ && on { on = 0; print "echo " n " >>" dir "/done"; next }
	on && /^! / { print "if " substr($0, 3) "; then exit 1; fi"; next }
	on { print }
	END { print n >(dir "/count") }
' "$guide" >"$dir/script"

env -i HOME="$dir/home" PATH="$dir/bin:$PATH" TMPDIR="$dir" \
	XDG_STATE_HOME="$dir/home/.local/state" LANG=C.UTF-8 \
	ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
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
