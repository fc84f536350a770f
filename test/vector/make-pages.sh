#!/bin/sh
# Makes a small repository with two backups of an etcd as pages, a full one and
# an increment, and the SHA-256 of what must come out of each:
#
#   test/vector/make-pages.sh build/holdfast OUT PORT
#
# OUT must not exist.  test/vector/v1-pages holds what this made when the form
# was fixed; it is never made again.  The key in here is public.
set -eu

holdfast=$(realpath "$1")
[ ! -e "$2" ] || { echo "make-pages.sh: '$2' exists" >&2; exit 1; }
mkdir -p "$2"
out=$(realpath "$2")
port=$3
peer=$(dirname "$(realpath "$0")")/../peers/etcd.sh
work=$(mktemp -d)
trap '"$peer" stop "$work/etcd" >/dev/null 2>&1; rm -rf "$work"' EXIT
umask 077
unset HOLDFAST_CONFIG HOLDFAST_REPO HOLDFAST_KEY HOLDFAST_STATE_DIR
export ETCD=3.5
"$peer" start "$work/etcd" "$port" > "$work/started"
# shellcheck disable=SC1091 # It is made by the line above.
. "$work/etcd/env"
export XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state"

repo() {
	command=$1
	shift
	"$holdfast" "$command" --quiet --repo "file:$out/repo" --host vector \
		--key "file:$out/site.key" "$@"
}
put() {
	"$ETCD_BIN/etcdctl" --endpoints "$ETCD_ENDPOINTS" put "$@" \
		> "$work/put"
}

printf '%064d\n' 7 > "$out/site.key"
repo init > "$work/init"
for i in $(seq 300); do
	put "/fill/$i" "$(seq "$i" $((i + 200)))"
done
repo backup --from "etcd:$ETCD_ENDPOINTS" --source-name cp --etcd-form pages
repo cat latest:cp snapshot.db | sha256sum | cut -d' ' -f1 > "$out/sha256"
put /fill/150 'something else'
repo backup --from "etcd:$ETCD_ENDPOINTS" --source-name cp --etcd-form pages
repo cat latest:cp snapshot.db | sha256sum | cut -d' ' -f1 >> "$out/sha256"
