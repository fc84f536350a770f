#!/bin/sh
# Makes a small repository with a writer who was revoked and a removal that
# was undone, and beside it what counts for nothing in it: a manifest that the
# writer has signed and the revocation does not name, and the tombstone:
#
#   test/vector/make-revoked.sh build/holdfast OUT
#
# OUT must not exist.  test/vector/v1-revoked holds what this made when the
# objects r and u were fixed; it is never made again.  The key is public.
set -eu

holdfast=$(realpath "$1")
[ ! -e "$2" ] || { echo "make-revoked.sh: '$2' exists" >&2; exit 1; }
mkdir -p "$2/late"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077
unset HOLDFAST_CONFIG HOLDFAST_REPO HOLDFAST_KEY HOLDFAST_STATE_DIR
export XDG_CONFIG_HOME="$work/config"

repo() { # HOST COMMAND...
	host=$1 command=$2
	shift 2
	"$holdfast" "$command" --quiet --repo "file:$out/repo" --host "$host" \
		--key "file:$out/site.key" --state-dir "$work/$host" "$@"
}
objects=$out/repo/hf1/main

printf '%064d\n' 7 > "$out/site.key"
mkdir "$work/tree"
echo something > "$work/tree/file"
repo owner init > "$work/init"
repo owner backup --from "tree:$work/tree" --source-name tree
repo lost backup --from "tree:$work/tree" --source-name lost
find "$objects/s" -type f | sort > "$work/before"
repo lost backup --from "tree:$work/tree" --source-name lost --full
find "$objects/s" -type f | sort | comm -13 "$work/before" - |
	while read -r manifest; do
		mv "$manifest" "$out/late"
	done
"$holdfast" writer revoke lost --quiet --repo "file:$out/repo" --host owner \
	--key "file:$out/site.key" --state-dir "$work/owner"
echo more >> "$work/tree/file"
repo owner backup --from "tree:$work/tree" --source-name tree
repo owner prune --keep-last 1 --force
cp "$objects"/t/*.hft "$out/late"
removed=$(basename "$objects"/t/*.hft .hft)
repo owner prune --undo "$removed"
