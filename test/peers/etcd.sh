#!/bin/bash
# etcd.sh: etcd of four minor versions, alone or as three members.
#
# What is wanted comes from the environment:
#
#	ETCD=3.4|3.5|3.6|3.7	the version; `install` without it gets all four
#	MEMBERS=1|3		PORT+2i serves clients, PORT+2i+1 the peers
#	TLS=off|server|mutual	mutual: clients need a certificate of the CA
#	AUTH=off|on		on: root (password rootpw), and reader (readerpw)
#				who may read everything and do nothing else
#	ETCD_FLAGS		further flags of the server
#
# 3.4 and 3.5 are Debian's packages, unpacked and not installed; 3.6 and 3.7
# are built from the modules pinned in etcd36/ and etcd37/.
. "$(dirname "$0")/lib.sh"
peer_args "$@"

HERE=$(cd "$(dirname "$0")" && pwd)
VERSION=${ETCD:-3.4}
SHORT=etcd${VERSION/./}
BIN=$CACHE/$SHORT
MEMBERS=${MEMBERS:-1}
TLS=${TLS:-off}
AUTH=${AUTH:-off}

# unpack SUITE: the packages of a Debian release, with an apt state of its own,
# so that the system's is not touched and root is not needed.
unpack() {
	local tmp mirror deb
	# shellcheck disable=SC2016 # apt expands these.
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		grep -v security | sed -n 's/ main$//p' | sort -u | head -n 1)
	[ -n "$mirror" ] || die "apt's sources name no Debian mirror"
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # This folder, not what tmp is later.
	trap "rm -rf '$tmp'" EXIT
	mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" "$BIN"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"$mirror $1 main" >"$tmp/sources.list"
	local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$tmp/sources.list"
		-o Dir::Etc::sourceparts=- -o "Dir::State::lists=$tmp/lists"
		-o "Dir::Cache=$tmp/cache" -o APT::Sandbox::User=
		-o Acquire::Languages=none)
	"${apt[@]}" update
	(cd "$tmp" && "${apt[@]}" download etcd-server etcd-client)
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$tmp/x"
	done
	install -m 755 "$tmp"/x/usr/bin/etcd* "$BIN/"
}

# build: `go install module@version` refuses etcd's modules (they replace), so
# they are built as tools of a module of our own that pins everything.
build() {
	local sum pair
	command -v go >/dev/null ||
		die "building $VERSION needs Go 1.26 or later, and there is no 'go'"
	cd "$HERE/$SHORT" || exit 1
	sum=$(cat go.mod go.sum | sha256sum | cut -d ' ' -f 1)
	[ "$(cat "$BIN/.modules" 2>/dev/null)" != "$sum" ] || return 0
	mkdir -p "$BIN"
	for pair in server:etcd etcdctl:etcdctl etcdutl:etcdutl; do
		CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -p "$(nproc)" \
			-trimpath -buildvcs=false -o "$BIN/${pair#*:}" \
			"go.etcd.io/etcd/${pair%%:*}/v3"
	done
	echo "$sum" >"$BIN/.modules"
}

install_one() {
	case $VERSION in
	3.4) [ -x "$BIN/etcd" ] || unpack bookworm ;;
	3.5) [ -x "$BIN/etcd" ] || unpack trixie ;;
	3.6 | 3.7) build ;;
	*) die "no version '$VERSION'" ;;
	esac
}

install_all() {
	local v
	for v in 3.4 3.5 3.6 3.7; do
		ETCD=$v "$HERE/etcd.sh" install
	done
}

# client_cert NAME: a certificate of the CA whose common name is NAME.
client_cert() {
	(
		cd "$DIR/tls"
		umask 077
		[ ! -s "$1.pem" ] || exit 0
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
		openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key \
			-CAcreateserial -days "${2:-3650}" -out "$1.pem"
	) 2>/dev/null || die "openssl cannot make a certificate for '$1'"
}

scheme() { [ "$TLS" = off ] && echo http || echo https; }
client_url() { echo "$(scheme)://127.0.0.1:$((PORT + 2 * $1))"; }
peer_url() { echo "http://127.0.0.1:$((PORT + 2 * $1 + 1))"; }

# member I CLUSTER
member() {
	local tls=()
	[ "$TLS" = off ] || tls=(--cert-file "$DIR/tls/cert.pem"
		--key-file "$DIR/tls/key.pem")
	[ "$TLS" != mutual ] || tls+=(--client-cert-auth
		--trusted-ca-file "$DIR/tls/ca.pem")
	# shellcheck disable=SC2086 # One word each.
	spawn "m$1" "$BIN/etcd" --name "m$1" --data-dir "$DIR/m$1" \
		--listen-client-urls "$(client_url "$1")" \
		--advertise-client-urls "$(client_url "$1")" \
		--listen-peer-urls "$(peer_url "$1")" \
		--initial-advertise-peer-urls "$(peer_url "$1")" \
		--initial-cluster "$2" --unsafe-no-fsync \
		--quota-backend-bytes 8589934592 \
		"${tls[@]}" ${ETCD_FLAGS:-}
}

ask() { # I PATH
	local cert=()
	[ "$TLS" != mutual ] ||
		cert=(--cert "$DIR/tls/root.pem" --key "$DIR/tls/root.key")
	curl -sk --noproxy '*' --max-time 30 "${cert[@]}" \
		"$(client_url "$1")/$2"
}
# Each notes the cluster's version, which its members find out together.
ready() { # I
	ask "$1" health | grep -q '"health":"true"' &&
		ask "$1" version | grep -q "\"etcdcluster\":\"$VERSION.0\""
}

ctl() {
	local tls=()
	[ "$TLS" = off ] || tls=(--cacert "$DIR/tls/ca.pem")
	[ "$TLS" != mutual ] ||
		tls+=(--cert "$DIR/tls/root.pem" --key "$DIR/tls/root.key")
	"$BIN/etcdctl" --endpoints "$(client_url 0)" --command-timeout 60s \
		--dial-timeout 30s "${tls[@]}" "$@" \
		>>"$DIR/log/etcdctl.log" 2>&1 || die "etcdctl $* has failed"
}

auth_on() {
	ctl user add root:rootpw
	ctl user grant-role root root
	ctl role add reads
	ctl role grant-permission reads read --prefix ''
	ctl user add reader:readerpw
	ctl user grant-role reader reads
	ctl auth enable
}

start() {
	local i cluster='' urls=''
	[ -x "$BIN/etcd" ] || {
		echo "etcd $VERSION is not installed; run:" \
			"ETCD=$VERSION test/peers/etcd.sh install" >&2
		exit 77
	}
	for ((i = 0; i < MEMBERS; i++)); do
		port_free $((PORT + 2 * i)) $((PORT + 2 * i + 1))
		cluster+=${cluster:+,}m$i=$(peer_url $i)
		urls+=${urls:+,}$(client_url $i)
		rm -rf "$DIR/m$i"
	done
	make_tls
	client_cert root
	client_cert reader
	for ((i = 0; i < MEMBERS; i++)); do
		member $i "$cluster"
	done
	for ((i = 0; i < MEMBERS; i++)); do
		await m$i ready $i
	done
	[ "$AUTH" = off ] || auth_on
	tell "ETCD_ENDPOINTS=$urls" "ETCD_BIN=$BIN" "ETCD_VERSION=$VERSION" \
		"ETCD_CA=$DIR/tls/ca.pem" "ETCD_OTHER_CA=$DIR/tls/other-ca.pem" \
		"ETCD_CERT=$DIR/tls/root.pem" "ETCD_KEY=$DIR/tls/root.key" \
		"ETCD_READER_CERT=$DIR/tls/reader.pem" \
		"ETCD_READER_KEY=$DIR/tls/reader.key"
}

stop() {
	local f
	for f in "$DIR"/run/m*.pid; do
		[ ! -e "$f" ] || halt "$(basename "$f" .pid)"
	done
}

case $VERB in
install) if [ -n "${ETCD:-}" ]; then install_one; else install_all; fi ;;
start) start ;;
stop) stop ;;
status) show_status ;;
esac
