#!/bin/bash
# journey_scenario.sh HOLDFAST file|versitygw|ceph PORT: the whole path, from init
# to rotation, with a real store, in TAP; and the search for planted secrets.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
kind=$2
port=$3
marker=marker$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')

mkdir -p tree/deep/er
echo a >tree/a
seq 200000 >tree/deep/b
head -c 2000000 /dev/urandom >tree/deep/er/c
ln -s a tree/link
ln tree/a tree/hard
printf '%s' "$marker-pass" >pass
chmod 600 pass

# place OPTION...: where the repository is, and the configuration that says so.
place() {
	repo=("$@")
	configure "$@"
}
configure() {
	local word
	{
		echo "keys:"
		echo "  site: { type: file, path: $tmp/site.key }"
		echo "  phrase: { type: passphrase, from: 'file:$tmp/pass' }"
		echo "repositories:"
		echo "  main:"
		echo "    url: $2"
		shift 2
		while [ $# -gt 0 ]; do
			word=${1#--}
			word=${word//-/_}
			if [ "$word" = path_style ]; then
				echo "    path_style: true"
				shift
			else
				echo "    $word: '$2'"
				shift 2
			fi
		done
		echo "    keys: [site, phrase]"
		echo "    retention: { keep_last: 1 }"
		echo "sources:"
		echo "  node: { type: tree, path: $tmp/tree, repository: main }"
		echo "  words: { type: stream, command: 'exec:seq 1000' }"
	} >holdfast.yaml
}
secrets() {
	printf %s "$S3_ACCESS" >access
	printf %s "$S3_SECRET" >secret
	chmod 600 access secret
	s3=(--region "$S3_REGION" --access-key "file:$tmp/access"
		--secret-key "file:$tmp/secret")
}

said() { cat out err >>said; }
line() { # COMMAND...: said on the line alone
	hf -v "$@" "${repo[@]}" --key "file:$tmp/site.key" \
		--key "passphrase:file:$tmp/pass"
	local rc=$?
	said
	return $rc
}
filed() { # COMMAND...: with the configuration
	hf -v --config holdfast.yaml "$@"
	local rc=$?
	said
	return $rc
}

init() {
	line init && says out fingerprint &&
		fails 5 "nothing was written" -- init "${repo[@]}" \
			--key "file:$tmp/site.key"
}
backups() {
	line backup --from "tree:$tmp/tree" --source-name node &&
		filed backup && says out node words && filed list &&
		[ "$(wc -l <out)" = 4 ]
}
shows() {
	filed show latest:node && says out node && filed show --files latest:node &&
		says out deep/er/c link
}
verifies() {
	local l
	for l in 0 1 2 3; do
		line verify --level $l && says out "level $l: " || return 1
	done
	filed verify latest --level 3
}
restores() {
	line restore latest:node --to whole && same_tree tree whole &&
		[ "$(stat -c %h whole/a)" = 2 ] &&
		filed restore latest:node --to part --only 'deep/**' &&
		same_tree tree/deep part/deep && [ ! -e part/a ] &&
		filed restore latest:node --to none --dry-run && [ ! -e none ] &&
		echo mine >whole/a &&
		fails 5 --overwrite -- restore latest:node --to whole \
			--config holdfast.yaml && [ "$(cat whole/a)" = mine ] &&
		filed restore latest:node --to whole --overwrite &&
		same_tree tree whole
}
cats() {
	filed cat latest:node deep/b && same out tree/deep/b &&
		filed cat latest:words && [ "$(wc -l <out)" = 1000 ]
}
prunes() {
	local id
	filed list && id=$(sed -n 's/ .* node .*//p' out | head -n 1) &&
		filed prune --dry-run && filed list && says out "$id" &&
		filed prune && filed list && ! grep -q "$id" out &&
		filed list --removed && says out "$id" &&
		filed prune --undo "$id" && filed list && says out "$id" &&
		filed restore "$id" --to again && same_tree tree again
}
keys() {
	hf keygen --out new.key && hf keygen --out third.key &&
		filed key list && [ "$(grep -c root out)" = 2 ] &&
		filed key add "file:$tmp/third.key" && filed key list &&
		[ "$(grep -c root out)" = 3 ] &&
		hf cat latest:node a "${repo[@]}" --key "file:$tmp/third.key" &&
		same out tree/a
}
third() { filed key list && sed -n 's/ .*file .*root *$//p' out | tail -n 1; }
removed() {
	local fp
	fp=$(third) && [ -n "$fp" ] && filed key remove "$fp" &&
		fails 7 third.key -- cat latest:node a "${repo[@]}" \
			--key "file:$tmp/third.key"
}
# Killed as soon as the first key is wrapped anew, then run again.
rotates() {
	"$holdfast" --config holdfast.yaml rotate-key "file:$tmp/new.key" \
		>/dev/null 2>&1 &
	sleep 0.2
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	filed rotate-key "file:$tmp/new.key" && filed key list &&
		hf restore latest:node --to rotated "${repo[@]}" \
			--key "file:$tmp/new.key" && same_tree tree rotated
}
doctor() {
	filed doctor && ! grep -q WRONG out && says out clock keys
}
jsons() {
	local c
	for c in list "list --removed" "show latest" "show latest:node --files" \
		"verify --level 3" "key list" doctor "writer show" "writer list" \
		backup "prune --dry-run"; do
		# shellcheck disable=SC2086 # One word each.
		json --config holdfast.yaml $c || { echo "# $c" && return 1; }
		said
	done
	where=err json --config holdfast.yaml restore latest:node --to js
}

# What this store is for, with nothing but its names.
left_nothing() {
	local word hits
	hits=$(for word in "$marker-pass" "$(cat site.key)" "$(cat new.key)" \
		"${S3_SECRET:-$marker-pass}"; do
		grep -rlaF -- "$word" "$tmp/state" "$tmp/said" "$tmp/out" \
			"$tmp/err" "${data[@]}"
	done)
	[ -z "$hits" ] || { echo "# found in: $hits" && false; }
}

# around: everything, with one way to reach the place.
around() {
	local how=$1
	: >said
	rm -rf state whole part again rotated js ./*.key
	hf keygen --out site.key
	check "$how: init, once" init
	check "$how: backups, by the line and by the configuration" backups
	check "$how: show" shows
	check "$how: verify, levels 0 to 3" verifies
	check "$how: restore: whole, in part, not at all, over what is there" \
		restores
	check "$how: cat" cats
	check "$how: prune and undo" prunes
	check "$how: a key is added" keys
	check "$how: a key is removed" removed
	check "$how: a rotation that was killed is run again" rotates
	check "$how: doctor finds nothing" doctor
	check "$how: every answer in JSON" jsons
	check "$how: no secret in the store, the state or what was said" \
		left_nothing
}

data=()
case $kind in
file)
	place --repo "file:$tmp/repo"
	data=("$tmp/repo")
	around "a folder"
	;;
versitygw)
	peer versitygw "$port"
	secrets
	data=("$tmp/versitygw/data")
	place --repo s3://test/one --endpoint "$S3_HTTP" --path-style "${s3[@]}"
	around "http, path style"
	place --repo s3://test/two --endpoint "$S3_VIRTUAL" "${s3[@]}"
	around "virtual hosts"
	place --repo s3://test/three --endpoint "$S3_HTTPS" --path-style \
		--ca-file "$S3_CA" "${s3[@]}"
	around "https"
	;;
ceph)
	peer ceph "$port"
	secrets
	place --repo s3://test/one --endpoint "$S3_HTTPS" --path-style \
		--ca-file "$S3_CA" "${s3[@]}"
	around "Ceph"
	;;
esac
finish
