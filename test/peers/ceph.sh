#!/bin/bash
# ceph.sh: Ceph's RADOS gateway, a real S3 server out of Debian packages: one
# monitor, one object store in memory, one gateway; no root, no manager.
#
# PORT speaks http, PORT+1 https (DIR/tls/ca.pem); PORT+2 is the monitor's,
# PORT+10 to PORT+19 the object store's.  Users: `tester` owns everything,
# `writer` may put into the bucket `writeonly` and nothing else.  A start takes
# about three seconds and forgets all that an earlier one stored.
. "$(dirname "$0")/lib.sh"
peer_args "$@"

OWNER=AKIDTESTER:SECRETTESTER
CONF=$DIR/ceph.conf
HTTPS=$((${PORT:-0} + 1))
MON=$((${PORT:-0} + 2))

installed() {
	command -v radosgw >/dev/null && command -v ceph-osd >/dev/null
}

install() {
	! installed || return 0
	apt_install ceph-mon ceph-osd radosgw ceph-common
}

write_conf() {
	cat >"$CONF" <<-END
	[global]
	fsid = $1
	mon_host = v1:127.0.0.1:$MON
	mon_initial_members = a
	auth_cluster_required = none
	auth_service_required = none
	auth_client_required = none
	ms_bind_msgr2 = false
	ms_bind_port_min = $((PORT + 10))
	ms_bind_port_max = $((PORT + 19))
	# The defaults make the first election take many seconds.
	paxos_propose_interval = 0.02
	paxos_min_wait = 0.01
	mon_data_avail_crit = 1
	mon_data_avail_warn = 2
	mon_allow_pool_size_one = true
	mon_warn_on_pool_no_redundancy = false
	osd_pool_default_size = 1
	osd_pool_default_min_size = 1
	osd_pool_default_pg_num = 1
	osd_pool_default_pgp_num = 1
	osd_crush_chooseleaf_type = 0
	# Without these two, a store that starts before it has the monitors' map
	# sends them a command with no fsid, is refused, and exits.
	osd_crush_update_on_start = false
	osd_class_update_on_start = false
	osd_objectstore = memstore
	memstore_device_bytes = 2147483648
	run_dir = $DIR/sock
	admin_socket = $DIR/sock/\$name.\$pid.asok
	log_file = $DIR/log/\$name.log
	debug_ms = 0
	[mon.a]
	host = localhost
	mon_data = $DIR/mon
	mon_addr = v1:127.0.0.1:$MON
	[osd.0]
	host = localhost
	osd_data = $DIR/osd
	public_addr = 127.0.0.1
	cluster_addr = 127.0.0.1
	[client.rgw.t]
	rgw_data = $DIR/rgw
	rgw_frontends = beast endpoint=127.0.0.1:$PORT ssl_endpoint=127.0.0.1:$HTTPS ssl_certificate=$DIR/tls/cert.pem ssl_private_key=$DIR/tls/key.pem
	rgw_enable_apis = s3, admin
	rgw_dns_name = s3.localhost
	rgw_run_sync_thread = false
	rgw_enable_usage_log = false
	# Deleted objects are memory: give it back soon.
	rgw_gc_obj_min_wait = 2
	rgw_gc_processor_period = 5
	END
}

start_mon() {
	local fsid
	fsid=$(cat /proc/sys/kernel/random/uuid)
	write_conf "$fsid"
	monmaptool --create --clobber --addv a "[v1:127.0.0.1:$MON]" \
		--fsid "$fsid" "$DIR/monmap" >/dev/null
	ceph-mon -c "$CONF" -i a --mkfs --monmap "$DIR/monmap"
	spawn mon ceph-mon -f -c "$CONF" -i a
	await mon timeout 60 ceph -c "$CONF" -s
}

osd_up() {
	timeout 60 ceph -c "$CONF" osd stat 2>/dev/null | grep -q '1 up'
}

start_osd() {
	local id
	id=$(cat /proc/sys/kernel/random/uuid)
	# A monitor that has just begun refuses one thing or another; the same
	# again is none more.
	await mon timeout 60 ceph -c "$CONF" osd new "$id"
	await mon timeout 60 ceph -c "$CONF" osd crush add osd.0 1 \
		root=default host=localhost
	ceph-osd -c "$CONF" -i 0 --mkfs --osd-uuid "$id" \
		>"$DIR/log/mkfs.log" 2>&1
	spawn osd ceph-osd -f -c "$CONF" -i 0
	await osd osd_up
}

admin() {
	radosgw-admin -c "$CONF" -n client.rgw.t "$@" \
		>>"$DIR/log/admin.log" 2>&1
}

make_user() {
	admin user create --uid "$1" --display-name "$1" \
		--access-key "AKID${1^^}" --secret-key "SECRET${1^^}" ||
		die "cannot make the user '$1'"
}

start() {
	installed || missing
	port_free "$PORT" $HTTPS $MON
	rm -rf "$DIR"/{mon,osd,sock,rgw}
	mkdir -p "$DIR"/{mon,osd,sock,rgw}
	make_tls
	start_mon
	start_osd
	spawn rgw radosgw -f -c "$CONF" -n client.rgw.t
	await rgw answers "http://127.0.0.1:$PORT/"
	make_user tester
	make_user writer
	s3_put test
	s3_put writeonly
	write_only writeonly arn:aws:iam:::user/writer
	tell "S3_HTTP=http://127.0.0.1:$PORT" "S3_HTTPS=https://127.0.0.1:$HTTPS" \
		"S3_CA=$DIR/tls/ca.pem" "S3_OTHER_CA=$DIR/tls/other-ca.pem" \
		S3_BUCKET=test S3_WRITEONLY=writeonly S3_REGION=us-east-1 \
		S3_VIRTUAL="http://s3.localhost:$PORT" \
		S3_ACCESS=AKIDTESTER S3_SECRET=SECRETTESTER \
		S3_WRITER_ACCESS=AKIDWRITER S3_WRITER_SECRET=SECRETWRITER
}

case $VERB in
install) install ;;
start) start ;;
stop) halt rgw && halt osd && halt mon ;;
status) show_status ;;
esac
