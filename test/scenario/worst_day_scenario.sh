#!/bin/bash
# worst_day_scenario.sh HOLDFAST VERSION PORT GUIDE: a control plane of three
# machines is backed up and followed as GUIDE/kubernetes.md says, then all of it
# is deleted but the bucket and the key, and brought back by the commands of
# GUIDE/worst-day.md, in their order, in TAP.
#
# Each machine is a folder that stands in for its root: paths and addresses in
# the pages are translated, and nothing else.  Of Kubernetes there are only the
# files; in the place of the kubelet a script starts etcd from its manifest.
guide=$(realpath "$4")
# shellcheck source=test/scenario/scenario.sh
. "$(dirname "$0")/scenario.sh"
export ETCD=$2 MEMBERS=3 TLS=mutual AUTH=off
port=$3
machines="cp1 cp2 cp3"
follower=

# translate MACHINE: the page's paths and addresses, as they are here.
translate() {
	local i script=''
	for i in 0 1 2; do
		script+="s,10\\.0\\.0\\.$((i + 1)):2379,127.0.0.1:$((port + 2 * i)),g;"
		script+="s,10\\.0\\.0\\.$((i + 1)):2380,127.0.0.1:$((port + 2 * i + 1)),g;"
	done
	sed "$script;s,/etc/,$tmp/$1/etc/,g;s,/var/lib/,$tmp/$1/var/lib/,g
		s,s3://backups/,s3://test/,;s,https://s3.example.net,$S3_HTTP,
		s,eu-west-3,$S3_REGION,;s,00112233445566778899aabbccddeeff,$fingerprint,"
}
# on MACHINE FILE: run the commands of FILE there.
on() {
	(
		cd "$tmp/$1/root" || exit 1
		export HOME=$PWD HOLDFAST_CONFIG=$tmp/$1/etc/holdfast/holdfast.yaml
		export MACHINE=$1 ROOT=$tmp/$1 ETCD_BIN
		export HOLDFAST_STATE_DIR=$tmp/$1/var/lib/holdfast
		PATH=$tmp/bin:$PATH exec bash -euo pipefail "$2"
	) >>out 2>>err
}
# block N: the Nth block of the page that is to be run, with `sh` or `sh each`.
block() {
	awk -v want="$1" '
		/^```sh( each)?$/ { n++; on = n == want; if (on) print "#" $2; next }
		/^```$/ { on = 0 }
		on' "$guide/worst-day.md"
}
# step N: run it on the first machine, or on each.
step() {
	local where=cp1 m
	block "$1" >page
	[ -s page ] || return 1
	! grep -qx "#each" page || where=$machines
	for m in $where; do
		translate "$m" <page >"$m/commands"
		on "$m" "$tmp/$m/commands" || {
			sed "s/^/# $m: /" "$m/commands"
			return 1
		}
	done
}
carried() { # The plan is copied to the other machines, as the page says.
	local m
	step 6 && says out 'holdfast restore' '--bump-revision 1000000000' ||
		return 1
	for m in cp2 cp3; do
		sed "s,/cp1/,/$m/," cp1/root/plan >"$m/root/plan"
	done
}

# What the machines have beside holdfast.
programs() {
	mkdir bin
	ln -s "$holdfast" bin/holdfast
	cat >bin/hostname <<'END'
#!/bin/sh
echo "$MACHINE"
END
	# The kubelet of this machine: it starts the etcd of the manifest.
	cat >bin/systemctl <<'END'
#!/bin/bash
[ "$*" = "enable --now kubelet" ] || exit 0
mapfile -t command < <(sed -n 's/^    - //p' "$ROOT/etc/kubernetes/manifests/etcd.yaml")
PATH=$ETCD_BIN:$PATH setsid "${command[@]}" >"$ROOT/etcd.log" 2>&1 </dev/null &
echo $! >"$ROOT/etcd.pid"
END
	chmod +x bin/hostname bin/systemctl
}
# The files of a machine, as kubeadm lays them out.
machine() { # I NAME
	local root=$tmp/$2 etc=$tmp/$2/etc/kubernetes tls=$tmp/etcd/tls f
	mkdir -p "$root"/{root,etc/holdfast,etc/kubernetes/manifests} \
		"$etc/pki/etcd" "$root/var/lib/kubelet/pki"
	cp "$tls/ca.pem" "$etc/pki/etcd/ca.crt"
	cp "$tls/ca.key" "$etc/pki/etcd/ca.key"
	for f in server peer; do
		cp "$tls/cert.pem" "$etc/pki/etcd/$f.crt"
		cp "$tls/key.pem" "$etc/pki/etcd/$f.key"
	done
	cp "$tls/root.pem" "$etc/pki/etcd/healthcheck-client.crt"
	cp "$tls/root.key" "$etc/pki/etcd/healthcheck-client.key"
	head -c 1700 /dev/urandom >"$etc/pki/sa.key"
	for f in apiserver controller-manager scheduler; do
		echo "kind: Pod # $f" >"$etc/manifests/kube-$f.yaml"
	done
	translate "$2" >"$etc/manifests/etcd.yaml" <<END
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://10.0.0.$1:2379
    - --cert-file=/etc/kubernetes/pki/etcd/server.crt
    - --client-cert-auth=true
    - --data-dir=/var/lib/etcd
    - --initial-advertise-peer-urls=https://10.0.0.$1:2380
    - --initial-cluster=$2=https://10.0.0.$1:2380
    - --initial-cluster-state=existing
    - --key-file=/etc/kubernetes/pki/etcd/server.key
    - --listen-client-urls=https://10.0.0.$1:2379
    - --listen-peer-urls=https://10.0.0.$1:2380
    - --name=$2
    - --peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt
    - --peer-client-cert-auth=true
    - --peer-key-file=/etc/kubernetes/pki/etcd/peer.key
    - --peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
END
	echo "kind: KubeletConfiguration" >"$root/var/lib/kubelet/config.yaml"
	echo "KUBELET_KUBEADM_ARGS=" >"$root/var/lib/kubelet/kubeadm-flags.env"
	echo "a certificate" >"$root/var/lib/kubelet/pki/kubelet.crt"
	mkdir "$root/var/lib/kubelet/pods"
	echo "nobody's" >"$root/var/lib/kubelet/pods/volume"
}
from_the_safe() { # MACHINE
	cp safe/* "$1/etc/holdfast/"
}
# configured: the configuration of GUIDE/kubernetes.md, on each machine.
configured() {
	local m
	for m in $machines; do
		awk '/^```yaml machine$/ { on = 1; next } /^```$/ { on = 0 } on' \
			"$guide/kubernetes.md" | sed "s/cp1/$m/g" |
			translate "$m" >"$m/etc/holdfast/holdfast.yaml"
		from_the_safe "$m"
	done
	[ -s cp1/etc/holdfast/holdfast.yaml ]
}
here() { # MACHINE COMMAND...: on that machine
	local m=$1
	shift
	printf '%q ' "$@" >"$m/commands"
	on "$m" "$tmp/$m/commands"
}
ctl() {
	etcdctl --endpoints "https://127.0.0.1:$port" --cacert "$tmp/ca.pem" \
		--cert "$tmp/client.pem" --key "$tmp/client.key" "$@"
}

backed_up() {
	local m n
	here cp1 holdfast init --repo main || return 1
	fingerprint=$(sed -n 's/^fingerprint *//p' out | tr -d ' ')
	configured
	for m in $machines; do
		here "$m" holdfast backup || return 1
	done
	for n in $(seq 40); do
		ctl put "/registry/configmaps/default/$n" "$n" || return 1
	done >puts
}
# What came after the backup is in the logs of `follow` alone.
followed() {
	here cp1 sh -c 'holdfast follow control-plane --interval 1s >log 2>&1 &
		echo $! >pid' && follower=$(cat cp1/root/pid) || return 1
	until_true grep -q ' log to ' cp1/root/log &&
		ctl put /registry/late "in a log" >puts &&
		until_true grep -q ', 1 event,' cp1/root/log || return 1
	ctl get '' --from-key >keys
	is_ours "$follower" && kill "$follower" &&
		until_true is_gone "$follower"
}
# The number of a process that has ended is soon another's.
is_ours() { [[ $(readlink "/proc/$1/cwd") = "$tmp"/* ]]; }
is_gone() { ! is_ours "$1"; }
# Everything burns, but the bucket and the safe.
burnt() {
	local m
	"$peers/etcd.sh" stop "$tmp/etcd" && mkdir kept || return 1
	for m in $machines; do
		mkdir "kept/$m"
		mv "$m/etc/kubernetes" "$m/var/lib/kubelet" "kept/$m/"
		rm -rf "${tmp:?}/$m"
		mkdir -p "$m"/{root,etc/holdfast,etc/kubernetes/manifests,var/lib}
		from_the_safe "$m"
	done
}
as_before() {
	local m
	for m in $machines; do
		same_tree "kept/$m/kubernetes" "$m/etc/kubernetes" || return 1
		rm -r "kept/$m/kubelet/pods"
		same_tree "kept/$m/kubelet" "$m/var/lib/kubelet" || return 1
	done
	ctl get '' --from-key >keys.now && same keys keys.now &&
		ctl put /registry/new 1 -w json >said &&
		[ "$(sed 's/.*"revision":\([0-9]*\).*/\1/' said)" -gt 1000000000 ] &&
		ctl member list >members && [ "$(grep -c started members)" = 3 ]
}
backed_up_again() { step 11 && says out 'control-plane  full'; }
stop_all() {
	local m pid
	for m in $machines; do
		pid=$(cat "$tmp/$m/etcd.pid") && is_ours "$pid" && kill -9 "$pid"
	done
}

peer versitygw $((port + 6))
peer etcd "$port"
at_end stop_all
cp "$ETCD_CA" ca.pem
cp "$ETCD_CERT" client.pem
cp "$ETCD_KEY" client.key
mkdir safe
printf %s "$S3_ACCESS" >safe/s3-access
printf %s "$S3_SECRET" >safe/s3-secret
hf keygen --out safe/site.key
chmod 600 safe/*
fingerprint=00112233445566778899aabbccddeeff
programs
machine 1 cp1
machine 2 cp2
machine 3 cp3
check "the machines are configured as the guide says" configured
sed -i /fingerprint/d cp1/etc/holdfast/holdfast.yaml
check "each machine is backed up" backed_up
check "etcd is followed" followed
check "everything burns" burnt
check "the machines are prepared" step 1
check "they know the repository" step 2
check "the newest backup is proven" step 3
check "the files of the machines come back" step 4
check "the API server is kept out" step 5
check "the plan is made and carried to all" carried
check "etcd is restored" step 7
check "the kubelets start it" step 8
check "all members have what the backup has" step 9
check "the API server is let in" step 10
check "all is as it was, and goes on" as_before
check "backups go on" backed_up_again
finish
