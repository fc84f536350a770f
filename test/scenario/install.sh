#!/bin/bash
# install.sh BUILD: what `meson install` lays down, in a folder of the test's.
build=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-install-XXXXXX")
trap 'rm -rf "$dir"' EXIT
n=0
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

DESTDIR=$dir meson install -C "$build" --no-rebuild >"$dir/log" 2>&1
result $? 'it installs'
root=$dir$(sed -n 's/^Installing .*holdfast to \(.*\)\/bin$/\1/p' "$dir/log" |
	sed "s|^$dir||" | head -n 1)

"$root/bin/holdfast" --version | grep -q '^holdfast '
result $? 'the program runs'

"$root/bin/etcd-backup" prune --help | grep -q -- --min-count
result $? 'and by its other name the other program'

missing=0
while read -r command; do
	[ -s "$root/share/man/man1/holdfast-$command.1" ] ||
		{ missing=1 && echo "# no page for '$command'"; }
done < <("$root/bin/holdfast" help |
	sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z -]*[a-z]\)\(  .*\)\?$/\1/p' |
	sed 's/ /-/g')
result $missing 'every command has a manual page'

[ -s "$root/share/man/man5/holdfast.yaml.5" ]
result $? 'the configuration has one, too'

[ -s "$root/share/bash-completion/completions/holdfast" ] &&
	[ -s "$root/share/zsh/site-functions/_holdfast" ] &&
	[ -s "$root/share/fish/vendor_completions.d/holdfast.fish" ]
result $? 'three shells get their completion'

[ -s "$root/share/doc/holdfast/LICENSE" ]
result $? 'the licence comes with it'
echo "1..$n"
