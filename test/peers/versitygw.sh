#!/bin/bash
# versitygw.sh: an S3 server over a folder that checks signatures strictly.
#
# PORT speaks http, PORT+1 https (DIR/tls/ca.pem), over the same data.  Users:
# the root user, and `writer`, who may put into the bucket `writeonly` and
# nothing else.  Buckets are the folders of DIR/data; a start forgets them.
. "$(dirname "$0")/lib.sh"
peer_args "$@"

MODULE=github.com/versity/versitygw/cmd/versitygw
VERSION=v1.8.0
OWNER=AKIDROOT:SECRETROOT
BIN=$CACHE/versitygw/versitygw

install() {
	[ ! -x "$BIN" ] || return 0
	command -v go >/dev/null ||
		die "building it needs Go 1.26 or later, and there is no 'go'"
	mkdir -p "$CACHE/versitygw"
	GOBIN=$CACHE/versitygw CGO_ENABLED=0 GOFLAGS='' \
		go install -p "$(nproc)" -trimpath "$MODULE@$VERSION"
}

# gateway NAME PORT [OPTION...]
gateway() {
	local name=$1 port=$2
	shift 2
	ROOT_ACCESS_KEY=AKIDROOT ROOT_SECRET_KEY=SECRETROOT spawn "$name" \
		"$BIN" --port "127.0.0.1:$port" --health /healthz \
		--iam-dir "$DIR/iam" --virtual-domain s3.localhost "$@" \
		-q posix "$DIR/data"
}

start() {
	[ -x "$BIN" ] || missing
	port_free "$PORT" $((PORT + 1))
	make_tls
	rm -rf "$DIR/iam" "$DIR/data"
	mkdir -p "$DIR"/iam "$DIR"/data/{test,writeonly}
	gateway http "$PORT"
	gateway https $((PORT + 1)) --cert "$DIR/tls/cert.pem" \
		--key "$DIR/tls/key.pem"
	await http answers "http://127.0.0.1:$PORT/healthz"
	await https answers "https://127.0.0.1:$((PORT + 1))/healthz"
	"$BIN" admin --access AKIDROOT --secret SECRETROOT \
		--endpoint-url "http://127.0.0.1:$PORT" \
		create-user -a AKIDWRITER -s SECRETWRITER -r user \
		>>"$DIR/log/admin.log" 2>&1 || die "cannot make the user 'writer'"
	write_only writeonly AKIDWRITER
	tell "S3_HTTP=http://127.0.0.1:$PORT" \
		"S3_HTTPS=https://127.0.0.1:$((PORT + 1))" \
		"S3_CA=$DIR/tls/ca.pem" "S3_OTHER_CA=$DIR/tls/other-ca.pem" \
		S3_BUCKET=test S3_WRITEONLY=writeonly S3_REGION=us-east-1 \
		S3_VIRTUAL="http://s3.localhost:$PORT" \
		S3_ACCESS=AKIDROOT S3_SECRET=SECRETROOT \
		S3_WRITER_ACCESS=AKIDWRITER S3_WRITER_SECRET=SECRETWRITER
}

case $VERB in
install) install ;;
start) start ;;
stop) halt https && halt http ;;
status) show_status ;;
esac
