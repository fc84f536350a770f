#!/bin/bash
# etcd_journey_scenario.sh HOLDFAST VERSION PORT: an etcd of that version, backed up
# into a folder and a bucket, lost, brought back and started again, in TAP.
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2
port=$3
repo=(--repo "file:$tmp/repo" --key "file:$tmp/site.key")
unset ETCDCTL_API

# ctl ENDPOINT COMMAND...: with all that this server wants to see.
ctl() {
	local at=$1
	shift
	etcdctl --endpoints "$at" "${client[@]}" "${user[@]}" "$@"
}
first() { echo "${ETCD_ENDPOINTS%%,*}"; }

# up NAME=VALUE...: a new server with a few keys, and how to reach it.
up() {
	"$peers/etcd.sh" stop "$tmp/etcd"
	for setting in TLS=off AUTH=off MEMBERS=1 "$@"; do
		export "${setting?}"
	done
	peer etcd "$port"
	client=() options=() user=()
	[ "$TLS" = off ] || {
		client=(--cacert "$ETCD_CA" --cert "$ETCD_CERT" --key "$ETCD_KEY")
		options=(--etcd-ca "$ETCD_CA" --etcd-cert "$ETCD_CERT"
			--etcd-key "$ETCD_KEY")
	}
	[ "$AUTH" = off ] || {
		user=(--user root:rootpw)
		options+=(--etcd-user root --etcd-password "file:$tmp/rootpw")
	}
	for n in $(seq 60); do
		ctl "$(first)" put "/registry/$n" "$n of $1 $(seq -s, "$n")"
	done >puts
	ctl "$(first)" get '' --from-key >keys
	[ "$(grep -c registry keys)" = 60 ]
}

# restored FILE: etcd's own tool takes it, and a server on it has the same keys.
restored() {
	local at=http://127.0.0.1:$((port + 8)) tool=$ETCD_BIN/etcdutl pid rc
	local us=http://127.0.0.1:$((port + 9))
	[ -x "$tool" ] || tool=$ETCD_BIN/etcdctl
	rm -rf again
	"$tool" snapshot restore "$1" --name again --data-dir again \
		--initial-cluster "again=$us" \
		--initial-advertise-peer-urls "$us" >tool-said 2>&1 || {
		sed 's/^/# /' tool-said
		return 1
	}
	"$ETCD_BIN/etcd" --name again --data-dir again \
		--listen-client-urls "$at" --advertise-client-urls "$at" \
		--listen-peer-urls "$us" --initial-advertise-peer-urls "$us" \
		--initial-cluster "again=$us" >booted 2>&1 &
	pid=$!
	# It has the users of the old one, but speaks in the clear.
	serves "$pid" "$at" booted &&
		etcdctl --endpoints "$at" "${user[@]}" get '' --from-key \
			>there 2>&1 && same keys there
	rc=$?
	kill "$pid"
	wait "$pid" 2>/dev/null
	return $rc
}

# there_and_back OPTION...: the whole path with this repository, as records and
# as the snapshot's bytes.
there_and_back() {
	local form
	for form in records snapshot; do
		hf backup "$@" --from "etcd:$ETCD_ENDPOINTS" --source-name $form \
			--etcd-form $form "${options[@]}" &&
			hf verify latest:$form --level 3 "$@" &&
			says out "level 3: " && rm -rf back &&
			hf restore latest:$form --as-snapshot back "$@" &&
			restored back || return 1
	done
	hf cat latest:snapshot snapshot.db "$@" && restored out
}
to_folder() { up "$@" && there_and_back "${repo[@]}"; }
to_bucket() {
	s3=(--repo s3://test/etcd --key "file:$tmp/site.key"
		--endpoint "$S3_HTTP" --path-style --region "$S3_REGION"
		--access-key "file:$tmp/access" --secret-key "file:$tmp/secret")
	printf %s "$S3_ACCESS" >access
	printf %s "$S3_SECRET" >secret
	chmod 600 access secret
	hf init "${s3[@]}" && there_and_back "${s3[@]}"
}
# A store that takes a connection and says nothing may be waited for; who wants
# us to stop does not wait so long.
ends_while_it_hangs() {
	local gateway pid rc n
	gateway=$(cat versitygw/run/http.pid)
	"$holdfast" follow "${s3[@]}" --from "etcd:$ETCD_ENDPOINTS" \
		--source-name cp --interval 1s "${options[@]}" >followed 2>err &
	pid=$!
	at_end kill -9 $pid
	until_true grep -q ' log to ' followed || return 1
	kill -STOP "$gateway"
	sleep 3 # The next log is on its way.
	kill -TERM $pid
	for ((n = 0; n < 900; n++)); do
		runs $pid || break
		sleep 0.1
	done
	kill -CONT "$gateway"
	runs $pid && echo "# it did not end" && return 1
	wait $pid
	rc=$?
	[ $rc = 0 ] || [ $rc = 13 ] || echo "# exit status $rc"
	[ $rc = 0 ] || { [ $rc = 13 ] && one_error; }
}
# Nobody is told the password: not the store, the state, nor who reads along.
no_password() {
	printf 'marker%s' "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')" >bad
	chmod 600 bad
	fails 6 "check 'user' and 'password'" -- -v backup "${repo[@]}" \
		--from "etcd:$ETCD_ENDPOINTS" --etcd-ca "$ETCD_CA" \
		--etcd-cert "$ETCD_CERT" --etcd-key "$ETCD_KEY" \
		--etcd-user root --etcd-password "file:$tmp/bad" || return 1
	! grep -rlaF -- "$(cat bad)" out err repo state
}

printf rootpw >rootpw
chmod 600 rootpw
hf keygen --out site.key
hf init "${repo[@]}"
check "etcd $ETCD: into a folder and back" to_folder MEMBERS=1
if [ -x "$XDG_CACHE_HOME/holdfast-peers/versitygw/versitygw" ]; then
	peer versitygw $((port + 6))
	check "etcd $ETCD: into a bucket and back" to_bucket
	check "etcd $ETCD: a follower ends while the store hangs" \
		ends_while_it_hangs
else
	skip "etcd $ETCD: into a bucket and back" \
		"run: test/peers/versitygw.sh install"
fi
check "etcd $ETCD: three members" to_folder MEMBERS=3
check "etcd $ETCD: TLS, a client certificate, user and password" to_folder \
	TLS=mutual AUTH=on
check "etcd $ETCD: a wrong password is refused, and not repeated" no_password
finish
