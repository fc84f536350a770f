#!/bin/bash
# power_legacy_crash.sh HOLDFAST POWER: the power goes while the program
# stands in for etcd-backup, or takes its backups over.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=test/crash/power_lib.sh
. "$here/power_lib.sh"
vector=$here/../vector/legacy

COPY=$ROOT/copy/bucket
# Within an hour of the one in the vectors: a dump that is named otherwise is
# taken for a renamed one.
TIMES=(2024-12-06T21:22:25Z 2024-12-06T21:22:26Z 2024-12-06T21:22:27Z)

# configure KEY: config.yml with that master key.
configure() {
	cat >"$ROOT/config.yml" <<-EOF
		snapshot_path: $ROOT/snapshot.db
		encryption_key_path: $ROOT/$1
		s3_client:
		  objects_prefix: p
		  endpoint: file:$ROOT/copy
		  bucket: bucket
	EOF
}
# dumps N: so many backups of that tool, and the configuration for them.
dumps() {
	local t

	mkdir -p "$COPY" && for t in "${TIMES[@]:0:$1}"; do
		cp "$vector/x.dump" "$COPY/p-$t.dump" &&
			cp "$vector/x.key" "$COPY/p-$t.key" || return 1
	done
	install -m 600 "$vector/master.key" "$ROOT/master.key" &&
		configure master.key
}
old() { "$1" etcd-backup "${@:2}" --config "$ROOT/config.yml"; }

one() { dumps 1; }
restore() { old record restore -u=false; }
is_plain() { cmp "$ROOT/snapshot.db" "$vector/x.plain"; }
restore_check() {
	if ended || [ -e "$ROOT/snapshot.db" ]; then is_plain; fi &&
		rm -f "$ROOT/snapshot.db" && old holdfast restore -u=false &&
		is_plain
}
power_each 'a snapshot of etcd-backup' one restore restore_check

with_snapshot() { one && echo old >"$ROOT/snapshot.db"; }
replace() { old record restore -u=false --overwrite; }
replace_check() {
	is_plain || { ! ended && [ "$(cat "$ROOT/snapshot.db")" = old ]; } &&
		old holdfast restore -u=false --overwrite && is_plain
}
power_each 'a replaced snapshot' with_snapshot replace replace_check

# Once it has said that all are rotated, the old master key is destroyed.
two_keys() {
	dumps 2 && printf '%064x' 7 >"$ROOT/new.key" &&
		chmod 600 "$ROOT/new.key" && configure new.key
}
rotate() { old record rotate-key -p "$ROOT/master.key"; }
rotate_check() {
	local t

	{ ended || old holdfast rotate-key -p "$ROOT/master.key"; } &&
		for t in "${TIMES[@]:0:2}"; do
			rm -f "$ROOT/snapshot.db"
			old holdfast restore -u=false -t "$t" && is_plain ||
				return 1
		done
}
power_each 'a rotation of its keys' two_keys rotate rotate_check
power_killed 'a rotation of its keys, killed before' two_keys rotate \
	rotate_check

three() { dumps 3; }
prune() { old record prune --max-age 15d --min-count 1; }
# The newest is left, and its key.
is_pruned() { [ "$(cd "$COPY" && echo *)" = \
	"p-${TIMES[2]}.dump p-${TIMES[2]}.key" ]; }
prune_check() {
	rm -f "$ROOT/snapshot.db"
	old holdfast restore -u=false -t "${TIMES[2]}" && is_plain &&
		{ ! ended || is_pruned; } &&
		old holdfast prune --max-age 15d --min-count 1 && is_pruned
}
power_each 'a prune of its backups' three prune prune_check

REPO="--repo=file:$ROOT/repo"
to_import() { dumps 2 && holdfast init "$REPO"; }
import() {
	"$1" import etcd-backup --from-config "$ROOT/config.yml" "$REPO" \
		--source-name cp
}
run_import() { import record; }
imported() { [ "$(holdfast list "$REPO" --json | wc -l)" = 2 ]; }
import_check() {
	{ ! ended || imported; } && import holdfast && imported &&
		holdfast verify "$REPO" --level 2 &&
		holdfast cat latest:cp snapshot.db "$REPO" |
			cmp - "$vector/x.plain"
}
power_each 'an import' to_import run_import import_check
power_killed 'an import, killed before' to_import run_import import_check
crash_done
