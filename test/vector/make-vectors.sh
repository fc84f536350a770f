#!/bin/sh
# Makes a small repository that has one of everything, and what must come out
# of it again:
#
#   test/vector/make-vectors.sh build/holdfast OUT
#
# OUT must not exist.  test/vector/vN holds what this made when version N of
# the format was fixed; those are never made again.  Keys in here are public.
set -eu

holdfast=$(realpath "$1")
[ ! -e "$2" ] || { echo "make-vectors.sh: '$2' exists" >&2; exit 1; }
mkdir -p "$2"
out=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077
unset HOLDFAST_CONFIG HOLDFAST_REPO HOLDFAST_KEY HOLDFAST_STATE_DIR
export XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state"

# Alice of RFC 7748 is the identity.
printf '%064d\n' 7 > "$out/site.key"
echo 'correct horse battery staple' > "$out/passphrase"
echo hfi177076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2abb504be2 \
	> "$out/identity"
recipient=recipient:hfr18520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6ad9eb95a7

hf() {
	command=$1
	shift
	"$holdfast" "$command" --quiet "$@"
}
repo() {
	command=$1
	shift
	hf "$command" --repo "file:$out/repo" --host vector \
		--key "file:$out/site.key" \
		--key "passphrase:file:$out/passphrase" "$@"
}

/usr/bin/python3 "$here/vector_test.py" --make-tree "$work/tree"
# What is younger than the clock's tick is read again: wait.  Then a full
# backup, an increment on it, and an increment on that.
repo init --key "$recipient" > "$work/init"
sleep 3
repo backup --from "tree:$work/tree" --source-name tree
echo 'here is something new' >> "$work/tree/a.b/between"
sleep 3
repo backup --from "tree:$work/tree" --source-name tree
echo 'and here' >> "$work/tree/a0/after"
repo backup --from "tree:$work/tree" --source-name tree
/usr/bin/python3 "$here/vector_test.py" --describe "$work/tree" \
	> "$out/tree.txt"
seq 1 200000 | tee "$work/stream" |
	repo backup --from stream:- --source-name stream
sha256sum < "$work/stream" | cut -d' ' -f1 > "$out/stream.sha256"

repo prune --keep-last 2
repo verify latest:tree --level 3

hf seal --key "file:$out/site.key" \
	--key "passphrase:file:$out/passphrase" --key "$recipient" \
	< "$work/stream" > "$out/stream.hfs"
hf seal --key "file:$out/site.key" < /dev/null > "$out/empty.hfs"
