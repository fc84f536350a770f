#!/bin/bash
# bad_s3_scenario.sh HOLDFAST PORT: an S3 server on a bad day, and a host that
# may put objects and do nothing else, in TAP.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
peer versitygw "$2"
hint="hint: "

# credentials NAME ID SECRET
credentials() {
	printf %s "$2" >"$1.access"
	printf %s "$3" >"$1.secret"
	chmod 600 "$1.access" "$1.secret"
}
credentials owner "$S3_ACCESS" "$S3_SECRET"
credentials host "$S3_WRITER_ACCESS" "$S3_WRITER_SECRET"
credentials wrong "$S3_ACCESS" WRONGSECRET
credentials nobody NOSUCHKEY "$S3_SECRET"

# at WHO ENDPOINT PLACE: options.
at() {
	where=(--repo "$3" --endpoint "$2" --path-style --region "$S3_REGION"
		--access-key "file:$tmp/$1.access"
		--secret-key "file:$tmp/$1.secret")
}
# refuses STATUS WORDS... -- : init, list and backup fail so.
refuses() {
	fails "$@" init "${where[@]}" --key "file:$tmp/site.key" &&
		fails "$@" list "${where[@]}" &&
		fails "$@" backup "${where[@]}" --from "tree:$tmp/tree" \
			--key "file:$tmp/site.key"
}

mkdir -p tree
seq 100000 >tree/a
hf keygen --out site.key

no_bucket() {
	at owner "$S3_HTTP" s3://nosuchbucket/x
	refuses 4 "no bucket 'nosuchbucket'" "make the bucket" --
}
wrong_secret() {
	at wrong "$S3_HTTP" s3://test/x
	refuses 6 s3://test/x SignatureDoesNotMatch "correct or renew" -- &&
		! grep -q "WRONGSECRET" err || return 1
	at nobody "$S3_HTTP" s3://test/x
	refuses 6 s3://test/x InvalidAccessKeyId "correct or renew" --
}
no_credentials() {
	fails 2 "no credentials" access_key -- list --repo s3://test/x \
		--endpoint "$S3_HTTP" --path-style --region "$S3_REGION"
}
not_allowed() {
	at host "$S3_HTTP" s3://test/x
	refuses 6 s3://test/x "$hint" --
}
nobody_there() {
	at owner "http://127.0.0.1:$(($2 + 3))" s3://test/x
	fails 9 "127.0.0.1:$(($2 + 3))" "$hint" -- list "${where[@]}"
}
no_such_host() {
	at owner "http://nosuchhost.invalid" s3://test/x
	fails 9 "nosuchhost.invalid" "$hint" -- list "${where[@]}"
}
not_trusted() {
	at owner "$S3_HTTPS" s3://test/x
	fails 2 "certificate" ca_file -- list "${where[@]}" &&
		fails 2 "certificate" ca_file -- list "${where[@]}" \
			--ca-file "$S3_OTHER_CA" &&
		fails 2 "'$tmp/none'" -- list "${where[@]}" --ca-file "$tmp/none"
}
not_tls() {
	at owner "${S3_HTTP/http:/https:}" s3://test/x
	fails 9 "http://" -- list "${where[@]}"
}

# The server refuses what was signed an hour ago.
at_another_time() {
	ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
		faketime -f "$1" "$holdfast" "${@:2}" >out 2>err
}
clock_off() {
	at owner "$S3_HTTP" s3://test/clock
	local by
	hf init "${where[@]}" --key "file:$tmp/site.key" || return 1
	for by in -1h +1h; do
		at_another_time $by backup "${where[@]}" --key \
			"file:$tmp/site.key" --from "tree:$tmp/tree" &&
			at_another_time $by restore latest "${where[@]}" --key \
				"file:$tmp/site.key" --to "clock$by" &&
			same_tree tree "clock$by" || return 1
		at_another_time $by doctor "${where[@]}" \
			--key "file:$tmp/site.key"
		[ $? = 11 ] && says out "WRONG  clock" && one_error || return 1
	done
	# Times in the repository are the store's.
	hf list --json "${where[@]}" && /usr/bin/python3 -c '
import json, sys, time, datetime
for line in open("out"):
    t = json.loads(line)["time"].replace("Z", "+00:00")
    off = datetime.datetime.fromisoformat(t).timestamp() - time.time()
    assert abs(off) < 600, line'
}

# The owner makes the repository; the host has PutObject and a recipient.
owner_makes() {
	hf keygen --recipient --out escrow.id &&
		recipient=$(sed -n 's/^recipient  *//p' out) &&
		at owner "$S3_HTTP" s3://writeonly/x &&
		hf init "${where[@]}" --key "$recipient" \
			--key "identity:$tmp/escrow.id"
}
owner() {
	at owner "$S3_HTTP" s3://writeonly/x
	HOLDFAST_STATE_DIR=$tmp/state hf "$@" "${where[@]}" \
		--key "identity:$tmp/escrow.id"
}
host() {
	at host "$S3_HTTP" s3://writeonly/x
	HOLDFAST_STATE_DIR=$tmp/host hf "$@" "${where[@]}" --key "$recipient"
}
host_fails() { # STATUS WORDS... -- COMMAND...
	at host "$S3_HTTP" s3://writeonly/x
	HOLDFAST_STATE_DIR=$tmp/host fails "$@" "${where[@]}" --key "$recipient"
}
host_is_new() {
	host_fails 6 "has never seen the repository" "$hint" -- backup \
		--from "tree:$tmp/tree"
}
# It gets pins, F and w of the state folder from the owner, never a key.
host_is_set_up() {
	local public
	at owner "$S3_HTTP" s3://writeonly/x
	HOLDFAST_STATE_DIR=$tmp/host hf writer show "${where[@]}" &&
		public=$(cat out) && [ ${#public} = 64 ] &&
		owner writer add "$public" node7 && at owner "$S3_HTTP" \
		s3://writeonly/x && HOLDFAST_STATE_DIR=$tmp/host \
		hf writer show "${where[@]}" && says out "$public" &&
		[ ! -s err ]
}
host_writes() {
	host backup --from "tree:$tmp/tree" --source-name node7 &&
		host backup --from "tree:$tmp/tree" --source-name node7
}
host_reads_nothing() {
	host_fails 6 "$hint" -- list && host_fails 6 "$hint" -- cat latest a &&
		host_fails 6 "$hint" -- restore latest --to no && [ ! -e no ]
}
owner_restores() {
	owner list && [ "$(grep -c node7 out)" -ge 2 ] &&
		owner verify --level 3 && owner restore latest:node7 --to got &&
		same_tree tree got
}

# The server does what it was asked, and the connection dies: libcurl asks
# again by itself, and is told that the name is taken.
answers_are_lost() {
	local port lossy
	"$here/lossy_proxy.py" "${S3_HTTP##*:}" >lost 2>lossy.err &
	at_end kill $!
	until [ -s lost ]; do sleep 0.1; done
	read -r port <lost
	lossy=http://127.0.0.1:$port
	mkdir -p large && head -c 100000000 /dev/urandom >large/a
	at owner "$lossy" s3://test/lossy
	hf init "${where[@]}" --key "file:$tmp/site.key" &&
		hf backup "${where[@]}" --key "file:$tmp/site.key" \
			--from "tree:$tmp/large" &&
		hf verify "${where[@]}" --key "file:$tmp/site.key" --level 3 &&
		hf restore latest "${where[@]}" --key "file:$tmp/site.key" \
			--to unharmed &&
		same_tree large unharmed || return 1
	at host "$lossy" s3://writeonly/x
	HOLDFAST_STATE_DIR=$tmp/host hf backup "${where[@]}" \
		--key "$recipient" --from "tree:$tmp/large" || return 1
	[ "$(grep -c '^PUT /test/' lost)" -ge 2 ] &&
		[ "$(grep -c '^PUT /writeonly/' lost)" -ge 2 ] ||
		! sed 's/^/# /' lost lossy.err
}

check "a bucket that does not exist" no_bucket
check "wrong credentials" wrong_secret
check "no credentials" no_credentials
check "rights that do not suffice" not_allowed
check "an endpoint where nobody listens" nobody_there "$@"
check "an endpoint whose name nobody knows" no_such_host
check "a certificate that is not trusted" not_trusted
check "TLS where there is none" not_tls
if command -v faketime >/dev/null; then
	check "a clock an hour off: it works, and doctor tells" clock_off
else
	skip "a clock an hour off" "install faketime"
fi
check "an owner makes a repository for a host that cannot read" owner_makes
check "that host, before it was set up" host_is_new
check "that host is set up" host_is_set_up
check "that host writes backups with nothing but PutObject" host_writes
check "that host reads nothing" host_reads_nothing
check "the owner verifies and restores what it wrote" owner_restores
check "answers that are lost after the work was done" answers_are_lost
finish
